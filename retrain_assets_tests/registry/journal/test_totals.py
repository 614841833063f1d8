"""What events add up to is the same however the journal grew: at once, or event by event."""

from datetime import datetime

from benchmarks.worlds.verdicts import FAR, fresh, gate, moment, period, promoted, rolled_back
from retrain_assets.registry.journal.totals import Facts, facts_of
from retrain_assets.registry.rulings import Hold, Release, Signature


def test_facts_worked_out_event_by_event_are_those_of_the_whole_journal(tmp_path):
    registry = fresh(tmp_path)
    promoted(registry, [0, 1])
    registry.rule(Hold(Signature("ann", "audit", moment(2), period(2))))
    registry.rule(Release(Signature("ann", "done", moment(2), period(2))))
    rolled_back(registry, 3)
    events = registry.history()
    grown = Facts()
    for event in events:
        grown = grown.followed_by([event])
    whole = Facts().followed_by(events)
    for name in ("moves", "spent", "rulings", "attempts", "pruned"):
        assert getattr(grown, name) == getattr(whole, name) == getattr(facts_of(events), name), name
    assert [move.action for move in whole.moves] == ["bootstrap", "promoted", "rolled_back"]
    assert whole.rulings == []


def test_rows_are_found_by_any_overlap_and_an_attempts_own_are_left_out(tmp_path):
    registry = fresh(tmp_path)
    first, second = promoted(registry, [0, 2])
    spent = facts_of(registry.history()).by_time
    rows = gate(2)
    assert spent.overlapping(rows.start, rows.end, None).period == period(2)
    assert spent.overlapping(rows.start, rows.end, second.evidence) is None
    assert spent.overlapping(rows.end, FAR.isoformat(), None) is None
    assert spent.overlapping("2018-01-01", datetime(2018, 6, 1).isoformat(), first.evidence) is None
