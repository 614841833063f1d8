"""The two monitoring reports as documents: what moved, what it costs, how good the live model was and should be.

Made from stored records and the picture drawn from them, so that the asset page, the HTML file and the command line say
the same, and say it again for an old period. Pure: the same records give the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping

from retrain_assets.documents.page import PICTURE, Document, Drawing, Part, Tone, led, table, text
from retrain_assets.documents.units import LossUnits, amount, counted, plural, rounded_p
from retrain_assets.errors import NotFound
from retrain_assets.metrics.names import metric_words
from retrain_assets.model import Model
from retrain_assets.monitoring.drift.report import ColumnDrift, Drift
from retrain_assets.monitoring.drift.statistics.prediction_t import FEWEST_PERIODS
from retrain_assets.monitoring.estimation.estimator import ASSUMES, LossEstimate
from retrain_assets.monitoring.impact.cost import ColumnCost
from retrain_assets.monitoring.impact.slice_difference import FEWEST_ROWS
from retrain_assets.monitoring.pages.drift_plot import drift_drawing, what_moved
from retrain_assets.monitoring.pages.performance_plot import (
    PerformanceHistory,
    performance_drawing,
    performance_history,
)
from retrain_assets.monitoring.pages.performance_text import performance_sentences
from retrain_assets.monitoring.pages.summary import drift_summary
from retrain_assets.monitoring.performance.business_metrics import BusinessMeasurement
from retrain_assets.monitoring.performance.report import GroupLoss, PerformanceReport, Quality
from retrain_assets.monitoring.records.drift_record import DriftRecord, read_drift
from retrain_assets.monitoring.records.performance_record import PerformanceRecord, read_performance
from retrain_assets.registry.journal.events import KEPT, in_short, spoken
from retrain_assets.registry.registry import Event, Registry
from retrain_assets.store import PeriodStore

ASSETS = ("drift_report", "performance_report")

DRIFT, PERFORMANCE = "drift", "performance"
"""The names of the pictures."""

ANSWERS_DRIFT = (
    "drift",
    "quiet, small, warn, confirmed",
)
DISTANCES = ("PSI", "nats", "Jensen-Shannon", "KS", "Wasserstein", "total variation")
SHOWN = ("column", "outcome", "what moved", "since", "share of the model", "weight", "p")
"""What a first look needs of a column."""

NO_MODEL = "No model was live in {}, so there is nothing to watch yet."

PLAIN = LossUnits()
"""What a row and its loss are called where the spec does not say it."""

SHORT = 12
"""Groups that still stand open."""

TONES: Mapping[Quality, Tone] = {Quality.QUIET: "well", Quality.WARN: "broken", Quality.INSUFFICIENT: "unknown"}

PICTURED_DRIFT = """Left, one line for each column and one cell for each period: the darker, the surer and larger the
change; ! warns, x is confirmed, B is broken (mend the source), ? cannot be told. A vertical line marks where another
version took over. Right, the columns that matter most: grey is the reference, {}, in colour is this period, orange
where the column drifted, dark where it broke and blue where neither. A score property, in brackets, has the first
periods that the version served as its reference."""

GROUPS_COUNT = """Every group is held to the loss that is expected over all of them together, so that one that was
always harder to predict stands high; compare it with its own line in earlier reports."""

OWN_DECISION = """Attempts to retrain, and what moved the live model. That of the period itself is taken after this
report: it stands here where the page was made again since."""

GROUPS_SMALL = """A group of fewer than {} is only counted; what such groups lost is told of all of them together, where
these are enough."""

ORDERED = "Broken columns come first, then by outcome; of one outcome those that more of the model rests on."

BY_PERIODS = """Each is compared with {} reference {}, the {} being the unit of evidence. Every p-value is adjusted for
all columns together (Holm), so that without any change in the world at most one report in twenty warns."""

BY_DAYS = f"""With fewer than {FEWEST_PERIODS} reference periods (here {{}}) the days are shuffled between these and the
{{}}, Mondays among Mondays: the day is the unit of evidence. A p-value is how often a shuffle moves any column as far,
so that without any change in the world at most one report in twenty warns."""

UNTESTED = (
    f"""Nothing was tested with {{}}: {FEWEST_PERIODS} are needed, or enough days that do not tell of one another."""
)

SMALLEST_SHARE = 0.001
"""Share of the model below which no digit matters."""

PICTURED_PERFORMANCE = """Each period's loss with its 95 % limits: ● within what was expected, ✖ surely above it, ◇ not
known. The blue band is what was expected of the version in charge. Below it the excess loss that has piled up, and
dashed, where it is declared, what a retrain costs: where the one reaches the other a retrain is due. A vertical line is
a change of version; dotted, a candidate that was not promoted."""


def drift_lead(record: DriftRecord) -> list[str]:
    """What the report says first: what changed, since when and at what cost where that is known, then what moved."""
    first = record.impact_sentence
    return [said for said in (first, record.sentence.removeprefix(first).strip()) if said]


def drift_report(model: Model, record: DriftRecord) -> Document:
    """The drift report of a period; its picture is named `picture:drift`.

    Args:
        model: Its facts.
        record: As `drift_step` writes it.
    """
    title = f"Drift report: {model.name} {record.period}"
    if record.version is None:
        return Document(title, (NO_MODEL.format(record.period),))
    rows = column_rows(record)
    weighed = ("weight",) if record.impact else ()
    untold = any(column.outcome is Drift.INSUFFICIENT for column in record.columns)
    tone: Tone = "broken" if record.broken else "note" if record.warned else "unknown" if untold else "well"
    parts = (
        Part(
            "What moved, and since when",
            _placed(DRIFT, model.name, record.period),
            ANSWERS_DRIFT,
            PICTURED_DRIFT.format(_reference(model, record)),
        ),
        Part(
            "Every column, those that matter first",
            table([_short(row) for row in rows]),
            weighed,
            f"{ORDERED} {_tested(model, record)}",
        ),
        Part("Every column with every distance", table(rows), ("p-value", *DISTANCES), folded=True),
        Part("What was compared", table(_compared(record), model.row_name), ("period",), folded=True),
    )
    dated = model.calendar.dated(record.period, record.written)
    return Document(title, tuple(drift_summary(model, record)), parts, tone, model.row_name, dated)


def _reference(model: Model, record: DriftRecord) -> str:
    """Which periods the picture draws in grey."""
    if record.reference or record.features is None:
        return record.reference or "the periods before"
    return f"{counted(record.features.reference_periods, model.calendar.every)} that {record.version} was trained on"


def _tested(model: Model, record: DriftRecord) -> str:
    """Which test was used, of features and of scores where it is another one."""
    every = model.calendar.every
    said: dict[str, list[str]] = {}
    for name, report in zip(("Features", "Score properties"), record.reports, strict=False):
        few = counted(report.reference_periods, f"reference {every}")
        if report.reference_periods >= FEWEST_PERIODS:
            words = BY_PERIODS.format(report.reference_periods, plural(every), every)
        else:
            words = BY_DAYS.format(report.reference_periods, every) if report.tests else UNTESTED.format(few)
        said.setdefault(words, []).append(name)
    return " ".join(words if len(said) == 1 else f"{names[0]}: {words}" for words, names in said.items())


def column_rows(record: DriftRecord) -> list[dict[str, object]]:
    """One line for each column, those that matter first, with what its drift means to the model where that is known."""
    impact, shares = {one.column: one for one in record.impact}, record.shares_of_model
    rows = []
    for column in record.columns:
        found = impact.get(column.column)
        weighed = {
            **({"since": found.since if found else None} if impact else {}),
            **({"share of the model": shares.get(column.column)} if shares else {}),
            **({"weight": found.weight if found else None} if impact else {}),
        }
        rows.append(_column(column, weighed, what_moved(column, record.impact)))
    return rows


def outcome_of(column: ColumnDrift) -> str:
    """The column's outcome, or that it broke or came again."""
    if column.broken:
        return "broken"
    return "confirmed" if column.confirmed else column.outcome.value


