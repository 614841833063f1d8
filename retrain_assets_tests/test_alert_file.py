"""The file of alerts after a crash: a torn row costs no fact, neither its own nor one that was told before or after."""

from retrain_assets.alerts import Alert, publish, publish_all, read


def alert(number):
    return Alert("2024-03-01T00:00:00", "taxi", f"2024-{number:02d}", "drift", f"fare moved, {number}")


def tear(home, keep=40):
    """What a process leaves behind that was killed while it wrote its last row."""
    path = home / "alerts.jsonl"
    whole = path.read_bytes()
    last = whole.rstrip(b"\n").rfind(b"\n") + 1
    path.write_bytes(whole[: last + keep])


def test_a_torn_last_row_is_named_and_every_other_alert_is_read(tmp_path, caplog):
    publish_all([alert(1), alert(2), alert(3)], tmp_path)
    tear(tmp_path)
    assert read(tmp_path) == [alert(1), alert(2)]
    (record,) = [record for record in caplog.records if "no alert" in record.message]
    assert f"{tmp_path / 'alerts.jsonl'}, line 3: no alert, but" in record.message


def test_what_comes_after_a_torn_row_stands_in_a_row_of_its_own(tmp_path):
    publish_all([alert(1), alert(2)], tmp_path)
    tear(tmp_path)
    assert publish(alert(3), tmp_path)
    assert read(tmp_path) == [alert(1), alert(3)]
    assert len((tmp_path / "alerts.jsonl").read_bytes().splitlines()) == 3


def test_a_fact_whose_row_was_torn_before_its_mark_was_made_is_published_again(tmp_path):
    publish(alert(1), tmp_path)
    marks = set((tmp_path / "alerts").iterdir())
    publish(alert(2), tmp_path)
    tear(tmp_path)
    (mark,) = set((tmp_path / "alerts").iterdir()) - marks
    mark.unlink()  # the row comes before the mark, and the process died in the row
    assert publish(alert(2), tmp_path)
    assert read(tmp_path) == [alert(1), alert(2)]


def test_the_marks_are_made_from_a_file_with_a_torn_row(tmp_path):
    publish_all([alert(1), alert(2)], tmp_path)
    tear(tmp_path)
    for mark in (tmp_path / "alerts").iterdir():
        mark.unlink()
    (tmp_path / "alerts").rmdir()
    assert publish_all([alert(1), alert(2)], tmp_path) == [alert(2)]


def test_rows_that_are_json_and_no_alert_are_passed_over(tmp_path, caplog):
    publish(alert(1), tmp_path)
    with (tmp_path / "alerts.jsonl").open("ab") as file:
        file.write(b'[]\n{"at": "now"}\n\xff\xfe\n')
    assert read(tmp_path) == [alert(1)]
    assert [f"line {number}:" in caplog.text for number in (2, 3, 4)] == [True] * 3
