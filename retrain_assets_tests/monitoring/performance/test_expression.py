"""The grammar of business metrics against hostile text, and what an expression says of itself."""

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrain_assets.monitoring.performance.expression import cost_expression, parse


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fare", "character 1: 'fare' is no total"),
        ("sum(salary)", "character 5: 'salary' is no number of a row. Known: fare, label, score"),
        ("sum(fare", "cannot be read"),
        ("sum(fare ** 2)", "'fare ** 2' is no number of a row"),
        ("sum(fare) * 1e999", "character 13: '1e999' is no total"),
        ("sum(fare) + " + "9" * 400, f"character 13: '{'9' * 60}'… is no total"),
        ("+".join(["count()"] * 900), "has 7,199 characters, 2,000 at most"),
        ("-" * 900 + "1", "901 operations inside one another, 100 at most"),
        ("sum(fare, 2)", "no use of sum, which takes 1 argument"),
        ("mean(origin)", "'origin' is no number of a row"),
        ("share(origin < 'JFK')", "Compare it with a text"),
        ("share(fare)", "'fare' is no condition"),
        ("share(1 < fare < 2)", "is no condition"),
        ("sum(open('x').read())", "is no number of a row"),
        ("().__class__", "is no total"),
        ("sum(fare.real)", "'fare.real' is no number of a row"),
        ("sum(*[fare])", "no use of sum"),
        ("True", "'True' is no total"),
        ("sum([x for x in fare])", "is no number of a row"),
        ("(lambda: 1)()", "is no total"),
        ("sum(fare" + ")" * 1500, "cannot be read"),
    ],
)
def test_what_is_not_in_the_grammar_is_refused_with_its_place(text, message):
    with pytest.raises(ValueError, match="is no|no use|cannot be read|at most") as refused:
        parse(text, ["fare"], ["origin"])
    assert message in str(refused.value)


@settings(max_examples=100)
@given(st.text(max_size=40) | st.sampled_from(["sum(fare)", "count()"]).map(lambda text: f"{text} + {text}"))
def test_any_text_is_an_expression_or_refused(text):
    try:
        found = parse(text, ["fare"], ["origin"])
    except ValueError:
        return
    known = (ast.BinOp, ast.UnaryOp, ast.Call, ast.Constant, ast.Name, ast.Compare, ast.BoolOp)
    assert all(isinstance(node, known) for node in ast.walk(found.tree) if isinstance(node, ast.expr))


def test_an_expression_names_the_columns_it_reads_once_and_in_order():
    found = parse("sum(tip) / sum(fare + tip) + share(origin == 'JFK') - mean(label)", ["fare", "tip"], ["origin"])
    assert found.columns == ("fare", "origin", "tip")


def test_a_cost_matrix_costs_only_the_decisions_that_cost_something():
    assert cost_expression([[0, 1], [0, 0]], 0.25) == "mean(1 * max(score() >= 0.25 and label() == 0, 0))"
    assert cost_expression([[0, 0], [0, 0]], 0.25) == "mean(0)"
    assert parse(cost_expression([[1, 2], [3, 4]], 0.5), [], []).columns == ()
