"""What happens inside the throw-away process of a trial: a cell is run as a notebook would run it."""

from __future__ import annotations

import ast
import asyncio
import dataclasses
import importlib
import inspect
import linecache
import sys
import time
import types
from dataclasses import replace
from typing import Any

from conv_magic.model.document import Document, Failure
from conv_magic.model.positions import Span, lines_of
from conv_magic.sandbox.autograph_marks import mark_autograph
from conv_magic.sandbox.confinement import keep_to_itself
from conv_magic.sandbox.one_step import shorten_training
from conv_magic.sandbox.reached import counts, watch, watched
from conv_magic.sandbox.replay import nodes_of
from conv_magic.sandbox.restraint import needs_of, restrain, was_refused_by_system
from conv_magic.sandbox.settle import settle
from conv_magic.sandbox.shell_names import put_in_builtins
from conv_magic.sandbox.trial import Again, Analyse, Answering, CannotStart, Ended, Question, Request, Trial
from conv_magic.sandbox.unconfined import UNCONFINED, leads_outside
from conv_magic.sandbox.unpacking import texts, unpack
from conv_magic.sandbox.workplace import Workplace
from conv_magic.text import source as cell_source

_LONGEST_ERROR = 4000
"""Characters; a graph error repeats its whole traceback."""
_UNCOPIED = "needs a value that could not be copied"


def run_trial(request: Request, place: Workplace, analyse: Analyse | None, *, confined: bool) -> Trial:
    """Run the request's cell in this process, which is not to be used for anything else afterwards.

    `confined` says that the system keeps this process from writing elsewhere.
    """
    trial = _ran(request, place, analyse, confined)
    wanted = place.refused or was_refused_by_system(trial)
    return replace(trial, reached=counts(), refused=wanted and not place.copied, copied=place.copied)


def _ran(request: Request, place: Workplace, analyse: Analyse | None, confined: bool) -> Trial:
    settle(request.settings, place, confined=confined)
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    restrain(place)
    keep_to_itself()
    if request.settings.shell is not None:
        put_in_builtins(request.settings.shell)
    if request.watches:
        watch(request.watches)
        mark_autograph()
    if request.question is not None:
        shorten_training()
        return _answered(request, request.question)
    try:
        unpack(request.names, vars(module))
    except Exception as error:  # any library's constructor may have run
        return Trial(Ended.RAISED, 0.0, type(error).__name__, str(error), needs=_UNCOPIED)
    source = _python(request.source)
    if not confined and leads_outside(
        [source, *(a.text for a in request.before), *texts.values()], vars(module), place
    ):
        return Trial(Ended.RAISED, 0.0, needs=UNCONFINED)
    shorten_training()
    started = time.process_time()
    for again in request.before:
        failure = _run_again(again, vars(module))
        if failure is not None:
            return replace(_judge(failure, None, time.process_time() - started), cell=again.label)
    if analyse is None:
        failure, document = run_cell(source, request.filename, vars(module)), None
    else:
        texts.update({_filename_of(again): again.text for again in request.before})
        document = _plain(analyse(source, vars(module), texts))
        failure = document.failure
    return _judge(failure, document, time.process_time() - started)


def _answered(request: Request, question: Question) -> Trial:
    started = time.process_time()
    module, _, function = question.function.partition(":")
    answering: Answering = getattr(importlib.import_module(module), function)
    answer = answering(_Start(request), question.argument)
    return Trial(Ended.RAN, time.process_time() - started, answer=answer)


@dataclasses.dataclass(frozen=True)
class _Start:
    """What the request's cell is run from, as often as is wanted."""

    request: Request

    def fresh(self) -> dict[str, Any]:
        module = types.ModuleType("__main__")
        sys.modules["__main__"] = module
        try:
            unpack(self.request.names, vars(module))
        except Exception as error:  # any library's constructor may have run
            raise CannotStart(f"{type(error).__name__}: {error}") from error
        for again in self.request.before:
            failure = _run_again(again, vars(module))
            if failure is not None:
                raise CannotStart(failure.message)
        return vars(module)


def _run_again(again: Again, namespace: dict[str, Any]) -> Failure | None:
    """Run statements of an earlier cell; they keep their lines, for tracebacks and for AutoGraph."""
    filename = _filename_of(again)
    linecache.cache[filename] = (len(again.text), None, again.text.splitlines(keepends=True), filename)
    return _run(watched(ast.Module(nodes_of(again), []), again.text), filename, namespace)


def _filename_of(again: Again) -> str:
    return f"<{again.label}, edited>"


def _plain(document: Document) -> Document:
    """Return the document alone: a subclass may hold what cannot leave the process."""
    return Document(**{field.name: getattr(document, field.name) for field in dataclasses.fields(Document)})


def _python(source: str) -> str:
    """Return the cell with IPython's own lines (`%time`, `!ls`) made `pass`, each line in its place.

    Cell magics become comments: a `from __future__` may follow them, but not a `pass`.
    """
    lines = lines_of(source)
    for node in ast.walk(cell_source.parse(source) or ast.Module([], [])):
        if isinstance(node, ast.Pass):
            line = lines[node.lineno - 1].encode()
            if line.startswith(b"%%"):
                lines[node.lineno - 1] = "#\n"
            elif not line.startswith(b"pass", node.col_offset):
                lines[node.lineno - 1] = line[: node.col_offset].decode() + "pass\n"
    return "".join(lines)


def _judge(failure: Failure | None, document: Document | None, seconds: float) -> Trial:
    if failure is None:
        return Trial(Ended.RAN, seconds, document=document)
    return Trial(
        Ended.RAISED,
        seconds,
        failure.type,
        failure.message[:_LONGEST_ERROR],
        failure.span.line if failure.span else None,
        needs=needs_of(failure.type, failure.message),
        document=document,
    )


def run_cell(source: str, filename: str, namespace: dict[str, Any]) -> Failure | None:
    """Run a cell, also one with a top-level `await`; what ended it, or None."""
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    try:
        tree = ast.parse(source, filename)
    except (SyntaxError, ValueError) as error:
        return Failure(type(error).__name__, str(error), _span(error, filename))
    return _run(watched(tree, source), filename, namespace)


def _run(what: ast.Module, filename: str, namespace: dict[str, Any]) -> Failure | None:
    try:
        code = compile(what, filename, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        if code.co_flags & inspect.CO_COROUTINE:
            asyncio.run(eval(code, namespace))
        else:
            exec(code, namespace)
    except BaseException as error:  # the cell may raise anything, SystemExit too
        return Failure(type(error).__name__, str(error), _span(error, filename))
    return None


def _span(error: BaseException, filename: str) -> Span | None:
    if isinstance(error, SyntaxError) and error.filename == filename:
        line = error.lineno
    else:
        lines = [frame.lineno for frame in _frames(error.__traceback__) if frame.filename == filename]
        line = lines[-1] if lines else None
    return Span(filename, line, 0, line, 0) if line else None


def _frames(traceback: types.TracebackType | None) -> list[inspect.Traceback]:
    frames = []
    while traceback is not None:
        frames.append(inspect.Traceback(traceback.tb_frame.f_code.co_filename, traceback.tb_lineno, "", None, None))
        traceback = traceback.tb_next
    return frames
