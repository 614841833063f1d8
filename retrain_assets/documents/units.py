"""Numbers as a person says them: rounded, with their unit, and rows by the name that the business gives them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
_IRREGULAR = {"person": "people", "child": "children", "man": "men", "woman": "women", "day": "days"}
_ROW = re.compile(r"\b(?:(an?) )?(rows?)\b(?![-_])", re.IGNORECASE)
"""A row in a sentence of ours, with its article; `row-set` and `row_name` are other words."""

_TIMES = ("seconds", "minutes", "hours", "days", "weeks", "months", "years")
"""Units of a label that are the plural of a word, of which one is none."""

_DECIMAL = re.compile(r"(?P<before>-?[^\d\s]?)(?P<whole>[\d,]+)(?:\.(?P<decimals>\d+))?(?P<unit>| .+)")
"""An amount as it is written, without an exponent."""

_SPOKEN_WITH_Y = ("eu", "one", "uni", "use", "usa", "ute", "uti")
"""How nouns begin that are written with a vowel and spoken without one: a user, a unit."""

_FEWEST, _MOST = 3, 8
"""Digits that count, to begin with and at most."""

SMALLEST_P = 1e-4
"""P-values below it are equally certain, and shown as one."""

LABEL_UNIT_LOSSES = ("mae", "rmse", "mse", "pinball")
"""Metrics in what the label is counted in, or its square."""

_LOSS_WORDS = {"log_loss": "log loss", "brier": "Brier score", "mse": "mean squared error"}
_SUMMED_WORDS = {"log_loss": "log loss", "brier": "squared error", "mse": "squared error"}
"""What a loss that is no plain average error is called, and what its sum over rows is; the others are an error."""


@dataclass(frozen=True)
class LossUnits:
    """What a row and its loss are called in sentences about one model.

    Attributes:
        row: One row: `ride`.
        loss: Unit of a row's loss: `USD`, `nats`; empty for a pure number.
        metric: Name of the loss.

    >>> rides = LossUnits("ride", "USD")
    >>> rides.a_row(1.8012), rides.total(8459.3), rides.rows(5672), rides.rows(1)
    ('$1.80 a ride', '$8,459', '5,672 rides', '1 ride')
    """

    row: str = "row"
    loss: str = ""
    metric: str = "mae"

    def total(self, value: float) -> str:
        """A loss summed over rows."""
        return amount(value, self.loss)

    def a_row(self, value: float) -> str:
        """A mean loss, with what it is the mean of."""
        return f"{amount(value, self.loss)} {self.each}"

    def level(self, who: str, value: float) -> str:
        """How good predictions were on average, so that nobody takes an error for money or time that was lost.

        >>> LossUnits("ride", "USD").level("v6", 1.61), LossUnits("flight", "nats", "log_loss").level("v2", 0.31)
        ('v6 was off by $1.61 a ride on average', 'v2 had a log loss of 0.31')
        """
        return f"{who} {'was' if self._error else 'had'} {self.reached(value)}"

    def reached(self, value: float) -> str:
        """The same without whose predictions they are.

        >>> LossUnits("ride", "USD").reached(1.61), LossUnits("flight", "nats", "log_loss").reached(0.31)
        ('off by $1.61 a ride on average', 'a log loss of 0.31')
        """
        return f"off by {self.a_row(value)} on average" if self._error else f"a {self.word} of {self.figure(value)}"

    def levels(self, who: str, value: float, other: str, beside: float) -> str:
        """The same of two versions on the same rows.

        >>> LossUnits("ride", "USD").levels("v2", 1.69, "v1", 1.43)
        'v2 was off by $1.69 a ride on average, v1 by $1.43'
        >>> LossUnits("flight", "nats", "log_loss").levels("v2", 0.31, "v1", 0.29)
        'v2 had a log loss of 0.31, v1 of 0.29'
        """
        own, others = amounts((value, beside), self._unit)
        level = f"was off by {own} {self.each} on average" if self._error else f"had a {self.word} of {own}"
        return f"{who} {level}, {other} {'by' if self._error else 'of'} {others}"

    def more(self, value: float, than: str = "than expected") -> str:
        """A loss summed over all rows that is more, or less, than another.

        >>> LossUnits("parcel", "minutes").more(15470.3, "than chance explains")
        '15,470 minutes more error than chance explains, all parcels together'
        >>> LossUnits("flight", "nats", "log_loss").more(-12.0, "than the others")
        '12 nats less log loss than the others, all flights together'
        """
        return f"{self.excess(value, than)}, all {plural(self.row)} together"

    def excess(self, value: float, than: str = "than expected") -> str:
        """The same where it was said before that it is a sum.

        >>> LossUnits("parcel", "minutes").excess(15470.3)
        '15,470 minutes more error than expected'
        >>> LossUnits("parcel", "minutes").excess(0.0, "than chance explains")
        'no more error than chance explains'
        """
        summed = _SUMMED_WORDS.get(self.metric, "error")
        if not value:
            return f"no more {summed} {than}"
        return f"{self.total(abs(value))} {'less' if value < 0 else 'more'} {summed} {than}"

    @property
    def beyond(self) -> str:
        """Head of a column with such sums.

        >>> LossUnits("parcel", "minutes").beyond
        'excess error, all parcels together'
        """
        return f"excess {_SUMMED_WORDS.get(self.metric, 'error')}, all {plural(self.row)} together"

    def figure(self, value: float) -> str:
        """A mean loss beside its name, which says what log loss is counted in.

        >>> LossUnits("ride", "USD").figure(1.61), LossUnits("flight", "nats", "log_loss").figure(0.31)
        ('$1.61', '0.31')
        """
        return amount(value, self._unit)

    @property
    def word(self) -> str:
        """The mean loss in words: `average error`, `log loss`."""
        return _LOSS_WORDS.get(self.metric, "average error" if self._error else self.metric)

    @property
    def _error(self) -> bool:
        return self.metric == "mae"

    @property
    def _unit(self) -> str:
        return "" if self.metric == "log_loss" else self.loss

    @property
    def each(self) -> str:
        """`a ride`, as in a loss a ride."""
        return one(self.row)

    def rows(self, count: int) -> str:
        """A number of rows."""
        return counted(count, self.row)


def loss_unit(loss: str, label_unit: str) -> str:
    """The unit of a loss by its name.

    >>> loss_unit("mae", "USD"), loss_unit("mse", "USD"), loss_unit("log_loss", ""), loss_unit("brier", "")
    ('USD', 'squared USD', 'nats', '')
    """
    if loss == "log_loss":
        return "nats"
    if loss == "mse":
        return f"squared {label_unit}" if label_unit else ""
    return label_unit if loss.split("[")[0] in LABEL_UNIT_LOSSES else ""


def amount(value: float, unit: str = "", digits: int = 3) -> str:
    """A number with its unit: cents below 100, whole ones from there on; other units with `digits` that count.

    The unit `share` is written in percent. More digits than three give more behind the point of money too.

    >>> amount(1.444, "USD"), amount(8459.3, "USD"), amount(-0.3, "EUR"), amount(0.35239, "nats"), amount(12.5, "CHF")
    ('$1.44', '$8,459', '-€0.30', '0.352 nats', '12.5 CHF')
    >>> amount(0.0004, "USD"), amount(0.0), amount(1999.6, "kWh"), amount(0.1234, "share"), amount(float("nan"))
    ('$0.0004', '0', '2,000 kWh', '12.3 %', 'unknown')
    """
    if not math.isfinite(value):
        return "unknown"
    if unit == "share":
        return f"{100 * value:.{digits}g} %"
    symbol = _SYMBOLS.get(unit)
    size = abs(value)
    if symbol and (size >= 0.01 or not size):
        places = 0 if size >= 99.995 or not size else 2
        written = f"{size:,.{places + digits - _FEWEST}f}"
    else:
        written = f"{size:,.{digits - _FEWEST}f}" if size >= 999.5 else f"{size:.{digits}g}"
    sign = "-" if value < 0 and written.strip("0.,") else ""
    return f"{sign}{symbol}{written}" if symbol else f"{sign}{written} {unit}".rstrip()


def percent(share: float, places: int = 0) -> str:
    """A share in percent with so many decimals; `amount` in the unit `share` counts digits instead.

    >>> percent(0.75), percent(0.1234, 1)
    ('75 %', '12.3 %')
    """
    return f"{100 * share:.{places}f} %"


def rounded_p(p_value: float) -> str:
    """A p-value as far as its digits mean something: the tails below a ten-thousandth are seen in no sample.

    >>> rounded_p(0.03117), rounded_p(5e-278)
    ('0.031', 'below 0.0001')
    """
    return f"{p_value:.2g}" if p_value >= SMALLEST_P else f"below {SMALLEST_P:g}"


def certainty(alpha: float) -> str:
    """The confidence that a level leaves, as a reader knows it.

    >>> certainty(0.05), certainty(0.0125)
    ('95 %', '98.75 %')
    """
    return f"{100 * (1 - alpha):.4g} %"


def is_money(unit: str) -> bool:
    """Whether a unit is a sign before the number, so that a number alone says it: `$1.44`."""
    return unit in _SYMBOLS


def difference(value: float, unit: str = "") -> str:
    """A difference with its unit: of shares in points, because a share of a share would be taken for another number.

    >>> difference(0.003, "share"), difference(0.3577, "USD"), difference(0.01, "share")
    ('0.3 points', '$0.36', '1 point')
    >>> difference(1.0, "minutes"), difference(1.5, "minutes")
    ('1 minute', '1.5 minutes')
    """
    if unit != "share" or not math.isfinite(value):
        said = amount(value, unit)
        return said.removesuffix("s") if unit in _TIMES and said == f"1 {unit}" else said
    points = f"{100 * value:.3g}"
    return f"{points} point{'s' * (points != '1')}"


def amounts(values: Sequence[float], unit: str = "", digits: int = _FEWEST) -> list[str]:
    """Numbers with their unit, in as many digits as tell different ones apart, those of one size to the same decimal.

    >>> amounts((1.8, 1.444), "USD"), amounts((1.8012, 1.8034), "USD"), amounts((0.98123, 0.98147), "share")
    (['$1.80', '$1.44'], ['$1.801', '$1.803'], ['98.12 %', '98.15 %'])
    >>> amounts((51.7, 52.0), "minutes"), amounts((9.95, 10.1)), amounts((0.0000123, 1.0)), amounts((1200.0, 3.25))
    (['51.7 minutes', '52.0 minutes'], ['9.95', '10.10'], ['1.23e-05', '1'], ['1,200', '3.25'])
    >>> amounts((12.1467, 8.8223)), amounts((0.12971, 0.0948), "share"), amounts((0.45101, 0.45146), digits=4)
    (['12.15', '8.82'], ['12.97 %', '9.48 %'], ['0.4510', '0.4515'])

    Args:
        values: What is written side by side.
        unit: In which all are counted.
        digits: How many digits count at least.
    """
    for enough in range(digits, _MOST):
        said = [amount(value, unit, enough) for value in values]
        if len(set(said)) == len(set(values)):
            break
    return _to_one_decimal(values, said, 100.0 if unit == "share" else 1.0)


def _to_one_decimal(values: Sequence[float], said: Sequence[str], scale: float) -> list[str]:
    """Amounts of about one size, each rounded to as many decimals as any of them has; else as they are."""
    written = [found for one in said if (found := _DECIMAL.fullmatch(one))]
    sizes = [len(one["whole"]) for one in written]
    if len(written) < len(said) or max(sizes, default=0) - min(sizes, default=0) > 1:
        return list(said)
    places = max((len(one["decimals"] or "") for one in written), default=0)
    return [
        f"{one['before']}{abs(scale * value):,.{places}f}{one['unit']}"
        for one, value in zip(written, values, strict=True)
    ]


def capital(sentence: str) -> str:
    """A sentence with a capital, unless it begins with a version, a command or a name that is written with underscores.

    >>> capital("well: v2"), capital("v2 was well"), capital("dep_hour broke")
    ('Well: v2', 'v2 was well', 'dep_hour broke')
    """
    return sentence if re.match(r"v\d|`|\w*_", sentence) else f"{sentence[:1].upper()}{sentence[1:]}"


def first_few(names: Sequence[str], most: int = 3) -> str:
    """Names one after the other, the first few of many.

    >>> first_few(["2019-01", "2019-02", "2019-03"], most=2), first_few([])
    ('2019-01, 2019-02 and 1 more', '')
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"


