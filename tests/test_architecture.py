"""The house stands as drawn: arrows of import, sizes of files and functions."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("indexes", "ingest", "service")
ALLOWED = {"indexes": set(), "ingest": {"indexes"}, "service": {"indexes"}}
# The two places of the service that may start a build.
INGEST_CALLERS = ("service/cli.py", "service/commands/", "service/jobs.py")
MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if "built" not in path.parts)
TESTS = sorted((ROOT / "tests").rglob("*.py"))
HEAVY = {"faiss", "torch", "llama_cpp", "fastapi", "sentence_transformers", "transformers", "uvicorn"}


def imports(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_follow_the_arrows(path: Path) -> None:
    relative = path.relative_to(ROOT).as_posix()
    package = relative.split("/", maxsplit=1)[0]
    allowed = ALLOWED[package] | {package}
    if relative.startswith(INGEST_CALLERS):
        allowed = allowed | {"ingest"}
    ours = imports(ast.parse(path.read_text("utf-8"))) & {*PACKAGES, "tests"}
    assert ours <= allowed


@pytest.mark.parametrize("path", MODULES + TESTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text("utf-8")
    assert len(text.splitlines()) <= 300
    long = [
        f"{node.name}: {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > 50
    ]
    assert long == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_module_states_its_contract(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text("utf-8")))


def test_heavy_libraries_are_not_imported_by_the_command_line() -> None:
    tree = ast.parse((ROOT / "service" / "cli.py").read_text("utf-8"))
    top = {name for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom) for name in imports(node)}
    assert not top & HEAVY
