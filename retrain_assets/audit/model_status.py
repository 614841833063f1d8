"""Where a model stands, and how a person is told: is it well, what to do now, what is live, what comes next."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from retrain_assets.documents.units import capital
from retrain_assets.monitoring.pages.performance_text import without_limits
from retrain_assets.periods import Calendar
from retrain_assets.registry.journal.history import FALLBACK

_OFTEN = 2  # retrains in a row that found nothing better
DRIFTS, NEW, SAFE = "its data drift", "just went live", "safe again"
BROKEN, DAMAGED, CONSTANT = "its data broke", "damaged", "a constant answers"
AS_EXPECTED, WORSE = "as expected", "worse than expected"
FAILED = "its last run failed"
NO_MODEL, RETIRED = "no live model yet", "retired"
UNMONITORED = "not monitored yet"
NO_ROWS = "no rows came"
NO_OUTCOMES, FEW_OUTCOMES = "no outcomes yet", "too few outcomes"
OVERDUE = "overdue"
OVERVIEW = ("model", "live", "health", "happened last", "comes next")
SHORT_HEALTH = {
    WORSE: "worse", BROKEN: "data broke", AS_EXPECTED: "well", FAILED: "last run failed", NO_MODEL: "no model",
}  # fmt: skip
YES_OR_NO = {AS_EXPECTED: "yes", WORSE: "no"}


@dataclass(frozen=True)
class Fault:
    """What broke the newest run: of which period, why, and whether it was monitored, so that a retrain broke."""

    period: str
    cause: str
    monitored: bool = False

    @property
    def short_cause(self) -> str:
        """The cause with the name of a file in place of its path.

        >>> Fault("2019-03", "/home/ada/rows.csv, 2019-03: no such file.").short_cause
        'rows.csv, 2019-03: no such file.'
        """
        return re.sub(r"(?<!\S)/(?:[^\s/:,]+/)+(?=[^\s/])", "", self.cause)


@dataclass(frozen=True)
class Standing:
    """The rulings of people in force at a moment, in words; None where there is none.

    `open_ended` names what is held until somebody releases it, as `retrain release` is told; an empty name is the whole
    model.
    """

    retired: str | None = None
    holds: str | None = None
    approvals: str | None = None
    anchor: str | None = None
    open_ended: tuple[str, ...] = ()


@dataclass(frozen=True)
class ModelStatus:
    """Where a model stands: what is live, what the last reports say, what people decided, and what comes next.

    Attributes:
        model: Name of the model.
        live: Name of the live version; None while there is none.
        decided_in: The period in which it was decided that it becomes live.
        live_since: The day on which it first became live.
        back_since: The day of the rollback that put it back; None where a promotion put it there.
        left_on: The day since which no version is live, where one was before; else None.
        way_back: The commands that put a version back, where none is live and one can come back; else None.
        age_periods: Periods since then, up to the last one monitored.
        age: The same in words, such as `3 months`.
        last_period: The last period that was monitored; None where nothing ever ran.
        health: The answer in a few words.
        recovery: What a rollback took back and what is live since; None where no rollback put the live version there.
        drift: What the last drift report says.
        performance: What the last performance report says of the loss; None while no outcome is known.
        told_by: The outcomes that it rests on, where they are too few to tell much, such as `89 rides`; else None.
        broken: Which columns of the last period broke, and how; None where none did.
        probation: What the last probation report says.
        last_decision: What was decided last, and why.
        last_action: What was done last, in two or three words.
        last_change: Of the last decision what matters most, where there is more to say of it.
        next_retrain: What the next retrain waits for; of a model that never ran, how to start it.
        next_look: Which period is monitored next, and from when on.
        ended: The day on which the spec's calendar ends, where no period of it is left; None while one is.
        gap: Since when and how long no rows came; None where the last monitored period has rows.
        due: Whether a retrain is asked for and has not run.
        standing: What people decided.
        cooldown: Until when promotion rests after a rollback.
        rest_until: The day on which the cool-down ends that promotion or the next retrain waits for; None without one.
        closeness: How close each reason to retrain is, from 0 to 1.
        fault: What broke the newest run; None where it ended as it should.
        damaged: What keeps the live version's files, or the history, from being read; None where nothing does.
        tested_broken: The columns that were broken when the live version was tested, and are whole now; else None.
        in_vain: Retrains in a row that found nothing better.
        no_way_back: What the version before does on the same rows, where it is no better than the live one, in words.
        owners: Who owns the model.
        written: The day on which its last period was monitored; None where that is not known.
        calendar: The model's periods, by which they are named; None where they are called by their keys.
    """

    model: str
    live: str | None = None
    decided_in: str | None = None
    live_since: str | None = None
    back_since: str | None = None
    left_on: str | None = None
    way_back: str | None = None
    age_periods: int | None = None
    age: str | None = None
    last_period: str | None = None
    health: str = "never ran"
    recovery: str | None = None
    drift: str | None = None
    performance: str | None = None
    told_by: str | None = None
    broken: str | None = None
    probation: str | None = None
    last_decision: str | None = None
    last_action: str | None = None
    last_change: str | None = None
    next_retrain: str | None = None
    next_look: str | None = None
    ended: str | None = None
    gap: str | None = None
    due: bool = False
    standing: Standing = Standing()
    cooldown: str | None = None
    rest_until: str | None = None
    closeness: Mapping[str, float] = field(default_factory=dict)
    fault: Fault | None = None
    damaged: str | None = None
    tested_broken: str | None = None
    in_vain: int = 0
    no_way_back: str = ""
    owners: tuple[str, ...] = ()
    written: str | None = None
    calendar: Calendar | None = None

    @property
    def ran(self) -> bool:
        """Whether anything was ever done with the model."""
        return any(known is not None for known in (self.last_period, self.live, self.fault, self.damaged))

    @property
    def well(self) -> bool:
        """Whether the live version is measured to do what was expected; a rollback alone does not show it."""
        return self.health == AS_EXPECTED

    @property
    def unwatched(self) -> bool:
        """Whether the live version did well when it was looked at last, and nobody has seen it since."""
        return self.well and (self.ended is not None or self.overdue)

    @property
    def headline(self) -> str:
        """Whether the model does well, as the headline of its page.

        >>> ModelStatus("taxi", live="v2", health="worse than expected").headline
        'Worse than expected: v2'
        """
        told = {
            AS_EXPECTED: f"well{f', as far as {self.told_by} tell' if self.told_by else ''}: {self.live}",
            DRIFTS: f"not known: the data of {self.live} have changed",
            NEW: f"not known yet: {self.live} just went live",
            NO_OUTCOMES: f"not known: no outcomes of {self.live} yet",
            FEW_OUTCOMES: f"not known: too few outcomes of {self.live}",
            NO_ROWS: f"not known: {self.gap}",
            FAILED: "not known: the last run failed",
            NO_MODEL: f"no model is live {f'since {self.left_on}' if self.left_on else 'yet'}",
            BROKEN: f"the data of {self.live} broke",
            DAMAGED: f"{self.live or 'the history'} is damaged",
            CONSTANT: f"only a constant is live: {self.live}",
        }.get(self.health, f"{self.health}: {self.live}" if self.live else self.health)
        if self.unwatched:
            told = f"{self.live} was well when it was looked at last"
        because = ", watching has ended" if self.ended else ", its rows are overdue" if self.unwatched else ""
        return f"{capital(told)}{because}"

    @property
    def answers(self) -> dict[str, str]:
        """The questions that a person comes with, each with its answer; what people decided only where they did."""
        people = self._decided_by_people
        return {
            "is it well": self._well,
            "what to do now": self.to_do,
            "what is live": self._what_is_live,
            "what happened last": self._happened_last,
            "what comes next": self.coming,
            **({"what did people decide": people} if people else {}),
        }

    @property
    def as_of(self) -> str | None:
        """Of which period the status is, and who owns the model; None where nothing ever ran."""
        owner = f"owner: {' and '.join(self.owners)}" if self.owners else None
        period = f"as of {self._words(self.last_period)}" if self.last_period else None
        return "; ".join(filter(None, [period, owner])) or None

    @property
    def dated(self) -> str | None:
        """The same with the day on which its last period was monitored."""
        written = f"written on {self.written}" if self.written else None
        return "; ".join(filter(None, [self.as_of, written])) or None

    @property
    def _what_is_live(self) -> str:
        if not self.live:
            none = f"none since {self.left_on}" if self.left_on else "none yet"
            return f"{none}, the model is retired" if self.standing.retired else none
        age = f"{self.age} old" if self.age else None
        back = f"back since the rollback of {self.back_since}" if self.back_since else None
        since = f"{'first live on' if back else 'since'} {self.live_since}" if self.live_since else None
        constant = (
            "a constant, every row gets the same answer until a new model passes" if self.live == FALLBACK else None
        )
        return ", ".join(filter(None, [self.live, constant, since, back, age]))

    @property
    def _decided_by_people(self) -> str:
        standing = self.standing
        told = (("retired", standing.retired), ("held", standing.holds), ("approved", standing.approvals))
        return "; ".join(f"{word}: {said}" for word, said in told if said)

    @property
    def _happened_last(self) -> str:
        before = self.last_change or self.last_decision
        if self.fault:
            failed = f"the run of {self._words(self.fault.period)} failed"
            return f"{failed}; before it, {before}" if before else failed
        return before or "nothing was decided yet"

    @property
    def _owned(self) -> str:
        return f" ({' and '.join(self.owners)} owns it)" if self.owners else ""

    @property
    def overdue(self) -> bool:
        """Whether the rows of the next period should have come by now."""
        return self.next_look is not None and self.next_look.startswith(OVERDUE)

    @property
    def to_do(self) -> str:
        """What a person has to do now; the loop does everything else by itself.

        >>> ModelStatus("taxi", live="v2", health="as expected").to_do
        'nothing'
        >>> ModelStatus("taxi", live="v2", health="as expected", ended="2021-01-01", owners=("team:cabs",)).to_do
        'move period.end in the spec (2021-01-01), or take it out, to go on watching (team:cabs owns it)'
        """
        return self._task or "nothing"

    @property
    def steps(self) -> str:
        """What a person has to do now, where there is something, and what comes next."""
        return "; ".join(filter(None, [self._task, self.coming]))

    @property
    def _task(self) -> str | None:
        if not self.ran:
            return "start it" if self.next_retrain else None
        if self.damaged:
            return f"`retrain verify {self.model}` says what to restore{self._owned}"
        if self.fault:
            command = "run" if self.fault.monitored else "monitor"
            again = f"`retrain {command} {self.model} --period {self.fault.period}`"
            sensors = "" if self.fault.monitored else ", unless sensors are on"
            return f"mend the cause, then {again}{sensors}{self._owned}"
        if self.standing.retired:
            return None
        if self.broken:
            again = f"`retrain monitor {self.model} --period {self.last_period}`"
            return "; then ".join(filter(None, [f"mend the source, then {again}{self._owned}", self._release]))
        if self._release:
            return f"{self._release}: nothing is promoted before{self._owned}"
        return self._of_the_live or self._in_vain or self._of_the_rows

    @property
    def _release(self) -> str | None:
        """How what is held without an end is let go; a hold that ends by itself is no task."""
        names = (" ".join(filter(None, ["retrain release", self.model, which])) for which in self.standing.open_ended)
        commands = " and ".join(f"`{name} --reason TEXT`" for name in names)
        return f"settle the hold, then {commands}" if commands else None

    @property
    def _of_the_live(self) -> str | None:
        """What is to be done about the version that is live, or that none is any more."""
        back, again = f"`retrain rollback {self.model} --reason TEXT`", f"`retrain run {self.model} --period P`"
        if self.live is None and self.left_on:
            ways = ", or ".join(filter(None, [self.way_back, f"{again} of a later period trains anew"]))
            return f"{ways}{self._owned}"
        if self.live == FALLBACK:
            return f"restore the version before (`retrain verify {self.model}`), or train anew: {again}{self._owned}"
        if self.tested_broken and not self.well:
            broken = f"{self.live} was tested while {self.tested_broken} was broken"
            return f"{broken}: watch its probation, or go back with {back}{self._owned}"
        return None

    @property
    def _of_the_rows(self) -> str | None:
        if self.ended:
            return f"move period.end in the spec ({self.ended}), or take it out, to go on watching{self._owned}"
        if self.overdue or self.health == NO_ROWS:
            return f"find out why no rows come{self._owned}"
        return "start watching" if self.health == UNMONITORED else None

    @property
    def coming(self) -> str:
        """What comes next."""
        if self.damaged:
            return "nothing before it is restored"
        if self.fault:
            return self._again(self.fault)
        if self.standing.retired:
            return f"nothing, until somebody releases it: `retrain release {self.model} --reason TEXT`"
        if self.ended and self.next_look and not self.due:
            return self.next_look
        first, then = (self.waits, self.next_look) if self.due else (self.next_look, self.waits)
        return "; ".join(filter(None, [first, then]))

    @property
    def _in_vain(self) -> str | None:
        """What to do where the model does badly and several retrains in a row found nothing better."""
        if self.health != WORSE or self.in_vain < _OFTEN:
            return None
        return (
            f"look at the outcomes and the inputs{self._owned}: {self.in_vain} retrains in a row found nothing better, "
            f"new training does not help{self.no_way_back}"
        )

    def _again(self, fault: Fault) -> str:
        stays = f"{self.live} stays live and answers; " if self.live else ""
        return f"{stays}{self._words(fault.period)} is run again once the cause is mended"

    @property
    def waits(self) -> str:
        """What the next retrain waits for, or what broke the last run."""
        if self.fault:
            return self.coming
        return self.cooldown or self.next_retrain or "the first monitored period"

    @property
    def cells(self) -> tuple[str, ...]:
        """A line of the overview, in the order of `OVERVIEW`, in so few words that it fits a terminal."""
        health = "was well" if self.unwatched else SHORT_HEALTH.get(self.health, self.health)
        last = "run failed" if self.fault else self.last_action or "-"
        return (self.model, self.live or "-", health, last, self._next_in_short)

    @property
    def in_a_sentence(self) -> str:
        """The same where a terminal is too narrow for columns.

        >>> ModelStatus("taxi", live="v2", health="worse than expected", last_action="kept v2").in_a_sentence
        'taxi: v2, worse; kept v2; next: retrain not due'
        """
        model, live, health, last, following = self.cells
        known = [f"{model}: {live}, {health}", last] if self.ran else [f"{model}: {health}"]
        return "; ".join([*known, f"next: {following}"])

    @property
    def _next_in_short(self) -> str:
        if not self.ran:
            return f"`retrain replay {self.model}`"
        if self.damaged:
            return f"`retrain verify {self.model}`"
        if self.fault:
            return "mend, run again"
        if self.standing.retired:
            return "nothing"
        if self.broken or self._in_vain:
            return "look at the data"
        if self.due:
            return "retrain due"
        if self.ended:
            return "watching ended"
        if self.overdue:
            return f"rows {OVERDUE}"
        if self.rest_until:
            return f"rest to {self.rest_until}"
        if ", ended " in (self.next_look or ""):
            return f"waits for {str(self.next_look).partition(', ended ')[0]}"
        return "first model" if self.live is None else "retrain not due"

    @property
    def _measured(self) -> str | None:
        """How large the loss was and what was expected; the report and the details say how surely it is more."""
        return without_limits(self.performance) if self.performance else None

    @property
    def _well(self) -> str:
        """Yes or no where the performance report says how well, else what is known."""
        if self.fault:
            return f"not known: {self.evidence}"
        if self.health == NO_ROWS:
            return f"not known: {self.evidence}"
        if self.health == BROKEN:
            return f"no, its data broke: {self.evidence}"
        if self.health in (DAMAGED, CONSTANT):
            return f"no: {self.evidence}"
        if self.unwatched:
            why = f"watching ended on {self.ended}" if self.ended else "the next rows are overdue"
            return f"it was when looked at last, but {why}: {self._measured}"
        if self._measured and self.health in YES_OR_NO:
            few = f", as far as {self.told_by} tell" if self.well and self.told_by else ""
            return f"{YES_OR_NO[self.health]}{few}: {self._measured}"
        return ": ".join(filter(None, [self.health, self.evidence]))

    @property
    def evidence(self) -> str | None:
        """What is known of how the live version does, in sentences; None where nothing is."""
        if self.fault:
            before = f" Before it, {self._measured}" if self._measured else ""
            return f"the run of {self._words(self.fault.period)} failed. {self.fault.short_cause}{before}"
        if self.health == DAMAGED:
            return self.damaged
        if self.health == CONSTANT:
            return f"{self.live} is a constant, every row gets the same answer"
        if self.health == RETIRED:
            return f"{self.standing.retired}; nothing is live"
        if self.health == BROKEN:
            return f"{self.broken}{f'. {self._measured}' if self._measured else ''}"
        if self.health == NEW:
            return f"no period is measured yet{f'; before it, {self._measured}' if self._measured else ''}"
        if self.health == NO_ROWS:
            return f"{self.gap}{f'. Measured last: {self._measured}' if self._measured else ''}"
        return {DRIFTS: self.drift, SAFE: self.recovery}.get(self.health, self._measured)

    def _words(self, period: str) -> str:
        return self.calendar.words(period) if self.calendar else period

    @property
    def details(self) -> dict[str, str | int | None]:
        """Everything but the model's name, by what it is called in words."""
        return {
            "live": self.live,
            "decided in": self.decided_in,
            "live since": self.live_since,
            "back since": self.back_since,
            "age periods": self.age_periods,
            "last period": self.last_period,
            "health": self.health,
            "fault": f"{self.fault.period}: {self.fault.cause}" if self.fault else None,
            "damaged": self.damaged,
            "nothing live since": self.left_on,
            "tested while broken": self.tested_broken,
            "drift": self.drift,
            "broken": self.broken,
            "performance": self.performance,
            "probation": self.probation,
            "recovery": self.recovery,
            "last decision": self.last_decision,
            "last action": self.last_action,
            "next retrain": self.next_retrain,
            "next look": self.next_look,
            "watching ended": self.ended,
            "gap": self.gap,
            "retired": self.standing.retired,
            "holds": self.standing.holds,
            "approvals": self.standing.approvals,
            "anchor": self.standing.anchor,
            "cooldown": self.cooldown,
            "owners": ", ".join(self.owners) or None,
            **{f"close {name.replace('_', ' ')}": f"{share:.0%}" for name, share in self.closeness.items()},
        }

    def to_dict(self) -> dict[str, str | int | None]:
        """As plain JSON values."""
        return {"model": self.model, **{name.replace(" ", "_"): value for name, value in self.details.items()}}
