"""Faults of our own, made on purpose: every function of the package raises when it is told to.

The modules are changed as they are imported, before anything else of the package is: a call is put at the beginning of
each function, method and lambda, so that those written tomorrow are among them.
"""

from __future__ import annotations

import ast
import builtins
import importlib.util
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import MappingProxyType
from typing import Any

PACKAGE = "conv_magic"
KINDS: tuple[type[BaseException], ...] = (ValueError, MemoryError, SystemExit)
ELSEWHERE = (
    "cli", "cli.check", "cli.main", "__main__",  # the command line
    "sandbox.child", "sandbox.landlock", "sandbox.replay", "sandbox.restraint", "sandbox.scratch_process",
    "sandbox.trial_run", "sandbox.unpacking",  # the scratch process
)  # fmt: skip
"""Modules whose functions do not run where the user's cells do."""
_HIT = "__conv_magic_hit__"
_HELPER = f"""
def {_HIT}(number):
    reached[number] = 1
    if number == armed[0]:
        armed[2] += 1
        raise armed[1]("made on purpose")
"""
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Faults:
    """All functions by number, and which of them raises."""

    names: list[str] = field(default_factory=list)
    reached: bytearray = field(default_factory=lambda: bytearray(20_000))
    armed: list[Any] = field(default_factory=lambda: [-1, ValueError, 0])

    def arm(self, number: int, kind: type[BaseException]) -> None:
        """Let a function raise from now on, each time that it is called."""
        self.armed[1:] = kind, 0
        self.armed[0] = number

    def disarm(self) -> int:
        """Let none raise; how often one did."""
        self.armed[0] = -1
        times: int = self.armed[2]
        return times

    def forget(self) -> None:
        """Nothing was reached."""
        self.reached[:] = bytes(len(self.reached))

    def found(self) -> list[int]:
        """The numbers of those that were reached."""
        return [number for number in range(len(self.names)) if self.reached[number]]


class _Changed(ast.NodeTransformer):
    def __init__(self, module: str, names: list[str], borders: Mapping[str, int]) -> None:
        self.module, self.names, self.borders = module, names, borders
        self.path: list[str] = []

    def _named(self, name: str, node: Any) -> tuple[str, ast.expr]:
        self.path.append(name)
        self.generic_visit(node)
        whole = f"{self.module}:{'.'.join(self.path)}"
        self.path.pop()
        self.names.append(whole)
        call = ast.Call(ast.Name(_HIT, ast.Load()), [ast.Constant(len(self.names) - 1)], [])
        return whole, call

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        self.path.append(node.name)
        self.generic_visit(node)
        self.path.pop()
        return node

    def _changed(self, node: Any) -> Any:
        whole, call = self._named(node.name, node)
        body, at = node.body, int(ast.get_docstring(node, clean=False) is not None and len(node.body) > 1)
        if whole in self.borders:  # all that it does of ours is in the `try`
            body, at = [each for each in body if isinstance(each, ast.Try)][self.borders[whole]].body, 0
        hit = ast.Expr(call)
        for part in ast.walk(hit):
            ast.copy_location(part, body[at])
        body.insert(at, hit)
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = _changed

    def visit_Lambda(self, node: ast.Lambda) -> ast.Lambda:
        _, call = self._named("<lambda>", node)
        pair = ast.Subscript(ast.Tuple([call, node.body], ast.Load()), ast.Constant(1), ast.Load())
        for part in (pair, *ast.walk(call), pair.value, pair.slice):
            ast.copy_location(part, node.body)
        node.body = pair
        return node


class _Loader(SourceFileLoader):
    faults: Faults
    borders: Mapping[str, int]

    def get_code(self, fullname: str) -> Any:
        path = self.get_filename(fullname)
        tree = ast.parse(self.get_data(path), path)
        short = fullname.removeprefix(PACKAGE).lstrip(".")
        if short not in ELSEWHERE:
            tree = ast.fix_missing_locations(_Changed(fullname, self.faults.names, self.borders).visit(tree))
        return compile(tree, path, "exec", dont_inherit=True)


class _Finder(MetaPathFinder):
    def __init__(self, faults: Faults, borders: Mapping[str, int]) -> None:
        self.faults, self.borders = faults, borders

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: Any = None) -> ModuleSpec | None:
        if fullname.split(".")[0] != PACKAGE:
            return None
        spec = PathFinder.find_spec(fullname, path)
        if spec is None or not isinstance(spec.loader, SourceFileLoader):
            return spec
        loader = _Loader(fullname, spec.loader.path)
        loader.faults, loader.borders = self.faults, self.borders
        return importlib.util.spec_from_file_location(
            fullname, spec.origin, loader=loader, submodule_search_locations=spec.submodule_search_locations
        )


def prepare(borders: Mapping[str, int] = MappingProxyType({})) -> Faults:
    """Have the package changed as it is imported, which must not have been done yet.

    `borders` are the functions in which all that is ours stands in a `try`: there the fault is put into that.
    """
    assert PACKAGE not in sys.modules, "the package was imported already"
    faults = Faults()
    folder = Path(next(iter(importlib.util.find_spec(PACKAGE).submodule_search_locations or ())))  # type: ignore[union-attr]
    space: dict[str, Any] = {"reached": faults.reached, "armed": faults.armed}
    exec(compile(_HELPER, str(folder / "made_on_purpose.py"), "exec"), space)  # its frame is one of ours
    setattr(builtins, _HIT, space[_HIT])
    sys.meta_path.insert(0, _Finder(faults, borders))
    return faults


def import_all() -> None:
    """Import every module that runs where the cells do, so that all functions are known."""
    folder = Path(sys.modules[PACKAGE].__path__[0])
    for name in _modules(folder):
        importlib.import_module(name)


def _modules(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*.py")):
        name = ".".join(path.relative_to(folder.parent).with_suffix("").parts).removesuffix(".__init__")
        if name.removeprefix(PACKAGE).lstrip(".") not in ELSEWHERE:
            yield name
