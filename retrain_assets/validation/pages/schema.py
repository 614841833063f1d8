"""The JSON form of the validation report and its JSON Schema (2020-12), which is published with the package.

The schema follows from the records themselves (`verdict`, `groups`, `suite`), so that a field cannot be added there and
forgotten here; `report.schema.json` beside this module is the published copy, and a test holds the two together.
"""

from __future__ import annotations

import json
from pathlib import Path

from retrain_assets.store import Json
from retrain_assets.verdict import Decision, Verdict

PUBLISHED = Path(__file__).with_name("report.schema.json")
"""The schema as shipped; its `$id` names the version, which goes up when a reader of the old form would break."""

ID = "urn:retrain-assets:validation-report:1"

DERIVED = {
    "decision": {"enum": [decision.value for decision in Decision], "description": "What the findings allow together."},
    "sentence": {"type": "string", "description": "The decision in one sentence."},
    "sha256": {"type": "string", "description": "Digest of the record without these three fields; the verdict's id."},
}
"""What `retrain report --json` adds to the stored record; never stored, always recomputed from the findings."""

MEANINGS = {
    "Verdict": {
        "model": "Name of the model.",
        "period": "Period as of whose end the candidate was judged.",
        "candidate_digest": "SHA-256 of the candidate's files in the registry.",
        "champion_digest": "SHA-256 of the live model it was compared with; null for the first model.",
        "policy_sha256": "Digest of the rules in the spec that the verdict was reached under.",
        "code_version": "Version of this package.",
        "identical": "Whether both models score every gate row alike.",
        "required": "The checks that must all pass.",
        "findings": "One record per question that was asked.",
        "refit": "The candidate trained again with the gate's rows, where the spec asks for it.",
    },
    "Refit": {
        "digest": "SHA-256 of the refitted model's files.",
        "trained_until": "Its training rows end here.",
        "findings": "What it was asked; unless all pass, the tested candidate itself is promoted.",
    },
    "Finding": {
        "check": "significance, guardrails, fairness, regression_suite, or hard (can it be judged at all).",
        "outcome": "pass, fail, insufficient (not known), watched (a group too small to judge), or not asked.",
        "reason": "The finding in one sentence.",
        "metric": "Name of the metric; empty where none applies.",
        "role": "primary, procedure (of the spec), guardrail, fairness, slice, floor, regression or hard.",
        "group": "Protected group or slice, like sex=F; empty for all rows.",
        "direction": "Whether a higher or a lower value of the metric is better.",
        "rows": "Rows the metric rests on.",
        "unit": "What counts as one independent observation.",
        "units": "How many of them.",
        "design_effect": "How many dependent rows are worth one independent row.",
        "champion_value": "The live model's value, in the metric's unit.",
        "candidate_value": "The candidate's value, in the metric's unit.",
        "improvement": "By how much the candidate is better; above 0 is better whatever the metric's direction.",
        "low": "Lower one-sided confidence limit of the improvement at level alpha.",
        "high": "Upper one-sided confidence limit of the improvement at level alpha.",
        "alpha": "One-sided level of the limits low and high; of several primaries that of the finding's step.",
        "margin": "Loss that may not be reached; for a floor the limit itself, for the primary 0.",
        "p_value": "One-sided p-value, adjusted by Holm where several questions are asked together.",
        "p_level": "Level that the p-value is held against; missing without one, and in older records.",
        "degrees": "Degrees of freedom of the test; missing unless days are the units.",
        "variance_ratio": "Variance of the mean over that of as many independent days; missing like degrees.",
        "history_days": "Days of history that told the ratio, 0 where the gate's own did; missing like degrees.",
        "against": "The version that the candidate is held against; missing where that is the live one.",
        "minimum_detectable": "Smallest effect that would be found with the declared power.",
        "rows_needed": "Rows with which the question could be answered with the declared power.",
    },
    "GateWindow": {
        "periods": "Periods the gate rows come from.",
        "start": "First moment of the window, included; ISO 8601, wall clock.",
        "end": "End of the window, excluded.",
        "rows": "Gate rows with a known outcome.",
        "rowset_sha256": "SHA-256 of the rows' keys; the ledger refuses rows that decided something before.",
    },
    "GroupValue": {
        "attribute": "Protected attribute, or two joined by ' & '.",
        "group": "Its value, like sex=F.",
        "metric": "Name of the metric; 'rows' only counts the group.",
        "rows": "Rows the metric rests on.",
        "champion_value": "The live model's value; null without a live model or with too few rows.",
        "candidate_value": "The candidate's value; null with too few rows.",
    },
    "Disparity": {
        "attribute": "Protected attribute.",
        "metric": "Name of the metric.",
        "champion_difference": "Largest minus smallest value among the live model's groups.",
        "candidate_difference": "The same of the candidate.",
        "champion_ratio": "Smallest over largest value among the live model's groups.",
        "candidate_ratio": "The same of the candidate.",
    },
    "CaseResult": {
        "id": "Key of the case's row.",
        "period": "Period of the row.",
        "severity": "critical or normal.",
        "owner": "Who wants it kept right.",
        "reason": "Why.",
        "champion_right": "Whether the live model gets it right; null without one.",
        "candidate_right": "Whether the candidate gets it right.",
    },
}
"""What each field means, for readers of the schema."""


