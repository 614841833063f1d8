"""Imports go one way, and Dagster stays in the glue."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "retrain_assets"
LAYERS = (
    "errors policy redaction",
    "store",
    "blocks",
    "metric_rows placements",
    "verdict metrics pages pictures alerts",
    "registry resources",
    "raw",
    "windows",
    "scoring",
    "monitoring",
    "candidates",
    "audit",
    "validation",
    "production",
    "spec",
    "pipeline pools",
    "definitions component crashed",
    "runner story explain wording inspection decisions",
    "demo scenario",
    "commands",
    "report_commands suite_commands run_commands registry_commands people_commands",
    "cli",
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names.split()}
POLICIES = {"raw.policy", "windows.policy", "windows.periods"}  # plain declarations that lower layers may read
GLUE = {
    "assets",
    "checks",
    "sensors",
    "jobs",
    "definitions",
    "pipeline",
    "component",
    "resources",
    "runner",
    "crashed",
    "pools",
}


def imports(path: Path) -> list[str]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    named = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    return named + [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]


def test_no_module_imports_a_layer_above_its_own():
    for path in PACKAGE.rglob("*.py"):
        layer = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        for module in (name.removeprefix("retrain_assets.") for name in imports(path) if "retrain_assets." in name):
            above = RANK[module.split(".")[0]] > RANK.get(layer, 99)
            assert not above or module in POLICIES, f"{path.relative_to(PACKAGE)} imports {module}"


def test_only_the_glue_imports_dagster():
    dagster = {path.stem for path in PACKAGE.rglob("*.py") if any(n.split(".")[0] == "dagster" for n in imports(path))}
    assert dagster == GLUE
