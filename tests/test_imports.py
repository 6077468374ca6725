"""Imports go downward only, and importing the package costs nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "conv_magic"
FLOORS = {
    "model": 0,
    "positions": 0,
    "arithmetic": 1,
    "assignments": 1,
    "contracts": 1,
    "source": 1,
    "targets": 1,
    "assigned": 2,
    "calls": 2,
    "following": 2,
    "guard": 2,
    "hooks": 2,
    "recorder": 2,
    "tracer": 2,
    "values": 2,
    "repair": 3,
    "rules": 3,
    "views": 4,
    "engine": 5,
    "report": 5,
    "session": 5,
    "cell_text": 6,
    "cells": 6,
    "check": 6,
    "cli": 6,
    "display": 6,
    "extension": 6,
    "interrupts": 6,
    "live": 6,
    "magic": 6,
    "magic_options": 6,
    "notices": 6,
    "options": 6,
    "pace": 6,
    "outputs": 6,
    "terminal": 6,
    "__init__": 7,  # the front door may open any room
    "__main__": 7,
}
FRAMEWORKS = {"tensorflow", "keras", "tf_keras"}
MAY_IMPORT_FRAMEWORKS = {"hooks", "tracer", "repair"}
HEAVY = ("tensorflow", "keras", "pandas", "ipywidgets", "anywidget", "pydantic", "numpy")

MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}


def room_of(module: str) -> str:
    """The part of the package that has a floor: `conv_magic.views.html` is in `views`."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def imports_of(module: str) -> Iterator[str]:
    """Every module that `module` imports, at its top or deferred, for types only or by name."""
    package = module if MODULES[module].name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(MODULES[module].read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            target = ".".join(filter(None, [base, node.module]))
            for alias in node.names:
                submodule = f"{target}.{alias.name}"
                yield submodule if submodule in MODULES else target
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            yield from (a.value for a in node.args[:1] if isinstance(a, ast.Constant) and isinstance(a.value, str))


def own_imports_of(module: str) -> set[str]:
    return {name for name in imports_of(module) if name in MODULES}


def test_every_room_has_a_floor() -> None:
    assert {room_of(module) for module in MODULES} <= set(FLOORS)


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_downward(module: str) -> None:
    floor = FLOORS[room_of(module)]
    upward = {name for name in own_imports_of(module) if FLOORS[room_of(name)] > floor}
    assert not upward, f"{module} is on floor {floor}"


@pytest.mark.parametrize("module", MODULES)
def test_only_the_tracing_rooms_know_the_frameworks(module: str) -> None:
    frameworks = {name for name in imports_of(module) if name.split(".")[0] in FRAMEWORKS}
    assert not frameworks or room_of(module) in MAY_IMPORT_FRAMEWORKS


def test_there_is_no_cycle() -> None:
    TopologicalSorter({module: own_imports_of(module) - {module} for module in MODULES}).prepare()


IMPORT = "import conv_magic"
LOAD = "InteractiveShell.instance().run_line_magic('load_ext', 'conv_magic')"


@pytest.mark.parametrize("statement", [IMPORT, LOAD], ids=["import", "load_ext"])
def test_importing_and_loading_are_light(statement: str, tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from IPython.core.interactiveshell import InteractiveShell\n"
        f"{statement}\n"
        "assert 'conv_magic' in sys.modules\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    command = [sys.executable, "-I", "-c", script]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert result.stdout.strip() == "[]"