def performance_lead(record: PerformanceRecord) -> list[str]:
    """What the report says first: how good the model was and where, what is estimated, each business metric."""
    business = [one.sentence for one in record.business if one.sentence]
    return [*performance_sentences(record), *business]


def performance_report(
    model: str, period: str, history: PerformanceHistory, units: LossUnits = PLAIN, harm: str = "", dated: str = ""
) -> Document:
    """The performance report of a period, the last one of the history; its picture is named `picture:performance`.

    Args:
        model: Its name.
        period: Which one.
        history: Its records up to the period.
        units: What a row and its loss are called.
        harm: What the probation of the version found against it, however well it kept its promise; empty for nothing.
        dated: As of when it is; empty where that is not said.
    """
    title = f"Performance report: {model} {period}"
    if period not in history.periods:
        return Document(title, (NO_MODEL.format(period),))
    record = history.records[-1]
    parts = [
        Part(
            "Loss by period",
            _placed(PERFORMANCE, model, period),
            ("expected loss", "excess loss"),
            PICTURED_PERFORMANCE,
        ),
        Part(
            f"Loss {units.each}",
            table(loss_rows(record, units)),
            ("measured, estimated", "interval"),
            _assumed(record),
        ),
    ]
    if record.impact:
        parts.append(
            Part("The loss where features drifted", table([_impact(one, units) for one in record.impact]), ("drift",))
        )
    if record.business:
        parts.append(Part("Business metrics", table([_business(one) for one in record.business], units.row)))
    if record.report and record.report.by_group:
        groups = table([_group(one, units) for one in record.report.by_group])
        long, least = len(record.report.by_group) > SHORT, record.report.group_minimum
        small = f" {GROUPS_SMALL.format(units.rows(least))}" if least > 1 else ""
        parts.append(Part("Groups, the costliest first", groups, reading=f"{GROUPS_COUNT}{small}", folded=long))
    if truths := truth_rows(record):
        parts.append(Part("Estimates and the later truth of the same rows", table(truths, units.row), folded=True))
    parts.append(
        Part(
            f"Decisions up to {period}, the newest first", table(_decisions(history)), reading=OWN_DECISION, folded=True
        )
    )
    outcome = record.report.outcome if record.report else Quality.INSUFFICIENT
    first, *others = performance_lead(record)
    answer = (*led((first,)), *([harm] if harm else []), *others)
    tone: Tone = "note" if harm and outcome is Quality.QUIET else TONES[outcome]
    return Document(title, answer, tuple(parts), tone, units.row, dated)


