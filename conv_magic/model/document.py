"""One run, whole."""

from __future__ import annotations

from dataclasses import dataclass

from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.notes import LineNote
from conv_magic.model.positions import Span
from conv_magic.model.sites import EditSite
from conv_magic.model.trace import Trace

SCHEMA = 2
"""Version of the document's layout; raised when an older reader would misread it."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The exception that ended the cell, as data."""

    type: str
    message: str
    span: Span | None


@dataclass(frozen=True, slots=True)
class Training:
    """How far a loop of Keras has come; all count from 1, None where it is not known."""

    op: str
    epoch: int | None
    epochs: int | None
    step: int | None
    steps: int | None


@dataclass(frozen=True, slots=True)
class Document:
    """One cell's run.

    versions   pairs a package with its version
    trying     while fixes are being tried
    sites      where the options of its calls are written
    running    the cell had not ended when this was written; `training` is how far its loop had come
    """

    schema: int
    versions: tuple[tuple[str, str], ...]
    trace: Trace
    diagnoses: tuple[Diagnosis, ...]
    notes: tuple[LineNote, ...]
    failure: Failure | None
    trying: bool = False
    sites: tuple[EditSite, ...] = ()
    running: bool = False
    training: Training | None = None
