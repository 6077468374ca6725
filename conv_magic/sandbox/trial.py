"""Trying an edited cell: what is asked of the scratch process, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from conv_magic.model.diagnoses import Diagnosis, Severity
from conv_magic.model.document import Document
from conv_magic.model.positions import Span

Analyse = Callable[[str, dict[str, Any], Mapping[str, str]], Document]
"""Runs a cell's source in a namespace and says what happened; never raises the cell's own error.

The mapping holds the texts of the earlier cells whose functions and statements take part, by their file names.
"""


class Ended(StrEnum):
    """How a trial ended.  `DIED`: the process was lost, as when TensorFlow aborts."""

    RAN = "ran"
    RAISED = "raised"
    DIED = "died"
    TIMED_OUT = "timed_out"


@dataclass(frozen=True, slots=True)
class Again:
    """Statements of an earlier cell that run before the cell: their places in the body of its `text`, in order.

    `cell` is the cell's key in the document, `label` what a person calls it.
    """

    cell: str
    label: str
    text: str
    places: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of an edited cell.

    error_type, error   the exception's class and text, or the signal that ended the process
    line                the cell's line at which it raised, counted from 1
    cell                the label of the earlier cell at whose line it raised; None for the cell itself
    needs               what the cell asked for and no trial has ("needs a file"): then nothing was learnt
    document            what the analysis says of the run; None where the cell was only run
    seconds             of computing, where that could be measured; else of the clock
    reached             how often each watched expression gave a value; None for one that is not in the cell
    refused             whether a write in the user's working folder was refused: a copy of it would allow that
    copied              whether it stood in such a copy
    answer              what a `Question` was answered
    """

    ended: Ended
    seconds: float
    error_type: str | None = None
    error: str | None = None
    line: int | None = None
    cell: str | None = None
    needs: str | None = None
    document: Document | None = None
    reached: tuple[int | None, ...] = ()
    refused: bool = False
    copied: bool = False
    answer: str | None = None

    @property
    def diagnosed(self) -> tuple[Diagnosis, ...]:
        """The errors and warnings that remain."""
        found = self.document.diagnoses if self.document else ()
        return tuple(d for d in found if d.severity is not Severity.NOTE)

    @property
    def held(self) -> bool:
        """Whether the cell ran to its end and nothing is diagnosed any more."""
        return self.ended is Ended.RAN and not self.diagnosed


@dataclass(frozen=True, slots=True)
class Settings:
    """What of the owner's process a trial must share: where it stands and imports from, and Keras' own settings.

    folder    the working folder; None gives the trial an empty one
    shell     in a notebook the text of its shell, `str(get_ipython())`
    """

    path: tuple[str, ...]
    floatx: str | None = None
    image_data_format: str | None = None
    dtype_policy: str | None = None
    folder: str | None = None
    arguments: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    shell: str | None = None


@dataclass(frozen=True, slots=True)
class Watch:
    """A place in a text that a trial runs: the expression that failed before, which must now give a value."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Question:
    """Something else to do in the process of a trial than to run the cell once.

    `function` names it as `module:function`, with the type `Answering`; it is given `argument`.
    """

    function: str
    argument: str


class Start(Protocol):
    """What cells are run from in the process of a trial."""

    def fresh(self) -> dict[str, Any]:
        """Return the namespace that the cell starts from, made anew, after the statements of earlier cells.

        Raises `CannotStart`.
        """
        ...


Answering = Callable[[Start, str], str]


class CannotStart(RuntimeError):
    """What a cell starts from cannot be made again."""


@dataclass(frozen=True, slots=True)
class Request:
    """Run `source` with `names` (each pickled, see `packing`) for at most `limit` seconds of computing.

    wall      seconds of the clock after which it ends, whatever kept it waiting
    before    statements of earlier cells to run first, in the same namespace
    imports   modules worth importing once, before the trial, so that the next ones find them there
    copied    whether it stands in a copy of the working folder, so that it may write there
    watches   places of which it says how often they gave a value
    question  what is answered instead of running the cell
    """

    number: int
    source: str
    names: Mapping[str, bytes]
    filename: str
    limit: float
    wall: float
    settings: Settings
    imports: tuple[str, ...] = ()
    before: tuple[Again, ...] = ()
    copied: bool = False
    watches: tuple[Watch, ...] = ()
    question: Question | None = None


@dataclass(frozen=True, slots=True)
class Cancel:
    """End the trial with this number, if it still runs."""

    number: int


@dataclass(frozen=True, slots=True)
class Ready:
    """The first answer of a scratch process.

    `forks`: each trial runs in a child of it.  `confined`: the system keeps a trial from writing elsewhere.
    """

    forks: bool
    confined: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a request."""

    number: int
    trial: Trial
