"""The house keeps its order: layers, sizes, public names, nothing at import."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import npinfer

PACKAGE = Path(npinfer.__file__).parent
FILES = sorted(p for p in PACKAGE.rglob("*.py") if "_share" not in p.parts)
LAYERS = ("errors", "core", "physics", "likelihood", "inference", "plot", "report", "cli")
BELOW_ALL = ("errors", "paths", "threads")
SIDEWAYS = {("plot", "inference"), ("plot", "likelihood"), ("plot", "physics"), ("report", "inference")}
MAX_LINES, MAX_FUNCTION, MAX_ARGUMENTS = 400, 60, 6
MAX_OF_A_VERB = 8  # the public functions: what a question depends on stays visible in its call
PUBLIC = {
    "FitOptions", "IntervalOptions", "NpinferError", "PyhfLikelihood", "RunOptions", "Weights", "calibrate",
    "compare", "contour", "coverage", "describe", "exclusion", "export", "fit", "generator", "goodness_of_fit",
    "impacts", "interval", "joint", "list_likelihoods", "load", "load_result", "profile", "rank_calibration",
    "sample", "significance", "toys", "upper_limit", "validate", "write_report",
}  # fmt: skip


def layer(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(tree: ast.AST) -> list[str]:
    """Modules of npinfer that a file imports anywhere, typing-only imports left out."""
    found = []
    typing_only = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in typing_only:
            continue
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("npinfer"):
            found.append(node.module)
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.startswith("npinfer")]
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_file_imports_from_its_own_layer_or_lower_ones(path: Path) -> None:
    here = layer(path)
    if here in ("__init__", *BELOW_ALL):
        return
    for module in imports(ast.parse(path.read_text())):
        there = module.split(".")[1] if "." in module else "__init__"
        if there in BELOW_ALL:
            continue
        assert LAYERS.index(there) <= LAYERS.index(here), f"{here} imports {module}"
        assert (here, there) not in SIDEWAYS, f"{here} imports {module}"


def test_core_needs_numpy_and_scipy_special_only() -> None:
    allowed = {"numpy", "scipy.special", "npinfer", "__future__", *sys.stdlib_module_names}
    for path in FILES:
        if layer(path) != "core":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [a.name for a in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                assert name in allowed or name.split(".")[0] in allowed, f"{path.name} imports {name}"


def test_files_of_tests_are_short() -> None:
    lines = {p.name: p.read_text(encoding="utf-8").count("\n") for p in Path(__file__).parent.rglob("*.py")}
    assert {name: n for name, n in lines.items() if n > MAX_LINES} == {}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_sizes(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= MAX_LINES
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        length = (node.end_lineno or 0) - node.lineno + 1
        assert length <= MAX_FUNCTION, f"{node.name} has {length} lines"
        if layer(path) != "cli":
            counted = [a.arg for a in (*node.args.args, *node.args.kwonlyargs) if a.arg not in ("self", "cls")]
            inside_generator = path.name == "generators.py"
            most = MAX_OF_A_VERB if node.name in PUBLIC else MAX_ARGUMENTS
            assert inside_generator or len(counted) <= most, f"{node.name} takes {len(counted)} arguments"


def test_public_names() -> None:
    assert set(npinfer.__all__) == PUBLIC
    for name in PUBLIC:
        assert getattr(npinfer, name).__doc__, name
    with pytest.raises(AttributeError, match="no attribute 'fitt'"):
        npinfer.fitt  # noqa: B018


def test_importing_has_no_side_effect() -> None:
    """Importing the package loads none of its heavy parts, prints nothing and leaves matplotlib alone."""
    code = "import sys, npinfer; print([m for m in ('scipy', 'matplotlib', 'pyhf', 'iminuit') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert done.stderr == ""


def test_nothing_is_pickled_or_evaluated() -> None:
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec"), path
            if isinstance(node, ast.Import):
                assert "pickle" not in [a.name for a in node.names], path
            if isinstance(node, ast.ExceptHandler):
                assert node.type is not None, f"{path}: a bare except"
