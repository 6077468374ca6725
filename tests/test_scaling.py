"""What the end of a cell costs grows with its rows, not with their square: counted in lines run, not in time."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

import conv_magic
from conv_magic.engine.report import Report
from conv_magic.engine.runner import compiled
from conv_magic.engine.session import Cell, Options, Session
from conv_magic.views.wire import to_wire

_PACKAGE = str(Path(conv_magic.__file__).parent)
_ROWS = 48
_MOST = 2.6
"""How much more twice as many rows may cost."""
_HEAD = (
    "import keras, numpy as np, tensorflow as tf\nfrom keras import layers\nfrom tensorflow.nn import conv2d\n"
    "k = tf.zeros((3, 3, 3, 4))\n"
)


def _lines(line: str, rows: int) -> str:
    return "".join(line.replace("#i", str(number)) for number in range(rows))


PROGRAMS: dict[str, Callable[[int], str]] = {
    "a loop": lambda n: f"for i in range({n}):\n    conv2d(tf.zeros((1, 1, 8 + i, 3)), k, 1, 'SAME')\n",
    "a line for each": lambda n: _lines("y#i = conv2d(tf.zeros((1, 1, 8, 3)), k, 1, 'SAME')\n", n),
    "a line for each, the last fails": lambda n: (
        _lines("y#i = conv2d(tf.zeros((1, 1, 8, 3)), k, 1, 'SAME')\n", n)
        + "conv2d(tf.zeros((1, 8, 8, 5)), k, 1, 'SAME')\n"
    ),
    "a contract for each": lambda n: _lines(
        "y#i = conv2d(tf.zeros((1, 1, 8, 3)), k, 1, 'SAME')  # shape: (B, 1, W#i, 4)\n", n
    ),
    "calls with contracts": lambda n: _lines(
        "conv2d(tf.zeros((1, 1, 8, 3)), k, 1, 'SAME')  # shape: (B, 1, W#i, 4)\n", n
    ),
    "a function called from many lines": lambda n: (
        "def f(x):\n    y = conv2d(x, k, 1, 'SAME')\n    return y\n" + _lines("f(tf.zeros((1, 1, 8 + #i, 3)))\n", n)
    ),
    "a warning for each": lambda n: _lines(
        "y = layers.Conv2D(4, 3, 3, activation='relu')(tf.zeros((1, 18, 18 + #i, 3)))\n"
        "z = keras.losses.MeanSquaredError()(tf.zeros((#i + 3, 1)), tf.zeros((#i + 3,)))\n",
        n // 2,
    ),
    "a deep model": lambda n: (
        "x = given = keras.Input((8, 8, 3))\n"
        f"for i in range({n} // 6):\n"
        "    y = layers.ReLU()(layers.Conv2D(3, 3, padding='same')(x))\n    x = layers.Add()([x, y])\n"
        "keras.Model(given, x)(tf.zeros((2, 8, 8, 3)))\n"
    ),
    "small models": lambda n: (
        f"for i in range({n} // 4):\n"
        "    image = keras.Input((8, 8 + i, 1))\n"
        "    m = keras.Sequential([image, layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(3)])\n"
        "    m(tf.zeros((1, 8, 8 + i, 1)))\n"
    ),
    "graphs traced again": lambda n: (
        f"@tf.function\ndef f(x):\n    return conv2d(x, k, 1, 'SAME')\n"
        f"for i in range({n} // 2):\n    f(tf.zeros((1, 9 + i, 8, 3)))\n"
    ),
}  # fmt: skip


def _executed(session: Session) -> tuple[BaseException | None, dict[str, Any]]:
    space: dict[str, Any] = {"__name__": "__main__"}
    error: BaseException | None = None
    session.start()
    try:
        exec(compiled(session), space)
    except Exception as raised:
        error = raised
    finally:
        session.stop()
    return error, space


def _cost(rows: int, program: Callable[[int], str]) -> tuple[Report, Counter[CodeType]]:
    """The report of a program, and how many lines of ours ran to make and show it, by function.

    A comprehension counts a line for each item.
    """
    session = Session(Cell("<scaling>", _HEAD + program(rows)), {}, Options())
    return _counted(session, *_executed(session))


def _counted(session: Session, error: BaseException | None, space: dict[str, Any]) -> tuple[Report, Counter[CodeType]]:
    counts: Counter[CodeType] = Counter()

    def counted(frame: FrameType, event: str, _: object) -> Any:
        if event == "line":
            counts[frame.f_code] += 1
        return counted

    def entered(frame: FrameType, event: str, _: object) -> Any:
        return counted if frame.f_code.co_filename.startswith((_PACKAGE, "<string>")) else None

    before = sys.gettrace()
    sys.settrace(entered)
    try:
        report = session.finish(error, space)
        report.frame()
        report.to_html()
        report.to_text()
        to_wire(report)
    finally:
        sys.settrace(before)
    assert session.faults == []
    return report, counts


def test_a_failing_cell_costs_as_much_however_many_have_failed_before() -> None:
    def cell(number: int) -> Cell:
        text = f"y{number} = tf.zeros((1, 8, 8, 5))\nz{number} = conv2d(y{number}, k, 1, 'SAME')\n"
        return Cell(f"<failed {number}>", _HEAD + text)

    def cost(others: int) -> int:
        session = Session(cell(others), {(each := cell(number)).filename: each for number in range(others)}, Options())
        report, counts = _counted(session, *_executed(session))
        assert [diagnosis.code for diagnosis in report.diagnoses] == ["channels-differ"]
        return counts.total()

    cost(150)  # each cell's names are found once
    few, many = cost(10), cost(150)
    assert (many - few) / 140 < few / 200  # a cell more in the list of those that ran, and no more


def _by_name(counts: Counter[CodeType]) -> Counter[tuple[str, str, int]]:
    """Counts by file, name and line: a frozen dataclass' own methods have no other file than `<string>`."""
    named: Counter[tuple[str, str, int]] = Counter()
    for code, count in counts.items():
        named[code.co_filename, code.co_qualname, code.co_firstlineno] += count
    return named


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)
def test_twice_as_many_rows_cost_twice_as_much(program: Callable[[int], str]) -> None:
    _cost(4, program)  # what is imported and made once
    (few, once), (many, twice) = _cost(_ROWS, program), _cost(2 * _ROWS, program)
    assert len(many.trace.calls) >= 1.8 * len(few.trace.calls) > _ROWS // 2
    assert twice.total() <= _MOST * once.total()
    before, after = _by_name(once), _by_name(twice)
    rows = len(many.trace.calls)
    assert {place: (before[place], count) for place, count in after.items()
            if count > max(_MOST * before[place], 20 * rows)} == {}  # fmt: skip
