"""What the validation report says of groups: reported ones side by side, and those that nobody can tell about."""

from dataclasses import asdict, replace

from retrain_assets.documents.units import amount
from retrain_assets.validation.pages.evidence import Evidence
from retrain_assets.validation.pages.group_parts import group_rows, taken_over, undecided_part, watched_part
from retrain_assets.validation.pages.group_tables import Disparity, GroupValue
from retrain_assets.verdict import Finding, Outcome
from retrain_assets_tests.validation.pages.reports import passing, verdict


def test_group_rows_put_both_models_side_by_side(judged):
    rows = {row["group"]: row for row in group_rows(Evidence.from_dict(judged.evidence), "sex")}
    value = next(v for v in judged.evidence["groups"] if v["group"] == "sex=F" and v["metric"] == "tpr")

    assert rows["sex=F"]["TPR"] == " → ".join(
        amount(value[side], "share") for side in ("champion_value", "candidate_value")
    )
    assert rows["sex=F"]["rows"] + rows["sex=M"]["rows"] == 2000


def test_a_difference_between_groups_says_over_how_many_it_is_taken_and_what_the_others_showed():
    apart = Disparity("zone", "mae", 1.0, 1.47, 0.5, 0.4694)
    values = [
        GroupValue("zone", name, metric, 9, None, value)
        for name, value in (("zone=a", 1.0), ("zone=b", 2.0), ("zone=c", None), ("zone=(1,200 further values)", None))
        for metric in (("rows", "mae") if value else ("rows",))
    ]
    made = verdict(
        Finding("fairness", Outcome.PASS, "ok", metric="mae", group="zone=a", candidate_value=1.0),
        Finding("fairness", Outcome.PASS, "ok", metric="mae", group="zone=c", candidate_value=5.05),
        Finding("fairness", Outcome.PASS, "ok", metric="mae", group="zone=(pooled)", candidate_value=3.0),
        Finding("fairness", Outcome.PASS, "ok", metric="mae", group="zone=c", candidate_value=9.0, against="v1"),
        evidence={"groups": [asdict(one) for one in values]},
    )
    said = "2 of 1,203 groups; too small or pooled ones showed $3.00 to $5.05"
    assert taken_over(made, apart, "USD") == said
    every = replace(made, findings=made.findings[:1])
    assert taken_over(every, apart, "USD") == "2 of 1,203 groups"


def test_a_group_that_is_watched_stands_with_its_margin_and_its_reason_and_no_other_one_does():
    few = Finding("fairness", Outcome.WATCHED, "9 rows, 1,200 needed", metric="mae", group="zone=a", rows=9, margin=0.1)
    [part] = watched_part(verdict(few, passing("guardrails")), "ride", "USD")
    assert part.title == "Groups too small to be judged (1)"
    assert "nobody can tell on these rides" in part.body
    assert "| MAE, zone=a | 9 | $0.10 | 9 rows, 1,200 needed |" in part.body.replace("\\", "")
    assert watched_part(verdict(passing("guardrails")), "ride", "USD") == []


def test_a_slice_that_was_too_small_to_tell_says_what_it_could_have_shown():
    few = Finding(
        "guardrails", Outcome.INSUFFICIENT, "41 rides", metric="mae", group="zone=b", rows=41, rows_needed=900,
        minimum_detectable=0.5, role="slice",
    )  # fmt: skip
    [part] = undecided_part(Evidence.from_dict({"undecided_slices": [asdict(few)]}), "ride", "USD")
    assert part.title == "Slices too small to tell, which stop nothing (1)"
    line = next(line for line in part.body.replace("\\", "").splitlines() if "zone=b" in line)
    assert line.startswith("| zone=b | MAE | 41 |")
    assert "| $0.50 | 900 | 41 rides |" in line
    assert undecided_part(Evidence.from_dict({}), "ride", "USD") == []
