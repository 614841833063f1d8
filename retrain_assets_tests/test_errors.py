"""The tree of errors: one root, drawn as it is, and nothing that a caller must tell apart under one name."""

import re

import retrain_assets.errors as module
from retrain_assets.errors import RetrainError

ERRORS = {name: kind for name, kind in vars(module).items() if isinstance(kind, type) and issubclass(kind, Exception)}
DRAWN = [line for line in module.__doc__.splitlines() if re.match(r"    [│ ]*[├└]── ", line)]


def parent_drawn(place):
    """The name above a line of the drawing that is indented one step less."""
    step = DRAWN[place].index("── ")
    above = (line for line in reversed(DRAWN[:place]) if line.index("── ") < step)
    return next(above, "    RetrainError").split("── ")[-1].split()[0]


def test_every_error_is_drawn_once_under_its_own_parent():
    drawn = {line.split("── ")[1].split()[0]: parent_drawn(place) for place, line in enumerate(DRAWN)}
    assert len(drawn) == len(DRAWN)
    assert drawn == {name: kind.__base__.__name__ for name, kind in ERRORS.items() if kind is not RetrainError}


def test_every_error_says_what_it_means():
    assert [name for name, kind in ERRORS.items() if not (kind.__doc__ or "").strip().endswith(".")] == []
