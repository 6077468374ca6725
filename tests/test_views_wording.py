"""The words that views share."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conv_magic.model.calls import Outcome
from conv_magic.model.diagnoses import Diagnosis, Severity
from conv_magic.model.document import Document, Failure
from conv_magic.model.options import (
    ConvTransposeOptions,
    CroppingOptions,
    DenseOptions,
    DepthwiseConvOptions,
    FlattenOptions,
    GlobalPoolOptions,
    MergeOptions,
    Options,
    PoolOptions,
    ReshapeOptions,
    SameShapeOptions,
    UpSamplingOptions,
    ZeroPaddingOptions,
)
from conv_magic.model.positions import Span
from conv_magic.model.shapes import Shape
from conv_magic.views.verdict import contradicts, statuses, verdict
from conv_magic.views.wording import bytes_text, number_text, options_text, printable, seconds_text, shape_text
from sample_documents import call, conv, document, source


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, ""),
        (0, "0"),
        (9_408, "9,408"),
        (9_999, "9,999"),
        (10_000, "10 k"),
        (31_840, "31.8 k"),
        (999_949, "999.9 k"),
        (999_950, "1 M"),
        (1_200_000, "1.2 M"),
        (4_089_184_256, "4.1 G"),
        (10**12, "1 T"),
        (10**18, "1,000,000 T"),
    ],
)
def test_numbers(number: int | None, text: str) -> None:
    assert number_text(number) == text


def test_sizes_and_times() -> None:
    assert [bytes_text(size) for size in (640, 2_097_152)] == ["640 B", "2.1 MB"]
    assert [seconds_text(time) for time in (0.00042, 0.021, 1.26, 125)] == ["0.42 ms", "21 ms", "1.3 s", "2 min 5 s"]


def test_shapes_are_written_as_tuples() -> None:
    assert [shape_text(s) for s in ((None, 28, 28, 3), (3,), (), None)] == ["(None, 28, 28, 3)", "(3,)", "()", ""]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (None, ""),
        (conv(3, 8), "3×3, valid"),
        (replace(conv(3, 8), strides=(2, 1), dilation_rate=(2, 2), groups=4),
         "3×3, stride 2×1, valid, dilation 2, 4 groups"),
        (replace(conv(3, 8), padding=((0, 0), (1, 2))), "3×3, padding ((0, 0), (1, 2))"),
        (DepthwiseConvOptions((3,), (1,), "SAME", (1,), 2, None, "channels_last"), "3, same, depth multiplier 2"),
        (ConvTransposeOptions((2, 2), (2, 2), "same", (1, 1), None, None, 3, "channels_last"), "2×2, stride 2, same"),
        (ConvTransposeOptions((2,), (2,), "same", (1,), (1,), None, 3, "channels_last"),
         "2, stride 2, same, output padding (1,)"),
        (PoolOptions((2, 2), (2, 2), "valid", "channels_last"), "2×2, stride 2, valid"),
        (GlobalPoolOptions(False, "channels_last"), "all positions"),
        (ZeroPaddingOptions(((1, 1), (0, 2)), "channels_last"), "adds ((1, 1), (0, 2))"),
        (CroppingOptions(((1, 1),), "channels_last"), "cuts ((1, 1),)"),
        (UpSamplingOptions((2, 2), "channels_last"), "2×2"),
        (DenseOptions(10), "10 units"),
        (FlattenOptions("channels_last"), ""),
        (ReshapeOptions((7, -1)), "to (7, -1)"),
        (MergeOptions(-1), "along axis -1"),
        (MergeOptions(None), ""),
        (SameShapeOptions(), ""),
    ],
)  # fmt: skip
def test_options(options: Options | None, text: str) -> None:
    assert options_text(options) == text


def test_controls_become_visible_and_letters_stay() -> None:
    assert printable("é漢😀\t\x00\x7f\x85\udc80") == "é漢😀␉␀␡��"


@pytest.mark.parametrize(
    ("expected", "output", "wrong"),
    [
        ((None, 3), (5, 3), False),
        ((2, None), (5, 3), True),
        ((2, 3), (2, 3, 1), True),
        (None, (2,), False),
        ((2,), None, False),
    ],
)
def test_unknown_sizes_contradict_nothing(expected: Shape | None, output: Shape | None, wrong: bool) -> None:
    assert contradicts(expected, output) is wrong


def run(*outcomes: str, **changes: object) -> Document:
    """One call a line: `ok`, `failed`, `guarded`, `entered`, `wrong` (another shape) or `unknown` (no prediction)."""
    calls = tuple(
        call(
            n,
            "conv2d",
            ((1,),),
            None if word == "unknown" else (2,),
            {"ok": (2,), "unknown": (2,), "wrong": (3,)}.get(word),
            span=Span("cell", n + 1, 0, n + 1, 1),
            outcome={"failed": Outcome.RAISED, "guarded": Outcome.GUARDED, "entered": Outcome.ENTERED}.get(
                word, Outcome.RETURNED
            ),
        )
        for n, word in enumerate(outcomes)
    )
    return replace(document((source(""),), calls), **changes)  # type: ignore[arg-type]  # fields by name


def test_statuses() -> None:
    assert statuses(run("ok", "wrong", "failed", "guarded", "entered")) == (
        "ok",
        "warning",
        "failed",
        "guarded",
        "failed",
    )


def diagnosis(severity: Severity, call_index: int | None, line: int) -> Diagnosis:
    return Diagnosis("c", severity, call_index, Span("cell", line, 0, line, 1), None, "h")


def test_a_diagnosis_makes_a_returned_call_a_warning_and_a_note_does_not() -> None:
    whole = run("ok", "ok")
    found = (diagnosis(Severity.WARNING, 0, 1), diagnosis(Severity.NOTE, 1, 2))
    assert statuses(replace(whole, diagnoses=found)) == ("warning", "ok")


@pytest.mark.parametrize(
    ("whole", "sentence"),
    [
        (run(), "no calls were seen"),
        (run("ok"), "1 call, as the arithmetic says"),
        (run("ok", "ok"), "2 calls, all as the arithmetic says"),
        (run("ok", "unknown"), "2 calls, none against the arithmetic, 1 without a prediction"),
        (run("unknown"), "1 call, without a prediction to compare with"),
        (run("ok", "failed"), "2 calls, 1 failed at line 2"),
        (run("wrong", "failed", "failed", "guarded"),
         "4 calls, 2 failed at lines 2 and 3, 1 stopped before it ran at line 4, 1 with a warning at line 1"),
        (run(*["failed"] * 4), "4 calls, 4 failed at lines 1, 2, 3 and 4"),
        (run(*["failed"] * 9), "9 calls, 9 failed at lines 1, 2, 3 and 6 more"),
        (run("ok", failure=Failure("NameError", "no", Span("cell", 9, 0, 9, 1))),
         "1 call, as the arithmetic says; the cell ended with NameError at line 9"),
        (run("ok", diagnoses=(diagnosis(Severity.ERROR, None, 7), diagnosis(Severity.NOTE, None, 8))),
         "1 call, 1 error at line 7"),
        (run("failed", trying=True), "1 call, 1 failed at line 1; fixes not tried yet"),
    ],
)  # fmt: skip
def test_the_verdict(whole: Document, sentence: str) -> None:
    assert verdict(whole) == sentence


def test_of_calls_inside_each_other_the_innermost_failure_counts() -> None:
    model, layer = run("failed", "failed").trace.calls
    nested = document((source(""),), (model, replace(layer, parent=0)))
    assert verdict(nested) == "2 calls, 1 failed at line 2"


def test_calls_that_were_not_recorded_are_said() -> None:
    whole = run("ok", "ok")
    full = replace(whole, trace=replace(whole.trace, dropped=1_500))
    assert verdict(full) == "2 calls and 1,500 more that were not recorded, all as the arithmetic says"
