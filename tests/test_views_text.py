"""The document as plain text."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcswidth

from conv_magic.model.calls import Outcome
from conv_magic.model.diagnoses import Diagnosis, Severity
from conv_magic.model.document import Document, Failure, Training
from conv_magic.model.fixes import Applicability, Fix, Proof
from conv_magic.model.notes import LineNote
from conv_magic.model.positions import Edit, Span
from conv_magic.model.shapes import Shape
from conv_magic.views.text import MOST_ROWS, to_text
from sample_documents import GUARDED, SAMPLES, all_fine, call, document, guarded, source, span_of, wrong_channels
from snapshot import assert_snapshot

AXES = ("batch", "height", "width", "channels")


@pytest.mark.parametrize(("name", "sample"), SAMPLES.items(), ids=SAMPLES.keys())
def test_samples_look_as_they_did(name: str, sample: Callable[[], Document]) -> None:
    assert_snapshot(f"{name}.txt", to_text(sample()))


def fault(text: str, code: str, *, actual: Shape | None, expected: Shape | None, axes: tuple[int, ...]) -> Document:
    """One call of `text` has failed; the fault lies in `code`."""
    place = span_of(text, code)
    failed = call(0, "Conv2D", ((1,),), None, None, layer="conv2d_3", span=place, outcome=Outcome.RAISED)
    diagnosis = Diagnosis("channels-differ", Severity.ERROR, 0, place, "conv2d_3", "it failed", (), expected, actual,
                          axes, AXES)  # fmt: skip
    return document((source(text),), (failed,), (diagnosis,))


def diagnosis_of(text: str) -> list[str]:
    """The lines of the first diagnosis."""
    return text.split("\n\n")[1].splitlines()


def test_a_diagnosis_has_its_voice() -> None:
    text = "\n" * 11 + "x = layers.Conv2D(64, 3)(x)\n"
    place = Span("cell", 12, 25, 12, 26)
    failed = call(0, "Conv2D", ((None, 28, 28, 6),), None, None, layer="conv2d_3", span=place, kernel=(3, 3, 3, 64),
                  outcome=Outcome.RAISED)  # fmt: skip
    fix = Fix("build a new Conv2D for this input", (Edit(place, "y"),), Applicability.SURE, (None, 26, 26, 64), "", "",
              Proof.RAN)  # fmt: skip
    diagnosis = Diagnosis(
        code="channels-differ",
        severity=Severity.ERROR,
        call=0,
        span=place,
        layer="conv2d_3",
        headline="conv2d_3 cannot take 6 channels with a kernel made for 3",
        expected=(None, 28, 28, 3),
        actual=(None, 28, 28, 6),
        axes=(3,),
        axis_names=AXES,
        origin_note="the 6 comes from line 9, Concatenate of (.., 3) and (.., 3)",
        fixes=(fix,),
    )
    assert "\n".join(diagnosis_of(to_text(document((source(text),), (failed,), (diagnosis,))))) == (
        """\
