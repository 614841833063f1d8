"""Gate rows that are being judged belong to one attempt, also after a crash and between two processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.worlds.verdicts import (
    candidate,
    fresh,
    gate,
    moment,
    period,
    promote,
    promoted,
    rolled_back,
    verdict,
)
from retrain_assets.errors import (
    GateRowsSpent,
    Held,
    IntegrityError,
    NotPromotable,
    Quarantined,
    Retired,
    WrongChampion,
)
from retrain_assets.registry.journal.events import GateUse
from retrain_assets.registry.registry import Registry
from retrain_assets.registry.rulings import Hold, Retire, Signature

ASKED, OTHER = "a" * 64, "b" * 64


def use(registry: Registry, number: int, digest: str) -> GateUse:
    rows, live = gate(number), registry.live()
    return GateUse(
        period(number),
        rows.start,
        rows.end,
        rows.rows,
        rows.rowset_sha256,
        digest,
        live.digest if live else None,
        "begun",
    )


def claim(registry: Registry, question: str, wanted: GateUse) -> None:
    """Claim rows under the rule of the gate: none that another attempt overlaps."""

    def refuse(spent: Sequence[GateUse]) -> None:
        for other in spent:
            if other.overlaps(wanted.start, wanted.end):
                raise GateRowsSpent(f"spent by {other.period} ({other.outcome})")

    registry.claim(question, wanted, at=moment(1), refuse=refuse)


def test_claimed_rows_are_in_the_ledger_and_no_other_question_gets_them(served: Registry) -> None:
    wanted = use(served, 1, candidate(served, "b"))
    claim(served, ASKED, wanted)
    assert served.spent()[-1] == wanted
    with pytest.raises(GateRowsSpent, match=r"spent by 2019-01-08 \(begun\)"):
        claim(served, OTHER, use(served, 1, candidate(served, "c")))


def test_killed_between_judging_and_journal_the_rows_stay_spent_for_all_but_the_same_question(served: Registry) -> None:
    wanted = use(served, 1, candidate(served, "b"))
    claim(served, ASKED, wanted)
    again = fresh(served.folder.parent)  # the process that judged is gone
    assert again.spent()[-1] == wanted
    with pytest.raises(GateRowsSpent, match="spent by 2019-01-08"):
        claim(again, OTHER, use(again, 1, candidate(again, "c")))
    claim(again, ASKED, wanted)
    event = again.record(verdict(again, 1, wanted.candidate), at=moment(1), actor="run 2")
    assert [past.outcome for past in again.spent()] == ["passed", "passed"]
    assert (event.action, again.verify()) == ("passed", [])
    assert not list((again.folder / "claims").iterdir())


def test_a_crash_between_journal_and_the_claims_end_charges_once(served: Registry) -> None:
    wanted = use(served, 1, candidate(served, "b"))
    claim(served, ASKED, wanted)
    path = served.folder / "claims" / f"{ASKED}.json"
    left = path.read_bytes()
    served.record(verdict(served, 1, wanted.candidate), at=moment(1), actor="run 1")
    path.write_bytes(left)
    assert [past.outcome for past in fresh(served.folder.parent).spent()] == ["passed", "passed"]
    promoted(served, [3])
    assert not path.exists()


def test_a_claim_that_is_taken_away_is_named_and_its_rows_stay_spent(served: Registry) -> None:
    wanted = use(served, 1, candidate(served, "b"))
    claim(served, ASKED, wanted)
    assert served.verify() == []
    path = served.folder / "claims" / f"{ASKED}.json"
    path.unlink()
    again = fresh(served.folder.parent)
    (problem,) = again.verify()
    assert problem.startswith(f"{path} is missing: the rows were being judged when a run was killed, as ")
    assert again.spent()[-1] == wanted
    with pytest.raises(GateRowsSpent, match="spent by 2019-01-08"):
        claim(again, OTHER, use(again, 1, candidate(again, "c")))
    again.record(verdict(again, 1, wanted.candidate), at=moment(1), actor="run 2")
    assert again.verify() == []


def test_a_claim_of_before_there_was_a_second_record_counts_and_is_no_problem(served: Registry) -> None:
    wanted = use(served, 1, candidate(served, "b"))
    claim(served, ASKED, wanted)
    (served.folder / "begun" / f"{ASKED}.json").unlink()
    assert (served.spent()[-1], served.verify()) == (wanted, [])


def test_an_error_before_any_answer_gives_the_rows_back(served: Registry) -> None:
    wanted = use(served, 1, candidate(served, "b"))
    claim(served, ASKED, wanted)
    served.withdraw(ASKED)
    assert len(served.spent()) == 1
    claim(served, OTHER, use(served, 1, candidate(served, "c")))


def held(registry: Registry) -> None:
    registry.rule(Hold(Signature("ann", "tariffs", moment(0), period(0))))


def retired(registry: Registry) -> None:
    registry.rule(Retire(Signature("ann", "tariffs", moment(0), period(0))))


def candidate_held(registry: Registry) -> None:
    registry.rule(Hold(Signature("ann", "tariffs", moment(0), period(0)), candidate(registry, "b")))


def overtaken(registry: Registry) -> None:
    promoted(registry, [2])


def withdrawn(registry: Registry) -> None:
    promote(registry, verdict(registry, 2, candidate(registry, "b")), 2)
    rolled_back(registry, 2)


@pytest.mark.parametrize(
    ("state", "error"),
    [
        (held, Held),
        (retired, Retired),
        (candidate_held, Held),
        (overtaken, WrongChampion),
        (withdrawn, Quarantined),
    ],
)
def test_what_could_not_be_promoted_is_refused_before_anything_is_spent(
    served: Registry, state: object, error: type[NotPromotable]
) -> None:
    wanted = use(served, 1, candidate(served, "b"))
    state(served)
    before = served.spent()
    with pytest.raises(error):
        claim(served, ASKED, wanted)
    assert served.spent() == before


def test_a_claim_that_cannot_be_read_is_named_and_spends_nothing_silently(served: Registry) -> None:
    claim(served, ASKED, use(served, 1, candidate(served, "b")))
    path = served.folder / "claims" / f"{ASKED}.json"
    path.chmod(0o644)
    path.write_bytes(b"{")
    with pytest.raises(IntegrityError, match="is no claim of gate rows"):
        served.spent()
    assert any(str(path) in problem for problem in served.verify())


def race(root: Path, text: str, answers: object) -> None:
    registry = fresh(root)
    try:
        claim(registry, text * 64, use(registry, 1, candidate(registry, text)))
        answers.put("claimed")
    except GateRowsSpent:
        answers.put("refused")


def test_of_two_attempts_on_the_same_rows_at_once_one_is_refused(served: Registry) -> None:
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    racers = [context.Process(target=race, args=(served.folder.parent, text, answers)) for text in "abc"]
    for racer in racers:
        racer.start()
    outcomes = sorted(answers.get(timeout=60) for _ in racers)
    for racer in racers:
        racer.join()
    assert outcomes == ["claimed", "refused", "refused"]
