"""Mutate a model's bytes and lines many times and examine each result, in one process that must not end by it.

python -m retrain_assets_tests.scoring.mutated_models NUMBER < model.txt
"""

from __future__ import annotations

import random
import re
import sys

from retrain_assets.scoring.isolated_probe import examined

ABSURD = (b"99999999", b"-7", b"nan", b"1e308", b"", b"4294967296")


def mutated(model: bytes, chance: random.Random) -> bytes:
    """The model with one byte, line or number changed, lost or doubled; mostly with the trees' sizes right again."""
    lines, numbers = model.split(b"\n"), list(re.finditer(rb"[-.\d]+", model))
    place, number = chance.randrange(len(lines)), chance.choice(numbers)
    kind = chance.randrange(6)
    if kind == 0:
        at = chance.randrange(len(model))
        changed = model[:at] + bytes([chance.randrange(32, 127)]) + model[at + 1 :]
    elif kind == 1:
        changed = b"\n".join(lines[:place] + lines[place + 1 :])
    elif kind == 2:
        changed = model[: chance.randrange(len(model))]
    elif kind == 3:
        changed = b"\n".join([*lines[:place], chance.choice(lines), *lines[place:]])
    elif kind == 4:
        digits = bytes(chance.choice(b"0123456789") for _ in range(len(number[0])))
        changed = model[: number.start()] + digits + model[number.end() :]
    else:
        changed = model[: number.start()] + chance.choice(ABSURD) + model[number.end() :]
    if chance.random() < 0.2:
        return changed
    parts = re.split(rb"(?=Tree=\d+\n)", changed.split(b"end of trees")[0])[1:]
    sizes = b" ".join(str(len(part)).encode() for part in parts)
    return re.sub(rb"tree_sizes=[^\n]*", b"tree_sizes=" + sizes, changed, count=1)


def main() -> None:
    """Print how many mutations were refused."""
    model, chance = sys.stdin.buffer.read(), random.Random(0)
    print(sum(bool(examined(mutated(model, chance))) for _ in range(int(sys.argv[1]))))


if __name__ == "__main__":
    main()