OPTIONAL = {
    "Verdict": ("refit",),
    "Finding": ("p_level", "degrees", "variance_ratio", "history_days", "against"),
    "GroupValue": ("attribute",),
}
"""Fields that a record may lack: it was written before they existed, or they do not apply to it."""


def report_json(verdict: Verdict) -> Json:
    """The report for a program: the stored record, and what follows from it."""
    from retrain_assets.validation.pages.text import decision_sentence

    derived = {"decision": verdict.decision.value, "sentence": decision_sentence(verdict), "sha256": verdict.digest}
    return {**verdict.to_dict(), **derived}


def report_schema() -> Json:
    """The JSON Schema of a stored verdict and of what `retrain report --json` prints.

    >>> report_schema() == json.loads(PUBLISHED.read_text())
    True
    """
    from pydantic import TypeAdapter

    from retrain_assets.validation.pages.group_tables import Disparity, GroupValue
    from retrain_assets.validation.suite.cases import CaseResult

    definitions: Json = {}
    for record in (Verdict, GroupValue, Disparity, CaseResult):
        schema = TypeAdapter(record).json_schema(mode="serialization")
        definitions |= schema.pop("$defs", {})
        definitions[record.__name__] = schema
    for name, schema in definitions.items():
        if "properties" in schema:
            _explain(schema, MEANINGS.get(name, {}), OPTIONAL.get(name, ()))
    report = definitions.pop("Verdict")
    report["properties"]["evidence"] = _evidence()
    report["properties"] |= DERIVED
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        **report,
        "title": "Validation report",
        "$defs": dict(sorted(definitions.items())),
    }


def publish() -> Path:
    """Write the published copy again, after a record has gained a field."""
    PUBLISHED.write_text(json.dumps(report_schema(), indent=2) + "\n")
    return PUBLISHED


def _explain(schema: Json, meanings: dict[str, str], optional: tuple[str, ...]) -> None:
    """Close the record: every field present but the optional ones, described, and no other."""
    schema["additionalProperties"] = False
    schema["required"] = sorted(set(schema["properties"]) - set(optional))
    for field, value in schema["properties"].items():
        value.pop("title", None)
        value.pop("default", None)
        if field in meanings:
            value["description"] = meanings[field]


def _evidence() -> Json:
    def listed(name: str, text: str) -> Json:
        return {"type": "array", "items": {"$ref": f"#/$defs/{name}"}, "description": text}

    return {
        "type": "object",
        "description": "What is reported beside the findings; decides nothing. Further entries may be there.",
        "properties": {
            "trained_until": {"type": "string", "description": "The candidate's training rows end here."},
            "strategy": {"type": "string", "description": "Which training strategy the candidate comes from."},
            "baseline": {"type": "object", "description": "The loss that the candidate would be held to in service."},
            "group_minimum": {"type": "integer", "description": "Rows from which on a group has values of its own."},
            "groups": listed("GroupValue", "Every protected group, and pairs of attributes, for both models."),
            "disparities": listed("Disparity", "How far the groups of one attribute are apart."),
            "watched_groups": {
                "type": "array",
                "items": {"type": "object"},
                "description": "Groups too small to be judged here, which are watched after the promotion.",
            },
            "procedure": {
                "type": "object",
                "description": "Digest of how the candidate was trained, and what that gains where it decides.",
            },
            "procedure_shown": {
                "type": "object",
                "description": "What fresh models gain by the last backtest, where nothing is decided by it.",
            },
            "undecided_slices": listed("Finding", "Slices too small to tell; they stop nothing."),
            "cases": listed("CaseResult", "The known hard cases that were scored."),
        },
    }
