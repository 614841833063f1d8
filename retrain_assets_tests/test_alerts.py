"""What is published: each fact once, in one message a model and period, in a file that survives a crash."""

import json
import threading
from dataclasses import replace

import pytest

from retrain_assets import errors
from retrain_assets.alerts import Alert, brief, page_url, publish, publish_all, read, report_url

# Apprise imports a module of the standard library that Python 3.13 drops, to fill in for it there.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

MODEL = "delivery"
ALERT = Alert("2024-03-01T00:00:00", MODEL, "2024-02-05", "rejected", "significance: mae 6.6 -> 6.7")


def test_a_receiver_gets_each_fact_once(receiver, tmp_path, monkeypatch):
    url, received = receiver
    monkeypatch.setenv("RETRAIN_ALERT_URLS", url)
    assert publish(ALERT, tmp_path)
    assert not publish(ALERT, tmp_path)
    (message,) = received
    assert message["title"] == "delivery 2024-02-05: rejected"
    assert message["message"] == "significance: mae 6.6 -> 6.7\nTo do: nothing; `retrain explain delivery` tells why."


def fact(kind, sentence, period="2024-02-05", model=MODEL):
    return Alert("2024-03-01T00:00:00", model, period, kind, sentence)


def test_the_facts_of_one_model_and_period_are_one_message_the_gravest_first(receiver, tmp_path, monkeypatch):
    url, received = receiver
    monkeypatch.setenv("RETRAIN_ALERT_URLS", url)
    found = [fact("drift", "fare moved"), fact("performance", "loss rose"), fact("probation", "v2 is worse")]
    other = [fact("drift", "fare moved", "2024-02-12"), fact("drift", "fare moved", model="other")]

    assert publish_all([*found, *other], tmp_path) == [*found, *other]

    messages = {message["title"]: message for message in received}
    assert set(messages) == {
        "delivery 2024-02-05: probation, performance, drift", "delivery 2024-02-12: drift", "other 2024-02-05: drift",
    }  # fmt: skip
    probation, loss, drift = messages["delivery 2024-02-05: probation, performance, drift"]["message"].split("\n\n")
    assert probation.split("\n")[0] == "probation: v2 is worse"
    assert "`retrain rollback delivery`" in probation.split("\n")[1]
    assert loss.startswith("performance: loss rose\nTo do: open the performance report")
    assert drift == "drift: fare moved"  # asks nothing of anybody
    assert read(tmp_path) == [*found, *other]


def test_only_what_is_new_is_sent_of_facts_that_come_again(receiver, tmp_path, monkeypatch):
    url, received = receiver
    monkeypatch.setenv("RETRAIN_ALERT_URLS", url)
    first, second = fact("drift", "fare moved"), fact("performance", "loss rose")
    publish(first, tmp_path)
    later = replace(first, at="2024-03-02T00:00:00")

    assert publish_all([later, second, second], tmp_path) == [second]

    assert [message["title"] for message in received] == [
        "delivery 2024-02-05: drift",
        "delivery 2024-02-05: performance",
    ]
    assert read(tmp_path) == [first, second]


def test_a_sentence_that_is_worded_anew_is_not_sent_again(receiver, tmp_path, monkeypatch):
    url, received = receiver
    monkeypatch.setenv("RETRAIN_ALERT_URLS", url)
    assert publish(fact("rolled_back", "v1 is live, it was v2: 2024-02: complaints"), tmp_path)
    anew = replace(fact("rolled_back", "v2 was rolled back"), fact="v1 is live, it was v2: 2024-02: complaints")
    assert not publish(anew, tmp_path)
    assert [message["title"] for message in received] == ["delivery 2024-02-05: rolled back"]


def test_a_fact_that_fits_no_phone_is_cut_at_the_end_of_a_part():
    told = "v2 has been worse than promised; $2.30 a ride (promised $1.45; up to $1.60 is chance). It is at least $2."
    assert brief(told) == told
    assert brief(told, 90) == "v2 has been worse than promised; $2.30 a ride (promised $1.45; up to $1.60 is chance)."
    assert brief(told, 20) == "v2 has been worse than promised."


@pytest.mark.parametrize(
    ("kind", "severity"),
    [
        ("promoted", "success"),
        ("rejected", "info"),
        ("drift", "info"),
        ("stale", "warning"),
        ("rolled_back", "warning"),
        ("skew", "warning"),
        ("held", "failure"),
        ("crash", "failure"),
    ],
)
def test_a_message_and_its_row_say_how_urgent_the_fact_is(kind, severity, receiver, tmp_path, monkeypatch):
    url, received = receiver
    monkeypatch.setenv("RETRAIN_ALERT_URLS", url)
    publish(fact(kind, "something"), tmp_path)
    assert received[0]["type"] == severity
    assert json.loads((tmp_path / "alerts.jsonl").read_text())["severity"] == severity


def test_a_message_links_to_the_page_of_its_period_where_the_ui_is_named(receiver, tmp_path, monkeypatch):
    url, received = receiver
    monkeypatch.setenv("RETRAIN_ALERT_URLS", url)
    monkeypatch.setenv("RETRAIN_UI_URL", "https://dagster.example/team/")
    publish(fact("drift", "fare moved"), tmp_path)
    link = "https://dagster.example/team/assets/delivery/drift_report?view=partitions&partition=2024-02-05"
    assert received[0]["message"] == f"fare moved\n{link}"
    assert page_url(fact("promoted", "v2 is live", "")).endswith("/assets/delivery/model_status")
    assert page_url(fact("crash", "boom")).endswith(
        "/runs?q%5B0%5D=tag%3Aretrain%2Fmodel%3Ddelivery&q%5B1%5D=tag%3Adagster%2Fpartition%3D2024-02-05"
    )


