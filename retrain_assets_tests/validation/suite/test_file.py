"""Adding a case to a suite file as people write them: the rest of the text stays, and it reads back."""

import os
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from retrain_assets.errors import SpecError
from retrain_assets.spec.loading import SHIPPED
from retrain_assets.validation.suite.cases import SuiteCase, load_suite, read_suite
from retrain_assets.validation.suite.file import add_case, inserted

CASE = SuiteCase("9", "2019-02", "team:ops", date(2019, 3, 2), 'Wet: "snow" # and é', "critical", date(2020, 1, 1))
FIRST = "{id: a, period: x, owner: o, added: 2019-01-01, reason: r, severity: normal}"
BLOCK = "\n    id: a\n    period: x\n    owner: o\n    added: 2019-01-01\n    severity: normal\n    reason: r"


@pytest.mark.parametrize("shipped", sorted(SHIPPED.glob("*.suite.yaml")), ids=lambda path: path.stem)
def test_a_shipped_suite_gets_one_line_more_and_keeps_every_other(tmp_path, shipped):
    path = tmp_path / shipped.name
    path.write_text(shipped.read_text())
    add_case(path, CASE)
    old, new = shipped.read_text().splitlines(), path.read_text().splitlines()
    assert [line for line in new if line not in old] == [new[-1]]
    assert new[:-1] == old
    assert load_suite(path) == (*load_suite(shipped), CASE)


@pytest.mark.parametrize(
    "text",
    [
        "cases: []\n",
        "cases: [] # none yet\n",
        f"cases: [{FIRST}]\n",
        f"cases: [{FIRST},]\n",
        "cases:\n  -" + BLOCK.replace("reason: r", "reason:\n      - one\n      - two") + "\n# the end\n",
        f"cases:\n- {FIRST}\n",
        f"cases:\n- {FIRST}",
        f"# ours\ncases:\n    - {FIRST}   # first\n\n# the end\n",
        f"cases:\n  - {BLOCK.strip()}\n",
        f"cases:\n  -{BLOCK}\n\n# the end\n",
        "cases:\n  -" + BLOCK.replace("reason: r", "reason: >-\n      two\n      lines") + "\n# the end\n",
        "cases:\n  -" + BLOCK.replace("reason: r", "reason: two\n      lines") + "\n",
    ],
)
def test_however_the_list_is_written_the_case_is_its_last_entry_and_comments_stay(text):
    before = read_suite(text, Path("suite.yaml"))
    after = inserted(text, CASE)
    assert read_suite(after, Path("suite.yaml")) == (*before, CASE)
    assert [line for line in text.splitlines() if "#" in line] == [
        line for line in after.splitlines() if "#" in line and "snow" not in line
    ] or "[]" in text
    assert after.count("#") == text.count("#") + 1  # the one in the reason


def test_the_first_case_begins_the_file(tmp_path):
    add_case(tmp_path / "new.suite.yaml", CASE)
    assert load_suite(tmp_path / "new.suite.yaml") == (CASE,)


def test_cases_can_be_added_one_after_the_other():
    text = "cases: []\n"
    for number in range(3):
        text = inserted(text, replace(CASE, id=str(number)))
    assert [case.id for case in read_suite(text, Path("suite.yaml"))] == ["0", "1", "2"]


# what a person can type on a command line: no control characters, which YAML forbids, and not only blanks
typed = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), min_size=1).filter(str.strip)


@given(row=typed.filter(lambda row: row != "a"), reason=typed)  # FIRST has the key a
def test_any_key_and_any_reason_read_back_as_they_were(row, reason):
    case = replace(CASE, id=row, reason=reason)
    assert read_suite(inserted(f"cases:\n  - {FIRST}\n", case), Path("suite.yaml"))[1] == case


def test_an_id_that_is_there_is_refused_and_the_file_stays(tmp_path):
    path = tmp_path / "taxi.suite.yaml"
    path.write_text(f"cases:\n  - {FIRST}\n")
    with pytest.raises(SpecError, match=r"taxi.suite.yaml: id: a stands in entry 1 already. Change that entry by hand"):
        add_case(path, replace(CASE, id="a"))
    assert path.read_text() == f"cases:\n  - {FIRST}\n"


def test_a_file_that_is_marked_read_only_is_refused_with_the_next_step_and_stays(tmp_path):
    path = tmp_path / "taxi.suite.yaml"
    path.write_text("cases: []\n")
    path.chmod(0o444)
    with pytest.raises(SpecError, match=r"taxi.suite.yaml: cannot be written: .* name it in RETRAIN_MODELS"):
        add_case(path, CASE)
    assert path.read_text() == "cases: []\n"


def test_a_folder_that_cannot_be_written_is_refused_with_the_next_step_and_the_file_stays(tmp_path, monkeypatch):
    path = tmp_path / "taxi.suite.yaml"
    path.write_text("cases: []\n")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(SpecError, match="cannot be written: No space left on device"):
        add_case(path, CASE)
    assert path.read_text() == "cases: []\n"
    assert os.listdir(tmp_path) == ["taxi.suite.yaml"]


def test_the_file_keeps_its_mode_and_a_link_stays_a_link(tmp_path):
    path, link = tmp_path / "taxi.suite.yaml", tmp_path / "link.yaml"
    path.write_text("cases: []\n")
    path.chmod(0o664)
    link.symlink_to(path)
    add_case(link, CASE)
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o664
    assert yaml.safe_load(path.read_text())["cases"][0]["id"] == "9"
