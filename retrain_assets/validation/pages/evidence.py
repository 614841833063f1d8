"""What a verdict reports beside its findings, read from its stored record: groups, slices, hard cases, the anchor.

It decides nothing. The gate writes it (`validation.gate`); pages, cards and asset metadata read it here.
"""

from __future__ import annotations

from dataclasses import dataclass

from retrain_assets.monitoring.performance.report import Baseline
from retrain_assets.store import Json
from retrain_assets.validation.criteria.procedure_evidence import PROCEDURE, SHOWN, ProcedureEvidence
from retrain_assets.validation.pages.group_tables import Disparity, GroupValue
from retrain_assets.validation.suite.cases import CaseResult
from retrain_assets.verdict import Finding


@dataclass(frozen=True)
class ComparedAnchor:
    """The version that a person approved last, and why the candidate could not be held against it (empty: it was)."""

    version: str
    digest: str
    fault: str = ""


@dataclass(frozen=True)
class Evidence:
    """What stands in a verdict beside its findings; what it lacks is empty.

    Attributes:
        trained_until: The candidate's training rows end here, ISO 8601.
        strategy: Which training strategy the candidate comes from.
        baseline: The loss that the candidate is held to in service.
        group_minimum: Rows from which on a group has values of its own.
        groups: Every protected group, and pairs of attributes, for both models.
        disparities: How far the groups of one attribute are apart.
        undecided_slices: Slices too small to tell; they stop nothing.
        cases: The known hard cases that were scored.
        anchor: None where the live version is the anchor.
        procedure: What fresh models gain over aged ones, where the decision may rest on it.
        procedure_shown: The same of the last backtest, where the decision does not.
    """

    trained_until: str
    strategy: str
    baseline: Baseline | None
    group_minimum: int | None
    groups: tuple[GroupValue, ...]
    disparities: tuple[Disparity, ...]
    undecided_slices: tuple[Finding, ...]
    cases: tuple[CaseResult, ...]
    anchor: ComparedAnchor | None
    procedure: ProcedureEvidence | None = None
    procedure_shown: ProcedureEvidence | None = None

    @classmethod
    def from_dict(cls, stored: Json) -> Evidence:
        """Read a verdict's evidence, also of one that an earlier release stored."""
        return cls(
            stored.get("trained_until", ""),
            stored.get("strategy", ""),
            Baseline.from_dict(stored["baseline"]) if stored.get("baseline") else None,
            stored.get("group_minimum"),
            tuple(GroupValue.from_dict(value) for value in stored.get("groups", ())),
            tuple(Disparity(**each) for each in stored.get("disparities", ())),
            tuple(Finding(**each) for each in stored.get("undecided_slices", ())),
            tuple(CaseResult(**each) for each in stored.get("cases", ())),
            ComparedAnchor(**stored["anchor"]) if stored.get("anchor") else None,
            _figure((stored.get(PROCEDURE) or {}).get("found")),
            _figure(stored.get(SHOWN)),
        )

    @property
    def attributes(self) -> list[str]:
        """The protected attributes and pairs of them that there are tables of, single ones first."""
        return sorted(dict.fromkeys(value.attribute for value in self.groups), key=lambda name: " & " in name)

    @property
    def flips(self) -> list[CaseResult]:
        """The known hard cases that the live model got right and the candidate gets wrong."""
        return [case for case in self.cases if case.champion_right and not case.candidate_right]


def _figure(stored: Json | None) -> ProcedureEvidence | None:
    return ProcedureEvidence.from_dict(stored) if stored else None
