"""The parts of the validation report about groups: reported ones, and those too small to be judged.

What is computed of a group stands in `group_tables`; here it is put into words and tables.
"""

from __future__ import annotations

from retrain_assets.documents.page import Part, table, text
from retrain_assets.documents.units import counted, plural
from retrain_assets.metrics.names import metric_words
from retrain_assets.validation.pages.evidence import Evidence
from retrain_assets.validation.pages.group_tables import ROWS, Disparity, GroupValue, groups_counted
from retrain_assets.validation.pages.text import about, in_order, margin_told, told, told_apart
from retrain_assets.verdict import Outcome, Verdict

GROUPS_READ = """Reported, and nothing is decided by it: where groups are small, the largest difference between them is
large by chance alone. What is judged is whether a group has become worse off by more
than the margin."""


def watched_part(verdict: Verdict, row: str, label_unit: str) -> list[Part]:
    """Groups too small for this gate to judge: what is known of them, and what happens instead."""
    rows = [
        {
            "about": about(finding),
            "rows": finding.rows,
            "margin": margin_told(finding, label_unit),
            "why": finding.reason,
        }
        for finding in in_order(verdict)
        if finding.outcome is Outcome.WATCHED
    ]
    said = (
        f"Not passed and not failed: nobody can tell on these {plural(row)}. After a promotion they are watched in "
        "every period, and a harm beyond the margin that shows then takes the model back."
    )
    title, body = f"Groups too small to be judged ({len(rows)})", f"{said}\n\n{table(rows, row)}"
    return [Part(title, body, folded=True)] if rows else []


def undecided_part(evidence: Evidence, row: str, label_unit: str) -> list[Part]:
    """Slices that were too small to tell and hold nothing up; they stand in the evidence, not among the findings."""
    rows = [
        {
            "about": slice_.group,
            "metric": metric_words(slice_.metric),
            "rows": slice_.rows,
            "design effect": slice_.design_effect,
            "detectable": told(slice_.minimum_detectable, slice_.metric, label_unit, change=True),
            "rows needed": slice_.rows_needed,
            "why": slice_.reason,
        }
        for slice_ in evidence.undecided_slices
    ]
    terms = ("design effect", "detectable", "rows needed")
    title = f"Slices too small to tell, which stop nothing ({len(rows)})"
    return [Part(title, table(rows, row), terms, folded=True)] if rows else []


def reported_part(verdict: Verdict, evidence: Evidence, row: str, label_unit: str) -> Part:
    """What both models reach in every group, and the largest differences between groups."""
    tables = _tables(verdict, evidence, row, label_unit)
    return Part("Groups, reported and not judged", tables, _rates(evidence), GROUPS_READ, folded=True)


def group_rows(evidence: Evidence, attribute: str, label_unit: str = "") -> list[dict[str, object]]:
    """One line for each group of an attribute: its rows, and each metric as `live → candidate`."""
    values = [value for value in evidence.groups if value.attribute == attribute]
    metrics = list(dict.fromkeys(value.metric for value in values if value.metric != ROWS))
    by_group: dict[str, dict[str, GroupValue]] = {}
    for value in values:
        by_group.setdefault(value.group, {})[value.metric] = value
    return [
        {
            "group": group,
            "rows": found[ROWS].rows if ROWS in found else None,
            **{metric_words(name): _both(found.get(name), label_unit) for name in metrics},
        }
        for group, found in by_group.items()
    ]


def taken_over(verdict: Verdict, disparity: Disparity, label_unit: str) -> str:
    """Over how many of an attribute's groups a difference is taken, and what the candidate showed on the others."""
    evidence, attribute, metric = Evidence.from_dict(verdict.evidence), disparity.attribute, disparity.metric
    of_attribute = [each for each in evidence.groups if each.attribute == attribute]
    counted_rows = [each for each in of_attribute if each.metric == ROWS]
    valued = {each.group for each in of_attribute if each.metric == metric and each.candidate_value is not None}
    others = [
        finding.candidate_value
        for finding in verdict.of("fairness")
        if finding.metric == metric and not finding.against and finding.group not in valued
        if finding.group.startswith(f"{attribute}=") and finding.candidate_value is not None
    ]
    ends = dict.fromkeys(told(value, metric, label_unit) for value in (min(others), max(others))) if others else ()
    rest = f"; too small or pooled ones showed {' to '.join(ends)}" if others else ""
    return f"{len(valued)} of {counted(groups_counted(counted_rows), 'group')}{rest}"


def _tables(verdict: Verdict, evidence: Evidence, row: str, label_unit: str) -> str:
    if not evidence.attributes:
        return "No table of groups: the spec names none, or the scores could not be judged."
    least = evidence.group_minimum
    fewer = f"fewer than {counted(least, row)}" if least else ""
    small = f" A group of {fewer} is only counted, such a pair of values left out." if least else ""
    parts = [f"Each metric as live → candidate.{small}"]
    for attribute in evidence.attributes:
        parts += [f"### By {text(attribute)}", table(group_rows(evidence, attribute, label_unit), row)]
    apart = [_apart(verdict, each, label_unit) for each in evidence.disparities]
    return "\n\n".join([*parts, "### Between the groups of one attribute", table(apart, row)])


def _apart(verdict: Verdict, disparity: Disparity, label_unit: str) -> dict[str, object]:
    return {
        "attribute": disparity.attribute,
        "metric": metric_words(disparity.metric),
        "over": taken_over(verdict, disparity, label_unit),
        "largest difference, live": told(disparity.champion_difference, disparity.metric, label_unit, change=True),
        "candidate": told(disparity.candidate_difference, disparity.metric, label_unit, change=True),
        "smallest ratio, live": disparity.champion_ratio,
        "ratio, candidate": disparity.candidate_ratio,
    }


def _rates(evidence: Evidence) -> tuple[str, ...]:
    """The metrics of the tables of groups, as the glossary calls them."""
    names = {value.metric.split("[")[0] for value in evidence.groups}
    known = {"selection_rate": "selection rate", "tpr": "TPR, FPR", "mae": "MAE", "mean_error": "mean error"}
    return tuple(term for name, term in known.items() if name in names)


def _both(value: GroupValue | None, label_unit: str) -> str:
    if value is None or value.candidate_value is None:
        return ""
    before, after = told_apart((value.champion_value, value.candidate_value), value.metric, label_unit)
    return after if value.champion_value is None else f"{before} → {after}"
