"""Imports go one way between folders, Dagster stays in the glue, and folders stay small."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "retrain_assets"
BENCHMARKS = PACKAGE.parent / "benchmarks"
LAYERS = """
    errors policy periods
    documents store
    verdict alerts
    statistics
    metrics
    registry.storage
    registry.journal
    registry.integrity
    registry
    model
    dagster_glue
    raw.notation raw.cache
    raw
    feature_function
    windows
    scoring
    monitoring.profiles
    monitoring.drift.statistics
    monitoring.performance
    monitoring.estimation
    monitoring.drift
    monitoring.impact
    monitoring.records
    monitoring.triggers
    monitoring.pages
    monitoring
    candidates.boosting
    candidates
    validation.comparison
    validation.suite
    validation.criteria
    validation.pages
    validation
    production.card
    production.probation
    audit audit.pages
    backtest.matrix
    backtest.policies
    backtest backtest.pages
    production
    adoption
    serving.exported
    serving
    spec
    pipeline
    definitions component
    onboarding
    cli cli.scenarios cli.serving
"""
RANK = {name: rank for rank, line in enumerate(LAYERS.split("\n")) for name in line.split()}
DECLARATIONS = {"policy", "policy_metrics"}  # plain values of a stage, which its own lower folders read
GLUE = {"assets", "checks", "sensors", "jobs", "definitions", "pipeline", "component"}
ESCAPED = {
    "words", "path", "picture", "verdict.decision.value", "text(decision_sentence(verdict))",
    "asset.replace('_', ' ')", "text(name)", "address",
}  # fmt: skip
"""Of what Markdown of the UI is made without `sentence`: escaped documents, our own words and paths."""
MOST_MODULES, MOST_AT_THE_ROOT = 14, 10


def imported(path: Path) -> set[str]:
    """Every module that a file names in an import, also where a function imports it."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    found = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module:
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            modules = {name for name in inside if (PACKAGE.parent / f"{name.replace('.', '/')}.py").exists()}
            found |= modules or {node.module}
    return found


def room(module: str) -> str:
    """The folder of a module; a module at the root is a room of its own."""
    parts = module.split(".")
    return ".".join(parts[:-1]) or parts[0]


def test_no_module_imports_a_folder_above_its_own():
    for path in PACKAGE.rglob("*.py"):
        own = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        for name in imported(path):
            module = name.removeprefix("retrain_assets.")
            if not name.startswith("retrain_assets.") or module.split(".")[-1] in DECLARATIONS:
                continue
            assert own == "__init__" or RANK[room(module)] <= RANK[room(own)], f"{own} imports {module}"


def test_only_the_glue_imports_dagster():
    for path in PACKAGE.rglob("*.py"):
        if any(name.split(".")[0] == "dagster" for name in imported(path)):
            assert path.stem in GLUE or path.parent.name == "dagster_glue" or path.name == "runner.py", path


def test_no_folder_is_crowded():
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    modules = {folder: [path for path in folder.glob("*.py") if path.stem != "__init__"] for folder in folders}
    assert len(modules[PACKAGE]) <= MOST_AT_THE_ROOT
    assert {str(folder): len(found) for folder, found in modules.items() if len(found) > MOST_MODULES} == {}


def test_benchmarks_do_not_import_tests():
    for path in BENCHMARKS.rglob("*.py"):
        assert not [name for name in imported(path) if name.startswith("retrain_assets_tests")], path


def test_markdown_of_the_ui_is_made_by_functions_that_escape_what_it_quotes():
    for path in sorted(PACKAGE.rglob("*.py")):
        for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
            if isinstance(call.func, ast.Attribute) and call.func.attr == "md":
                quoted = [part.value for part in ast.walk(call) if isinstance(part, ast.FormattedValue)]
                names = {ast.unparse(part) for part in quoted}
                assert names <= ESCAPED, (
                    f"{path}:{call.lineno}: use dagster_glue.metadata.sentence for {names - ESCAPED}"
                )


def test_every_module_has_a_test_file_of_its_own_path():
    modules = {path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if path.stem != "__init__"}
    tests = {path: Path(__file__).parent / path.with_name(f"test_{path.name}") for path in modules}
    assert sorted(str(path) for path, test in tests.items() if not test.exists()) == []