error[channels-differ]: conv2d_3 cannot take 6 channels with a kernel made for 3
  12 |   x = layers.Conv2D(64, 3)(x)
     |                            ^ this is (None, 28, 28, 6)
     |       kernel (3, 3, 3, 64) needs     (None, 28, 28, 3)
     |                                                     ^ channels
  note: the 6 comes from line 9, Concatenate of (.., 3) and (.., 3)
  help: build a new Conv2D for this input  ->  (None, 26, 26, 64)   tried: the cell now runs to its end"""
    )


@pytest.mark.parametrize(
    ("actual", "expected", "axes", "shown"),
    [
        ((2, 8, 8, 16), (2, 8, 8, 3), (3,), ["(2, 8, 8, 16)", "(2, 8, 8,  3)", "          ^^ channels"]),
        ((8, 8, 3), (None, 8, 8, 3), (0,), ["      (8, 8, 3)", "(None, 8, 8, 3)", " ^^^^ batch"]),
        ((2, 8, 8), (2, 8, 8, 3), (3,), ["(2, 8, 8)", "(2, 8, 8, 3)", "          ^ channels"]),
        ((2, 8, 3), (2, 8, 9, 3), (2,), ["(2, 8,    3)", "(2, 8, 9, 3)", "       ^ width"]),
        ((8, 8), (1, 8, 8, 3), (0, 3), ["   (8, 8)", "(1, 8, 8, 3)", " ^        ^ batch and channels"]),
        ((5,), (5, 3), (), ["(5,)", "(5, 3)"]),
        ((), (5, 3), (), ["()", "(5, 3)"]),
        ((1, 2, 3, 4, 5), (1, 2), (), ["(1, 2, 3, 4, 5)", "(1, 2)"]),
        ((4,), None, (), ["(4,)"]),
        (None, (4,), (), ["(4,)"]),
    ],
)
def test_shapes_stand_axis_under_axis(
    actual: Shape | None, expected: Shape | None, axes: tuple[int, ...], shown: list[str]
) -> None:
    whole = fault("y = conv(x)\n", "x", actual=actual, expected=expected, axes=axes)
    _, _, *lines = diagnosis_of(to_text(whole))
    lines = [line for line in lines if line.strip(" |^")]
    column = min(line.index(shape) for line, shape in zip(lines, shown, strict=True) if "(" in line)
    assert [line[column:] for line in lines] == shown


@given(st.text(st.sampled_from("a=é漢😀\u0301\t \f\x1b"), max_size=10), st.sampled_from(["x", "漢字", "a\u0301"]))
def test_carets_stand_under_the_span(before: str, code: str) -> None:
    line = f"{before}({code})|"
    start = len(before) + 1
    spans = [len(line[:n].encode("utf-16-le")) // 2 for n in (start, start + len(code))]
    place = Span("cell", 1, spans[0], 1, spans[1])
    diagnosis = Diagnosis("c", Severity.ERROR, None, place, None, "it failed")
    _, shown, carets = diagnosis_of(to_text(document((source(line),), (), (diagnosis,))))
    assert carets.count("^") == wcswidth(code)
    assert wcswidth(shown[: shown.rindex(f"{code})|")]) == carets.index("^")


def test_a_span_over_several_lines_is_marked_on_its_first() -> None:
    whole = fault("y = conv(\n    x,\n)\n", "conv(\n    x,\n)", actual=(1, 2), expected=None, axes=())
    assert diagnosis_of(to_text(whole))[1:] == ["  1 |   y = conv(", "    |       ^^^^^ this is (1, 2)"]


def test_behind_a_long_line_the_shapes_get_their_own_lines() -> None:
    text = f"y = conv({'a' * 120}(x))\n"
    shown = diagnosis_of(to_text(fault(text, "(x)", actual=(1, 2), expected=(1, 3), axes=(1,))))
    assert shown[2].strip(" |") == "^^^"
    assert shown[3:] == [
        "    |       this is        (1, 2)",
        "    |       conv2d_3 needs (1, 3)",
        "    |                          ^ height",
    ]


def test_a_place_in_an_older_cell_is_named() -> None:
    older = source("def block(x):\n    return conv(x)\n", "older", "In [3]")
    place = span_of(older.text, "conv(x)", "older")
    failed = call(0, "conv2d", ((1,),), None, None, span=place, outcome=Outcome.RAISED)
    diagnosis = Diagnosis("c", Severity.ERROR, 0, place, None, "it failed")
    notes = (LineNote("older", 2, "needs 4 axes", "failed", (0,), 0),)
    text = to_text(document((source("block(x)\n"), older), (failed,), (diagnosis,), notes))
    assert text.startswith("1 call, 1 failed at line 2 of In [3]\n")
    assert "\n  line 2 of In [3]\n  2 |       return conv(x)\n" in text
    assert "\nIn [3]:\n  1  def block(x):\n> 2      return conv(x)   # needs 4 axes\n" in text


def test_of_a_long_cell_the_lines_around_a_note_are_shown() -> None:
    text = "".join(f"a{n} = {n}\n" for n in range(1, 101))
    notes = (LineNote("cell", 50, "(1,)", "ok", ()),)
    shown = to_text(document((source(text),), (), notes=notes)).split("\n\n")[1].splitlines()
    assert [line.split()[0] for line in shown] == ["..", "48", "49", "50", "51", "52", ".."]


def test_of_many_calls_the_troubled_ones_are_kept() -> None:
    calls = tuple(
        call(n, "Dense", ((1, 2),), (1, 3), (1, 3), outcome=Outcome.RAISED if n == 4_000 else Outcome.RETURNED)
        for n in range(5_000)
    )
    shown = to_text(document((source(""),), calls)).rstrip().splitlines()
    assert f"and {5_000 - MOST_ROWS:,} more rows" in shown[-1]
    assert shown[-2].startswith("> 4000")


def test_without_a_diagnosis_the_exception_is_said() -> None:
    whole = document((source("1 / 0\n"),), (), failure=Failure("ZeroDivisionError", "division\nby zero", None))
    text = to_text(whole)
    assert text.startswith("no calls were seen; the cell ended with ZeroDivisionError\n\n")
    assert "\nZeroDivisionError: division by zero\n" in text


ANSI = re.compile("\x1b\\[[0-9;]*m")


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES.keys())
def test_colour_adds_nothing_but_colour(sample: Callable[[], Document]) -> None:
    plain, coloured = to_text(sample()), to_text(sample(), color=True)
    assert "\x1b" not in plain
    assert ANSI.search(coloured)
    assert [line.rstrip() for line in ANSI.sub("", coloured).splitlines()] == plain.splitlines()


def test_what_the_notebook_says_cannot_steer_the_terminal() -> None:
    text = 'x = "\x1b[2J\u202e"\r\n'
    whole = document((source(text),), (), failure=Failure("E\x07", "\x1b]0;title\x07 \x9b1m \udce9", None))
    shown = to_text(whole)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]", shown)
    assert '1  x = "␛[2J�"\n' in shown


def test_nothing_is_written_before_the_verdict() -> None:
    for sample, verdict in (
        (wrong_channels, "4 calls, 1 failed at line 12"),
        (all_fine, "500 calls on 5 rows, all as the arithmetic says"),
        (guarded, "1 call, 1 stopped before it ran at line 3; fixes not tried yet"),
    ):
        assert to_text(sample()).splitlines()[0] == verdict


def test_fixes_say_how_they_were_tried() -> None:
    whole = guarded()
    assert "(1, 28, 28, 8)   not tried yet\n" in to_text(whole)
    assert "(1, 28, 28, 8)   not tried\n" in to_text(replace(whole, trying=False))
    [diagnosis] = whole.diagnoses
    template = replace(diagnosis.fixes[0], applicability=Applicability.DISPLAY, untried="it needs\nyour data")
    text = to_text(replace(whole, diagnoses=(replace(diagnosis, fixes=(template,)),)))
    assert (
        "help: add the batch axis (a template to fill in)  ->  (1, 28, 28, 8)   not tried: it needs your data" in text
    )
    assert GUARDED.splitlines()[2] in text


@pytest.mark.parametrize("width", [40, 80])
@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES.keys())
def test_a_narrow_text_fits_but_for_code_and_figures(sample: Callable[[], Document], width: int) -> None:
    document = sample()
    prose, narrow = to_text(document).split(), to_text(document, width=width)
    told = narrow.split("\n\n")[: 1 + len(document.diagnoses)]
    wide = [line for part in told for line in part.splitlines() if wcswidth(line) > width]
    assert [line for line in wide if " |  " not in line] == []  # shapes are never broken
    for diagnosis in document.diagnoses:  # no word is lost
        for word in diagnosis.headline.split() + [word for fix in diagnosis.fixes for word in fix.title.split()]:
            assert word in prose
            assert word in narrow.split()


@pytest.mark.parametrize("code", ["x" * 30 + "FAULT" + "y" * 30, "漢" * 20 + "FAULT" + "é🙂" * 20])
def test_a_long_line_of_code_is_cut_around_the_fault(code: str) -> None:
    lines = diagnosis_of(to_text(fault(code, "FAULT", actual=(1,), expected=(2,), axes=(0,)), width=40))
    shown, carets = lines[1], lines[2]
    at = carets.index("^")
    assert "…" in shown
    assert wcswidth(shown) <= 40
    assert carets[at:].startswith("^^^^^")
    before = next(i for i in range(len(shown)) if wcswidth(shown[:i]) == at)
    assert shown[before : before + 5] == "FAULT"


@pytest.mark.parametrize(
    ("training", "told"),
    [
        (None, "running: 500 calls on 5 rows so far"),
        (
            Training("fit", 3, 10, 12, 1250),
            "running: 500 calls on 5 rows so far; fit is at epoch 3 of 10, step 12 of 1,250",
        ),
        (Training("predict", None, None, 7, None), "running: 500 calls on 5 rows so far; predict is at step 7"),
        (Training("fit", None, None, None, None), "running: 500 calls on 5 rows so far; fit has begun"),
    ],
)
def test_a_cell_that_still_runs_says_how_far_it_is(training: Training | None, told: str) -> None:
    sample = all_fine()
    last = replace(sample.trace.calls[-1], outcome=Outcome.ENTERED, output=None)
    running = replace(
        sample, running=True, training=training, trace=replace(sample.trace, calls=(*sample.trace.calls[:-1], last))
    )
    text = to_text(running)
    assert text.splitlines()[0] == told
    assert "arithmetic says" not in text
    assert "failed" not in text
    assert text.rstrip().splitlines()[-1].split()[2] == "running"
