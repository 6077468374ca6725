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
    "arithmetic": 1,
    "boundary": 0,
    "notices": 0,
    "signatures": 1,
    "text": 1,
    "capture": 2,
    "records": 3,
    "sandbox": 3,
    "analysis": 4,
    "repair": 5,
    "rules": 5,
    "views": 6,
    "engine": 7,
    "notebook": 8,
    "cli": 9,
    "__init__": 10,  # the front door may open any room
    "__main__": 10,
}
MAY_IMPORT_FRAMEWORKS = {"capture", "sandbox"}
FRAMEWORKS = {"tensorflow", "keras", "tf_keras"}
APART = [("rules", "repair"), ("repair", "rules"), ("views", "rules"), ("sandbox", "records"), ("text", "arithmetic")]
"""Rooms of which the first may not import the second, though it stands higher or as high."""
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
    room = room_of(module)
    rooms = {name: room_of(name) for name in own_imports_of(module) if name != "conv_magic"}
    upward = {name for name, other in rooms.items() if other != room and FLOORS[other] >= FLOORS[room]}
    assert not upward, f"{module} is on floor {FLOORS[room]}"
    assert not {name for name, other in rooms.items() if (room, other) in APART}


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