def counted(count: float, noun: str) -> str:
    """A number of things.

    >>> counted(2, "row"), counted(1, "person"), counted(1200, "person"), counted(0, "delivery"), counted(1.5, "day")
    ('2 rows', '1 person', '1,200 people', '0 deliveries', '1.5 days')
    """
    number = f"{count:g}" if isinstance(count, float) else f"{count:,}"
    return f"{number} {noun if count == 1 else plural(noun)}"


def rounded_count(number: int) -> str:
    """An estimated number of things, in the three digits that mean something at most.

    >>> rounded_count(221736), rounded_count(941), rounded_count(4)
    ('222,000', '941', '4')
    """
    return f"{round(number, min(3 - len(str(number)), 0)):,}"


def one(noun: str) -> str:
    """A thing with its article.

    >>> one("ride"), one("order"), one("user"), one("hour of work"), one("uninsured claim")
    ('a ride', 'an order', 'a user', 'an hour of work', 'an uninsured claim')
    """
    spoken_y = noun.startswith(_SPOKEN_WITH_Y) and not noun.startswith("unin")
    return f"{'an' if (noun[0] in 'aeiou' and not spoken_y) or noun.startswith('hour') else 'a'} {noun}"


def called(said: str, row: str) -> str:
    """A sentence or a heading of ours, with a row called what the model's spec calls it.

    >>> called("Rows of one day resemble each other; how long after a row its outcome is known.", "order")
    'Orders of one day resemble each other; how long after an order its outcome is known.'
    >>> called("every row's time, rows needed, row-set hashes", "loan account")
    "every loan account's time, loan accounts needed, row-set hashes"
    """

    def renamed(found: re.Match[str]) -> str:
        article, noun = found.groups()
        name = plural(row) if noun.lower() == "rows" else one(row) if article else row
        return name[0].upper() + name[1:] if found[0][0].isupper() else name

    return said if row == "row" else _ROW.sub(renamed, said)


def plural(noun: str) -> str:
    """More than one of a thing.

    >>> plural("ride"), plural("loss"), plural("day"), plural("loan account")
    ('rides', 'losses', 'days', 'loan accounts')
    """
    *before, last = noun.split(" ")
    if last in _IRREGULAR:
        word = _IRREGULAR[last]
    elif last.endswith(("s", "x", "z", "ch", "sh")):
        word = f"{last}es"
    elif last.endswith("y") and last[-2:-1] not in tuple("aeiou"):
        word = f"{last[:-1]}ies"
    else:
        word = f"{last}s"
    return " ".join([*before, word])
