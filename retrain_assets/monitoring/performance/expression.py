"""The small grammar of business metrics: arithmetic over totals of rows, parsed and checked, never evaluated as code.

    total      a number | total + - * / total | -total | count() | sum(row) | mean(row) | share(condition)
    row        a number | a column | label() | score() | row + - * / row | -row | abs(row) | min(row, row)
               | max(row, row)
    condition  row < <= > >= == != row | category == != 'text' | condition and / or condition | not condition

The outcome and the model's score are `label()` and `score()`; the bare words mean them too, unless a column is called
so. A condition inside min or max counts 1 where it holds and 0 where not. Light to import, so that a spec can be
checked with nothing but the standard library; `business_metrics` gives expressions their numbers.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from sys import float_info

ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div)
COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
TOTALS = {"count": 0, "sum": 1, "mean": 1, "share": 1}
"""Functions that make one number of all rows, with the number of their arguments."""
OURS = ("label", "score")
"""Functions of a row without arguments: its outcome, and what the model said."""
ROW_FUNCTIONS = {"abs": 1, "min": 2, "max": 2, **dict.fromkeys(OURS, 0)}
"""Functions of a row, with the number of their arguments."""

LONGEST, DEEPEST = 2_000, 100
"""Characters of an expression, and operations inside one another: more is no formula that people agreed on."""

_SHOWN = 60


@dataclass(frozen=True)
class Expression:
    """A checked expression: its tree, and the columns of the rows that it reads."""

    tree: ast.expr
    columns: tuple[str, ...]


def parse(text: str, numeric: Collection[str], categorical: Collection[str]) -> Expression:
    """Check an expression against the grammar and the declared columns.

    Args:
        text: The expression.
        numeric: Names of columns that stand for numbers.
        categorical: Names that can be compared with a text.

    Raises:
        ValueError: It is none; the message names the part, its place and what may stand there.

    >>> parse("sum(fare * 0.2) / count()", ["fare"], []).columns
    ('fare',)
    >>> parse("__import__('os')", [], [])
    Traceback (most recent call last):
    ...
    ValueError: character 1: "__import__('os')" is no total. Write count(), sum(...), mean(...) or share(...).
    """
    text = text.strip()
    if len(text) > LONGEST:
        raise ValueError(f"the expression has {len(text):,} characters, {LONGEST:,} at most. Measure it in parts.")
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"{text!r} cannot be read: {error}. Write it like sum(label) / count().") from None
    if (depth := _depth(tree)) > DEEPEST:
        raise ValueError(f"the expression holds {depth} operations inside one another, {DEEPEST} at most. Split it.")
    columns = {*numeric, *categorical}
    check = _Check(text, frozenset(numeric) | (set(OURS) - columns), frozenset(categorical))
    check.total(tree)
    functions = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in functions}
    return Expression(tree, tuple(sorted(names & columns)))


def cost_expression(matrix: Sequence[Sequence[float]], threshold: float) -> str:
    """The mean cost of a row as an expression; `matrix[outcome][decision]`, decided by a binary score's threshold.

    >>> cost_expression([[0, 5], [40, 0]], 0.4)
    'mean(5 * max(score() >= 0.4 and label() == 0, 0) + 40 * max(score() < 0.4 and label() == 1, 0))'
    """
    sides = (f"score() < {threshold:g}", f"score() >= {threshold:g}")
    terms = [
        f"{cost:g} * max({sides[decision]} and label() == {outcome}, 0)"
        for outcome, costs in enumerate(matrix)
        for decision, cost in enumerate(costs)
        if cost
    ]
    return f"mean({' + '.join(terms) or '0'})"


class _Check:
    """Walks a tree and refuses what the grammar does not know."""

    def __init__(self, text: str, numeric: frozenset[str], categorical: frozenset[str]) -> None:
        self.text, self.numeric, self.categorical = text, numeric, categorical

    def total(self, node: ast.expr) -> None:
        if _is_number(node):
            return
        if isinstance(node, ast.BinOp) and isinstance(node.op, ARITHMETIC):
            self.total(node.left)
            self.total(node.right)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            self.total(node.operand)
        elif (name := called(node)) in TOTALS:
            arguments = self._arguments(node, name, TOTALS[name])
            for argument in arguments:
                self.condition(argument) if name == "share" else self.row(argument)
        else:
            self._refuse(node, "no total. Write count(), sum(...), mean(...) or share(...)")

    def row(self, node: ast.expr) -> None:
        if _is_number(node):
            return
        if isinstance(node, ast.Name):
            if node.id not in self.numeric:
                known = ", ".join(sorted(self.numeric))
                self._refuse(node, f"no number of a row. Known: {known}")
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ARITHMETIC):
            self.row(node.left)
            self.row(node.right)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            self.row(node.operand)
        elif (name := called(node)) in ROW_FUNCTIONS:
            for argument in self._arguments(node, name, ROW_FUNCTIONS[name]):
                self.condition(argument) if isinstance(argument, ast.Compare | ast.BoolOp) else self.row(argument)
        else:
            self._refuse(
                node, "no number of a row. Write a column, label(), score(), a number, or abs, min, max of them"
            )

    def condition(self, node: ast.expr) -> None:
        if isinstance(node, ast.BoolOp):
            for part in node.values:
                self.condition(part)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            self.condition(node.operand)
        elif isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], COMPARISONS):
            left, right = node.left, node.comparators[0]
            if isinstance(left, ast.Name) and left.id in self.categorical:
                text = isinstance(right, ast.Constant) and isinstance(right.value, str)
                if not text or not isinstance(node.ops[0], ast.Eq | ast.NotEq):
                    self._refuse(node, f"no condition on the category {left.id}. Compare it with a text: == 'JFK'")
            else:
                self.row(left)
                self.row(right)
        else:
            self._refuse(node, "no condition. Write one comparison, or several joined by and, or, not")

    def _arguments(self, node: ast.expr, name: str, wanted: int) -> list[ast.expr]:
        assert isinstance(node, ast.Call)
        if node.keywords or len(node.args) != wanted or any(isinstance(part, ast.Starred) for part in node.args):
            self._refuse(node, f"no use of {name}, which takes {wanted} argument{'s' * (wanted != 1)}")
        return node.args

    def _refuse(self, node: ast.expr, why: str) -> None:
        part = ast.get_source_segment(self.text, node) or self.text
        shown = f"{part!r}" if len(part) <= _SHOWN else f"{part[:_SHOWN]!r}…"
        raise ValueError(f"character {node.col_offset + 1}: {shown} is {why}.")


def called(node: ast.expr) -> str:
    """The name of the function that a node calls, empty when it is no such call."""
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def _depth(tree: ast.AST) -> int:
    """How many nodes lie inside one another, found level by level: recursion would end where the text wants it to."""
    depth, level = 0, [tree]
    while level:
        depth, level = depth + 1, [child for node in level for child in ast.iter_child_nodes(node)]
    return depth


def _is_number(node: ast.expr) -> bool:
    if not isinstance(node, ast.Constant) or isinstance(node.value, bool) or not isinstance(node.value, int | float):
        return False
    return abs(node.value) <= float_info.max  # 1e999 is infinite, and 400 digits are no float
