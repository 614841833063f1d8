"""What a period of probation says in one sentence."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from retrain_assets.documents.units import LossUnits
from retrain_assets.production.policy import ProbationPolicy
from retrain_assets.production.probation.anytime_valid import Conclusion, confidence_sequence
from retrain_assets.production.probation.record import ComparedVersions, Measurement, Status
from retrain_assets.production.probation.text import Wording, sentence_of
from retrain_assets.production.probation.trial import judge


def test_a_probation_in_doubt_says_how_large_a_harm_is_not_ruled_out():
    blocks = [0.2, -0.1, 0.1, -0.2, 0.15, -0.1, 0.05, -0.05]
    status, path = judge(blocks, 1, ProbationPolicy(), over=True)
    compared = ComparedVersions("v2", "2" * 64, "v1", "1" * 64, "2024-01-29", "2024-02-12")
    found = Measurement(
        path.ruling, tuple(blocks), 1, "2024-03-11", 0.0, None, 0, 0, None, None, path.e_value[-1], path.line,
        0.0, path.low[-1], path.high[-1], path.harm_left,
    )  # fmt: skip

    def said(policy):
        return sentence_of("2024-02-19", compared, status, found, Wording(policy, LossUnits("ride", "USD")))

    high = confidence_sequence(blocks, 1, 0.05)[1][-1]
    assert said(ProbationPolicy()).startswith(
        "2024-02-19: the probation of v2 goes on beyond 2024-02-12, at the latest until 2024-03-11: a harm of "
        f"${high:.2f} a ride is not ruled out, {high / np.std(blocks):.2g} standard deviations between blocks, where 1 "
        "must be; no evidence of a difference (e-value "
    )
    spared = ProbationPolicy(tolerance=0.5)
    assert "between blocks beyond the tolerance, where 1 must be" in said(spared)


def test_the_answer_comes_first_and_losses_have_the_units_of_the_model():
    compared = ComparedVersions("v2", "2" * 64, "v1", "1" * 64, "2024-01-29", "2024-02-12")
    found = Measurement(
        Conclusion.WORSE, (0.3,) * 9, 1, "2024-03-11", 0.0, None, 4200, 0, 1.69, 1.43, 12.0, 10.0, 0.0, 0.1, 0.5, 0.2
    )
    said = sentence_of(
        "2024-02-05", compared, Status.HARMED, found, Wording(ProbationPolicy(), LossUnits("ride", "USD"))
    )
    assert said == (
        "2024-02-05: v2 is worse than v1; on the same 4,200 new rides v2 was off by $1.69 a ride on average, v1 by "
        "$1.43; the evidence is 12 (e-value, 10 decides) after 9 blocks of 1 day"
    )


def test_a_probation_that_ends_without_harm_says_which_harm_is_ruled_out():
    compared = ComparedVersions("v2", "2" * 64, "v1", "1" * 64, "2024-01-29", "2024-02-12")
    found = Measurement(
        Conclusion.OPEN, (0.1,) * 9, 1, "2024-03-11", 0.0, None, 4200, 0, 1.69, 1.66, 2.0, 10.0, 0.0, -0.1, 0.2, 0.5
    )
    wording = Wording(ProbationPolicy(), LossUnits("ride", "USD"))
    said = sentence_of("2024-02-12", compared, Status.CONFIRMED, found, wording)
    assert said.startswith(
        "2024-02-12: v2 is confirmed: its probation ends without evidence of harm, a harm above $0.20 a ride is ruled "
        "out; "
    )
    unbounded = sentence_of("2024-02-12", compared, Status.CONFIRMED, replace(found, high=math.inf), wording)
    assert "ends without evidence of harm; " in unbounded
