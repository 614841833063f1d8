"""How easy the code is to find one's way in, as numbers: `python -m benchmarks.house [FOLDER]`.

Counts what a reader stumbles over, for the package in a folder (default: this one), so that checkouts can be compared:
lines, loose files at the root, the largest folder, functions with more than six parameters, look-ups by a literal key
outside the modules that own a record, `Any`, class names with two meanings, and modules without a test file of their
own path.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from pathlib import Path

MOST_PARAMETERS = 6
_NOT_A_RECORD = {"environ"}


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    arguments = function.args
    names = [one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


def _looked_up(node: ast.AST) -> bool:
    """Whether a node reads an entry by a key that stands in the code: `record["key"]` or `record.get("key")`."""
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        return isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get" and node.args:
        named = node.func.value
        if isinstance(named, ast.Attribute) and named.attr in _NOT_A_RECORD:
            return False
        return isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str)
    return False


def _owns_a_record(tree: ast.Module) -> bool:
    """Whether a module defines a class that reads itself from a stored record."""
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    made = {"from_dict", "from_record", "from_json"}
    return any(isinstance(one, ast.FunctionDef) and one.name in made for found in classes for one in found.body)


def measured(root: Path) -> dict[str, object]:
    """Every count for the package under a folder."""
    package, tests = root / "retrain_assets", root / "retrain_assets_tests"
    files = sorted(package.rglob("*.py"))
    trees = {path: ast.parse(path.read_text()) for path in files}
    nodes = {path: list(ast.walk(tree)) for path, tree in trees.items()}
    modules = [path for path in files if path.stem != "__init__"]
    folders = Counter(str(path.parent.relative_to(root)) for path in modules)
    functions = [one for found in nodes.values() for one in found if isinstance(one, ast.FunctionDef)]
    classes = Counter(one.name for found in nodes.values() for one in found if isinstance(one, ast.ClassDef))
    look_ups = {path: sum(map(_looked_up, found)) for path, found in nodes.items()}
    mirrored = {path: tests / path.relative_to(package).with_name(f"test_{path.name}") for path in modules}
    return {
        "lines of the package": sum(len(path.read_text().splitlines()) for path in files),
        "modules": len(modules),
        "loose files at the root": folders["retrain_assets"],
        "largest folder": "{} ({})".format(*folders.most_common(1)[0]),
        f"functions with more than {MOST_PARAMETERS} parameters": sum(
            _parameters(one) > MOST_PARAMETERS for one in functions
        ),
        "look-ups by a literal key": sum(look_ups.values()),
        "the same outside record modules": sum(
            number for path, number in look_ups.items() if not _owns_a_record(trees[path])
        ),
        "Any": sum(isinstance(one, ast.Name) and one.id == "Any" for found in nodes.values() for one in found),
        "class names with two meanings": sorted(name for name, number in classes.items() if number > 1),
        "modules without a test file of their own path": sum(not path.exists() for path in mirrored.values()),
    }


def main() -> None:
    """Print the counts of the folder that the command line names."""
    for name, value in measured(Path(sys.argv[1] if len(sys.argv) > 1 else ".")).items():
        print(f"{name:48} {value}")


if __name__ == "__main__":
    main()