def test_a_message_links_the_report_that_a_phone_can_show_where_its_address_is_named(receiver, tmp_path, monkeypatch):
    url, received = receiver
    monkeypatch.setenv("RETRAIN_ALERT_URLS", url)
    monkeypatch.setenv("RETRAIN_REPORTS_URL", "https://reports.example/")
    publish(fact("drift", "fare moved"), tmp_path)
    assert received[0]["message"] == (
        "fare moved\nReport: https://reports.example/delivery/drift_report/2024-02-05.html"
    )
    assert [report_url(fact(kind, "said")) for kind in ("stale", "crash")] == ["", ""]
    monkeypatch.setenv("RETRAIN_REPORTS_URL", "https://ann:secret@reports.example/")
    assert report_url(fact("drift", "fare moved")) == ""


@pytest.mark.parametrize(
    "address", ["https://ann:secret@dagster.example", "dagster.example", "file:///etc", "http://", "http://a b"]
)
def test_an_address_of_the_ui_that_is_none_or_holds_a_login_is_said_and_gives_no_link(address, monkeypatch, caplog):
    monkeypatch.setenv("RETRAIN_UI_URL", address)
    assert page_url(ALERT) == ""
    assert "RETRAIN_UI_URL is no address" in caplog.text
    assert "secret" not in caplog.text


def test_what_the_data_say_is_no_markup_for_a_receiver_that_shows_html(receiver, tmp_path, monkeypatch):
    url, received = receiver
    monkeypatch.setenv("RETRAIN_ALERT_URLS", f"{url}/?format=html")
    publish(fact("drift", "zone: share of '<script>alert(1)</script>' 0 -> 1 %"), tmp_path)
    assert "<script>" not in received[0]["message"]
    assert "&lt;script&gt;" in received[0]["message"]


def test_publishing_never_reads_what_was_published_before(tmp_path, monkeypatch):
    publish(fact("drift", "first"), tmp_path)
    (tmp_path / "alerts.jsonl").write_bytes(b"\xff no JSON and no text\n")
    assert publish(fact("drift", "second"), tmp_path)
    assert not publish(fact("drift", "first"), tmp_path)


def test_what_an_older_home_has_published_is_not_published_again(tmp_path):
    row = {"at": ALERT.at, "model": MODEL, "period": ALERT.period, "kind": ALERT.kind, "sentence": ALERT.sentence}
    (tmp_path / "alerts.jsonl").write_text(json.dumps(row) + "\n")
    assert not publish(ALERT, tmp_path)
    assert read(tmp_path) == [ALERT]


def test_a_fact_whose_publishing_was_cut_short_is_published_again_and_read_once(receiver, tmp_path, monkeypatch):
    url, received = receiver
    monkeypatch.setenv("RETRAIN_ALERT_URLS", url)
    publish(fact("drift", "before"), tmp_path)
    with (tmp_path / "alerts.jsonl").open("a") as file:  # the row of a process that died before its mark
        file.write(json.dumps({**vars(ALERT), "severity": ALERT.severity}) + "\n")
    assert publish(ALERT, tmp_path)
    assert len(received) == 2
    assert read(tmp_path) == [fact("drift", "before"), ALERT]


def test_of_many_processes_that_see_one_fact_one_sends_it(receiver, tmp_path, monkeypatch):
    url, received = receiver
    monkeypatch.setenv("RETRAIN_ALERT_URLS", url)
    publish(fact("drift", "before"), tmp_path)
    threads = [threading.Thread(target=publish, args=(ALERT, tmp_path)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [message["title"] for message in received].count("delivery 2024-02-05: rejected") == 1
    assert read(tmp_path).count(ALERT) == 1


def test_a_dead_receiver_fails_nothing_and_the_others_still_hear(receiver, tmp_path, monkeypatch, caplog):
    url, received = receiver
    monkeypatch.setenv("RETRAIN_ALERT_URLS", f"json://127.0.0.1:9 nonsense:// {url}")
    assert publish(ALERT, tmp_path)
    assert len(received) == 1
    assert read(tmp_path) == [ALERT]
    assert "did not take the message 'delivery 2024-02-05: rejected'" in caplog.text


@pytest.mark.parametrize("url", ["nonsense://", "json://"])
def test_a_receiver_that_is_none_fails_nothing(url, tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("RETRAIN_ALERT_URLS", url)
    assert publish(ALERT, tmp_path)
    assert "did not take the message" in caplog.text


def test_a_receiver_whose_library_breaks_fails_nothing(tmp_path, monkeypatch, caplog):
    import apprise

    def broken(self, *args, **options):
        raise RuntimeError("no such certificate")

    monkeypatch.setattr(apprise.Apprise, "notify", broken)
    monkeypatch.setenv("RETRAIN_ALERT_URLS", "json://127.0.0.1:9")
    assert publish(ALERT, tmp_path)
    assert "no such certificate" in caplog.text


def test_without_apprise_the_log_names_the_command_that_installs_it(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(errors, "find_spec", lambda name: None)
    monkeypatch.setenv("RETRAIN_ALERT_URLS", "json://127.0.0.1:9")
    assert publish(ALERT, tmp_path)
    assert "MissingPackage: RETRAIN_ALERT_URLS needs apprise: pip install 'retrain-assets[alerts]'" in caplog.text


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
