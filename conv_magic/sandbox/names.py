"""Which names a piece of code takes from outside: what a cell needs of the cells before it."""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterable
from dataclasses import dataclass

from conv_magic.text import source as cell_source


def names_needed(source: str) -> set[str]:
    """Return the global names that a cell reads before it binds them, builtins included.

    A name that only one branch of an `if` binds counts as unbound after it; the body of a loop counts as run.
    A function's names count as needed unless the cell binds them anywhere, for it may be called late.
    An unreadable cell needs nothing.
    """
    tree = cell_source.parse(source)
    return names_needed_by(tree.body) if tree is not None else set()


def names_needed_by(body: Iterable[ast.stmt]) -> set[str]:
    """Return the same for statements of a module."""
    names = names_in(body)
    return set(names.now | (names.late - names.bound))


@dataclass(frozen=True, slots=True)
class Names:
    """The global names in statements: read when they run, read later by the functions in them, bound by them.

    surely     those of the bound that are bound in any case
    imported   those that an import binds
    """

    now: frozenset[str]
    late: frozenset[str]
    bound: frozenset[str]
    surely: frozenset[str]
    imported: frozenset[str]


def names_in(body: Iterable[ast.stmt]) -> Names:
    """Return the global names of statements of a module, in the order in which they run."""
    reads = _Reads()
    reads.run(body)
    found = (reads.needed, reads.late, reads.ever_bound, reads.bound, reads.imported)
    return Names(*map(frozenset, found))


class _Reads(ast.NodeVisitor):
    """Follows the statements in the order in which they run."""

    def __init__(self) -> None:
        self.needed: set[str] = set()
        self.late: set[str] = set()
        self.bound: set[str] = set()
        self.ever_bound: set[str] = set()
        self.imported: set[str] = set()

    def run(self, nodes: Iterable[ast.AST | None]) -> None:
        for node in nodes:
            if node is not None:
                self.visit(node)

    def bind(self, name: str | None) -> None:
        if name is not None:
            self.bound.add(name)
            self.ever_bound.add(name)

    def visit_Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Load):
            self.bind(node.id)
        elif node.id not in self.bound:
            self.needed.add(node.id)

    def visit_Assign(self, node: ast.Assign) -> None:
        self.run([node.value, *node.targets])

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.run([node.annotation, node.value])
        if node.value is not None or not isinstance(node.target, ast.Name):
            self.visit(node.target)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name) and node.target.id not in self.bound:
            self.needed.add(node.target.id)
        self.run([node.value, node.target])

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.run([node.value, node.target])

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            self.bind(alias.asname or alias.name.partition(".")[0])
            self.imported.add(alias.asname or alias.name.partition(".")[0])

    visit_ImportFrom = visit_Import

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        self.run([node.iter, node.target, *node.body, *node.orelse])

    visit_AsyncFor = visit_For

    def visit_If(self, node: ast.If) -> None:
        self.visit(node.test)
        self._branches(node.body, node.orelse)

    def visit_Match(self, node: ast.Match) -> None:
        self.visit(node.subject)
        self._branches(*([case] for case in node.cases), [])

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        self.generic_visit(node)
        self.bind(node.name)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        self.bind(node.name)

    def visit_Try(self, node: ast.Try | ast.TryStar) -> None:
        self._branches([*node.body, *node.orelse], *([handler] for handler in node.handlers))
        self.run(node.finalbody)

    visit_TryStar = visit_Try

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        self.run([node.type])
        self.bind(node.name)
        self.run(node.body)

    def _branches(self, *branches: Iterable[ast.AST]) -> None:
        """After alternatives, that is bound which each of them binds."""
        before, after = self.bound, []
        for branch in branches:
            self.bound = set(before)
            self.run(branch)
            after.append(self.bound)
        self.bound = set.intersection(*after)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        arguments = node.args
        annotations = [a.annotation for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
        self.run([*node.decorator_list, *arguments.defaults, *arguments.kw_defaults, *annotations, node.returns])
        self.bind(node.name)
        self._later(node)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.run([*node.args.defaults, *node.args.kw_defaults])
        self._later(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.run([*node.decorator_list, *node.bases, *(k.value for k in node.keywords)])
        before, ever = set(self.bound), set(self.ever_bound)
        self.run(node.body)
        self.bound, self.ever_bound = before, ever
        self.bind(node.name)

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> None:
        before, ever = set(self.bound), set(self.ever_bound)
        for generator in node.generators:
            self.run([generator.iter, generator.target, *generator.ifs])
        self.run([node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt])
        self.bound, self.ever_bound = before, ever

    visit_SetComp = visit_GeneratorExp = visit_DictComp = visit_ListComp

    def _later(self, node: ast.AST) -> None:
        self.late |= _globals_in(symtable.symtable(ast.unparse(node), "<code>", "exec"))


def _globals_in(table: symtable.SymbolTable) -> set[str]:
    """Return the global names read in the scopes inside a module's table."""
    found: set[str] = set()
    for inner in table.get_children():
        found |= {s.get_name() for s in inner.get_symbols() if s.is_global() and s.is_referenced()}
        found |= _globals_in(inner)
    return found
