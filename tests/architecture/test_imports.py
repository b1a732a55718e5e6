"""The layout of the design: imports point downward, a command loads only what it needs, files stay readable."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "groundsill"
SYSTEMS = ROOT / "systems"

# What a package may import of the others, as in the table of the design; its own modules always.
DEFINING = {"graph", "aws", "definition", "components"}
MAY_IMPORT: dict[str, set[str]] = {
    "graph": set(),
    "aws": {"graph"},
    "definition": {"graph"},
    "components": {"definition", "aws", "graph"},
    "sources": DEFINING,
    "checks": {"graph"},
    "cost": {"graph"},
    "diagram": {"graph"},
    "terraform": {"graph", "aws"},
    "ground": {"graph", "aws"},
    "operate": {"graph", "aws", "terraform", "ground"},
    "console": DEFINING | {"sources", "checks", "cost", "diagram", "terraform", "ground", "operate"},
    "cli": DEFINING | {"sources", "checks", "cost", "diagram", "terraform", "ground", "operate", "console"},
}
# What a system may import: what a user's repository could.
PUBLIC = {"groundsill", "groundsill.components", "groundsill.aws"}
# Exceptions, each with its reason.
ALLOWED = {
    # The files of a function's package and their digest, which its Terraform file name holds.
    ("ground", "groundsill.components.functions"), ("terraform", "groundsill.components.functions"),
    # A ground that runs detached reads the definition in its own process.
    ("ground", "groundsill.definition.running"),
}
HEAVY = ("aiohttp", "asyncio", "boto3", "botocore", "httpx", "msgpack", "numpy", "pydantic", "requests", "rich", "scipy",
         "starlette", "subprocess", "tomllib", "typer", "uvicorn", "watchfiles")
MOST_LINES = 600


def modules(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*.py")):
        if not {"__pycache__", "_stubs", ".groundsill", "packages"} & set(path.parts):
            yield path


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Every module that a file imports, also inside functions, but not for the type checker alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    skipped = {
        id(inner) for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        and not ast.unparse(node.test).startswith("not ") for part in node.body for inner in ast.walk(part)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def test_every_package_has_its_place_in_the_designs_table() -> None:
    assert {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()} <= set(MAY_IMPORT)


@pytest.mark.parametrize("package", list(MAY_IMPORT))
def test_imports_point_downward(package: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in modules(PACKAGE / package) for line, module in imported(path)
        if module.startswith("groundsill.") and (other := module.split(".")[1]) in MAY_IMPORT
        and other not in MAY_IMPORT[package] | {package}
        and not any(package == who and (module == what or module.startswith(f"{what}.")) for who, what in ALLOWED)
    ]
    assert not wrong, "\n".join(wrong)


def is_public(module: str) -> bool:
    """Whether a system's own code may import it: a public module, or a name in one that is no module itself."""
    if module in PUBLIC:
        return True
    above, _, name = module.rpartition(".")
    inside = ROOT.joinpath(*above.split("."))
    return above in PUBLIC and not (inside / name).is_dir() and not (inside / f"{name}.py").is_file()


def test_a_system_uses_the_public_interface_alone() -> None:
    assert is_public("groundsill.Stage")
    assert not is_public("groundsill.graph")
    assert not is_public("groundsill.testing")
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in modules(SYSTEMS) if "tests" not in path.parts for line, module in imported(path)
        if module.startswith("groundsill.") and not is_public(module)
    ]
    assert not wrong, "\n".join(wrong)


def test_what_is_there_for_tests_is_imported_by_tests_alone() -> None:
    wrong = [f"{path.relative_to(ROOT)}:{line}" for path in modules(PACKAGE) for line, module in imported(path)
             if module.startswith("groundsill.testing") and path.name != "testing.py"]
    assert not wrong, "\n".join(wrong)


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())


@pytest.mark.parametrize("statement", ["import groundsill", "import groundsill.components", "from groundsill import aws"])
def test_importing_loads_nothing_heavy(statement: str) -> None:
    found = loaded_by(statement)
    assert not sorted(set(HEAVY) & found)
    assert len([name for name in found if name.startswith("groundsill")]) < 45


def test_a_component_loads_its_own_family_and_what_that_needs() -> None:
    found = loaded_by("from groundsill.components import Queue")
    assert "groundsill.components.queues" in found
    assert not {"groundsill.components.apis", "groundsill.components.network", "groundsill.components.deployers"} & found


def test_what_check_cost_and_draw_read_of_a_definition_is_made_without_dataclasses() -> None:
    # Making one takes a millisecond and reading the module ten: with some dozens a command would start a tenth later.
    found = loaded_by(
        "from groundsill import components; [getattr(components, name) for name in dir(components)];"
        "import groundsill.sources.reading, groundsill.definition.running, groundsill.checks.run, groundsill.cost.estimate;"
        "import groundsill.diagram.draw, groundsill.diagram.svg;"
        "from groundsill.checks.rules import every_rule; list(every_rule());"
        "from groundsill.cost.meters import every_service; every_service()")
    assert {"groundsill.checks.rules.safe.secrets", "groundsill.cost.meters.tables"} <= found
    assert not {"dataclasses", "inspect"} & found


def faults(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    if len(text.splitlines()) > MOST_LINES:
        yield f"more than {MOST_LINES} lines"
    if not text.strip():
        return
    tree = ast.parse(text)
    if not ast.get_docstring(tree):
        yield "no docstring says what the module is for"
    if path.name == "__main__.py" or "tests" in path.parts:
        return
    for node in tree.body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            yield f"line {node.lineno} calls {ast.unparse(node)[:60]} at import"
        elif isinstance(node, ast.For | ast.While | ast.With):
            yield f"line {node.lineno} works at import"


def test_every_file_is_short_enough_to_read_says_what_it_is_for_and_does_nothing_when_imported() -> None:
    found = [f"{path.relative_to(ROOT)}: {fault}" for folder in (PACKAGE, SYSTEMS) for path in modules(folder)
             for fault in faults(path)]
    assert not found, "\n".join(found)