def _assumed(record: PerformanceRecord) -> str:
    return ASSUMES if record.estimated and record.estimated.estimate else ""


def _placed(name: str, model: str, period: str) -> str:
    """Where a picture stands in a document."""
    return f"![{name} of {text(model)} up to {text(period)}]({PICTURE}{name})"


def loss_rows(record: PerformanceRecord, units: LossUnits) -> list[dict[str, object]]:
    """What was measured and what is estimated, each with its rows, limits and promised loss, in their unit."""
    report, guess = record.report, record.estimated
    rows = [_losses("measured", report, units, report.baseline, report.excess_sum, report.held_to)] if report else []
    if guess and guess.estimate:
        rows.append(_losses("estimated", guess.estimate, units, guess.baseline, guess.excess_sum, guess.baseline))
    return rows


def truth_rows(record: PerformanceRecord) -> list[dict[str, object]]:
    """The estimates so far, each with what was measured later on, the newest first."""
    return [
        {
            "period": one.period,
            "version": one.version,
            "rows": one.rows,
            "estimated": one.loss,
            "low": max(one.low, 0.0),
            "high": one.high,
            "measured": one.truth.loss if one.truth else None,
            "error": one.error,
            "contradicted": one.truth.contradicted if one.truth else None,
        }
        for one in reversed(record.estimates)
    ]


def drift_document(
    model: Model, store: PeriodStore, registry: Registry, period: str
) -> tuple[Document, dict[str, Drawing]]:
    """The drift report of a period from what is stored, and its picture."""
    record = read_drift(store, period) or DriftRecord(period, None)
    pictures = {DRIFT: drift_drawing(store, registry, period)} if record.version else {}
    return drift_report(model, record), pictures


def performance_document(
    model: Model, store: PeriodStore, registry: Registry, period: str, retrain_cost: float | None, harm: str = ""
) -> tuple[Document, dict[str, Drawing]]:
    """The performance report of a period from what is stored, and its picture."""
    history = performance_history(store, registry, period)
    shown = period in history.periods
    drawn = (metric_words(model.loss), retrain_cost, model.units.loss)
    pictures = {PERFORMANCE: performance_drawing(history, *drawn)} if shown else {}
    dated = model.calendar.dated(period, history.records[-1].written) if shown else ""
    return performance_report(model.name, period, history, model.units, harm, dated), pictures


def monitored_period(model: str, store: PeriodStore, period: str | None = None) -> str:
    """A period that has a monitoring report, or the last one.

    Raises:
        NotFound: There is no such report; the message names the first and the last.
    """
    known = sorted({known for asset in ASSETS for known in store.periods(asset, "json")})
    if not known:
        raise NotFound(f"{model}: no period was monitored yet. Run `retrain monitor {model} --period P`.")
    asked = known[-1] if period is None else period
    if asked not in known:
        raise NotFound(
            f"{model}: no monitoring report of {asked!r}. Known: {len(known)} periods from {known[0]} to {known[-1]}."
        )
    return asked


def monitoring_words(store: PeriodStore, period: str) -> list[str]:
    """Both reports of a period for a terminal: how good the model was, and columns that are not quiet or sound."""
    drift = read_drift(store, period) or DriftRecord(period, None)
    performance = read_performance(store, period)
    told = performance_lead(performance) if performance and performance.version else []
    measured = performance.report if performance else None
    lost = [measured.sentence] if measured and measured.outcome is Quality.WARN and measured.sentence in told else []
    moved = drift_lead(drift) if drift.version else [f"{period}: no model was live."]
    if performance and performance.impact_sentence and drift.impact_sentence:
        moved = [said for said in moved if said != drift.impact_sentence]  # told with what it costs
    lines = lost + moved
    noted = [column for column in drift.columns if column.problem or outcome_of(column) != "quiet"]
    lines += [f"  {outcome_of(column):<12} {column.column:<20} {what_moved(column, drift.impact)}" for column in noted]
    return lines + [said for said in told if said not in lost]


def _column(column: ColumnDrift, weighed: Mapping[str, object], moved: str) -> dict[str, object]:
    return {
        "column": column.column,
        "outcome": outcome_of(column),
        "what moved": moved,
        **weighed,
        "p": column.p_value,
        "PSI": column.psi,
        "Jensen-Shannon": column.jensen_shannon,
        "KS": column.ks,
        "Wasserstein": column.wasserstein,
        "total variation": column.total_variation,
        "missing": column.missing_shift,
        "new": column.new_share,
    }


def _short(row: Mapping[str, object]) -> dict[str, object]:
    """What a first look needs of a column, shares in percent and p as far as its digits mean something."""
    known = {name: value for name, value in row.items() if name in SHOWN}
    for name in ("share of the model", "weight"):
        if isinstance(share := known.get(name), float):
            known[name] = share_words(share)
    if isinstance(p := known.get("p"), float):
        known["p"] = rounded_p(p)
    return known


def share_words(share: float) -> str:
    """A share of the model as far as its digits matter.

    >>> share_words(0.939), share_words(0.0000806), share_words(0.0)
    ('93.9 %', 'under 0.1 %', '0 %')
    """
    return "under 0.1 %" if 0 < share < SMALLEST_SHARE else amount(share, "share")


def _losses(
    how: str,
    one: PerformanceReport | LossEstimate,
    units: LossUnits,
    promised: float | None,
    excess: float,
    held_to: float | None,
) -> dict[str, object]:
    return {
        "loss": how,
        units.each: _amount(units, one.loss),
        "at least": _at_least(units, one.low),
        "at most": _amount(units, one.high),
        "expected": _amount(units, promised),
        units.beyond: units.total(excess),
        "counted from": _amount(units, held_to),
        plural(units.row): one.rows,
    }


def _impact(one: ColumnCost, units: LossUnits) -> dict[str, object]:
    return {
        f"{plural(units.row)} with": one.words,
        plural(units.row): one.rows,
        f"loss {units.each}": _amount(units, one.loss if one.rows >= FEWEST_ROWS or one.rest is not None else None),
        f"of the other {plural(units.row)}": _amount(units, one.rest),
        f"more than the other {plural(units.row)}, together": one.untold(units) or units.total(one.excess),
    }


def _group(one: GroupLoss, units: LossUnits) -> dict[str, object]:
    return {
        "group": f"{one.group}={one.value}",
        f"loss {units.each}": _amount(units, one.loss),
        "at least": _at_least(units, one.low),
        "at most": _amount(units, one.high),
        units.beyond: units.total(one.excess_sum) if one.loss is not None else "",
        plural(units.row): one.rows,
    }


def _at_least(units: LossUnits, low: float | None) -> str:
    """The lower limit of a mean loss, which is never below 0."""
    return "" if low is None else _amount(units, max(low, 0.0))


def _amount(units: LossUnits, value: float | None) -> str:
    return "" if value is None else amount(value, units.loss)


def _compared(record: DriftRecord) -> list[dict[str, object]]:
    names = ("features", "scores and their uncertainty")
    return [
        {
            "compared": name,
            "version": record.version,
            "rows": report.rows,
            "reference periods": report.reference_periods,
            "tests": report.tests,
            "asks for a retrain": report.triggers,
        }
        for name, report in zip(names, record.reports, strict=False)
    ]


def _business(one: BusinessMeasurement) -> dict[str, object]:
    names = ("name", "value", "low", "high", "threshold", "unit", "rows", "outcome")
    return {name: getattr(one, name) for name in names}


def _decisions(history: PerformanceHistory) -> list[dict[str, object]]:
    """Every one up to the period, the first model included, the newest first."""
    return [
        {"period": event.period, "decision": _decided(event), "live then": event.to_version, "why": event.reason}
        for event in reversed(history.events)
    ]


def _decided(event: Event) -> str:
    """What a decision did, and why a candidate was kept out."""
    return f"{in_short(event)} ({spoken(event.action)})" if event.action in KEPT else in_short(event)
