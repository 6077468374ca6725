"""What is known of a failing cell without running anything: instrumentation, goals, distances."""

from __future__ import annotations

import ast

import conv_magic
from conv_magic.analysis.flow import Flow
from conv_magic.analysis.goals import Goal, Wanted, goals_of, reason_line_of, shapes_in
from conv_magic.analysis.instrument import NOTE, noting, numbered
from conv_magic.analysis.program import Observed, Program
from conv_magic.analysis.values import Parameter, Value, from_plain, to_plain


def observed(text: str, error: str = "") -> Program:
    """A program with the values of its numbers and tuples, as a run of plain Python gives them."""
    seen: dict[int, list[Value]] = {}
    order: dict[int, int] = {}

    def note(site: int, value: object) -> object:
        order[site] = len(order) + 1
        if isinstance(value, int):
            seen[site] = [Value("int", numbers=(value,), text=str(value))]
        elif isinstance(value, tuple):
            seen[site] = [Value("dims", numbers=value, text="tuple", length=len(value))]
        return value

    exec(compile(noting(ast.parse(text)), "<test>", "exec"), {NOTE: note})
    values = {site: tuple(given) for site, given in seen.items()}
    return Program(text, Observed(values, dict.fromkeys(order, 1), order, order, {}, ("ValueError", error)))


def test_a_text_runs_as_before_with_its_expressions_noted() -> None:
    text = "def f(x: int = 2, *a, **k) -> int:\n    y: int = x + 1\n    return [y for y in (y,) if y][0]\n"
    text += "z = f(3)\nw = f'{z}'\n"
    space: dict[str, object] = {NOTE: lambda site, value: value}
    exec(compile(noting(ast.parse(text)), "<test>", "exec"), space)
    assert (space["z"], space["w"]) == (4, "4")


def test_equal_texts_are_numbered_alike() -> None:
    text = "a = f(1, (2, 3))"
    first, second = numbered(ast.parse(text)), numbered(ast.parse(text))
    assert [ast.dump(node) for node in first.values()] == [ast.dump(node) for node in second.values()]


def test_a_value_is_the_same_after_json() -> None:
    value = Value("class", parts=((1, None), None), parameters=(Parameter("x", "KEYWORD_ONLY", None),), number=3)
    assert from_plain(to_plain(value)) == value


def test_the_head_of_a_message_is_not_the_wrappers_line() -> None:
    message = "Exception encountered when calling Block.call().\n\nno room for (2, 3)\n\nArguments received by Block"
    assert reason_line_of(message) == "no room for (2, 3)"


def test_shapes_in_words() -> None:
    assert shapes_in("between [2,4,4,64] and (None, 28) of f(x)") == [(2, 4, 4, 64), (None, 28)]


def test_goals_of_keras_words() -> None:
    axis = "expected axis -1 of input shape to have value 3, but received input with shape (None, 8, 8, 1)"
    rank = "expected min_ndim=4, found ndim=3. Full shape received: (None, 28, 28)"
    assert goals_of(axis, None, ())[0] == Goal((None, 8, 8, 1), (None, None, None, 3), firm=True)
    assert goals_of(rank, None, ())[0] == Goal((None, 28, 28), (None,) * 4, firm=True)


def test_goals_of_two_shapes_that_met() -> None:
    found = goals_of("operands could not be broadcast together with shapes (40,) (40,1)", None, ())
    assert set(found) == {Goal((40,), (40, 1)), Goal((40, 1), (40,))}


def test_goals_of_a_matrix_product_are_about_its_inner_sizes() -> None:
    found = goals_of("Matrix size-incompatible: In[0]: [4,10], In[1]: [12,5]", None, ())
    assert set(found) == {Goal((4, 10), (None, 12)), Goal((12, 5), (10, None))}


def test_totals() -> None:
    wanted = Wanted((), "cannot reshape array of size 3072 into shape (16,28,28)", None)
    assert wanted.totals() == ((3072, 16 * 28 * 28),)


def test_the_kind_of_fault() -> None:
    assert Wanted((), "expected ndim=4, found ndim=3", None).fault() == "rank"
    assert (
        Wanted(
            (), "cannot compute Conv2D as input #1 was expected to be a float tensor but is a double: dtype", None
        ).fault()
        == "dtype"
    )


def test_distances_follow_names() -> None:
    program = observed("size = 7\nother = 5\nhalf = size // 2\nresult = (half, 3)\n")
    last = program.statements[-1]
    flow = Flow(program, {last: 0.0})
    near, far = program.statements[0], program.statements[1]
    assert flow.distance(program.statements[2]) < flow.distance(near) < flow.distance(far)


def test_distances_go_into_functions_and_out_to_what_they_were_given() -> None:
    program = observed("def half(n):\n    return n // 2\na = 7\nb = 9\nc = half(a)\n")
    flow = Flow(program, {program.statements[1 + 3]: 0.0})
    by_text = {program.text_of(s): flow.distance(s) for s in program.statements}
    assert by_text["a = 7"] < by_text["b = 9"]


def test_edits_are_made_in_bytes() -> None:
    program = observed("ä = 'é'\nb = (1, 2)\n")
    node = next(n for n in program.nodes.values() if isinstance(n, ast.Tuple))
    assert program.edited([(*program.span(node), "(2, 1)")]) == "ä = 'é'\nb = (2, 1)\n"
    assert program.place(program.span(node)[0]) == (2, 4)


def test_the_chain_of_a_size_says_where_one_was_dropped() -> None:
    report = conv_magic.run(
        "from keras import Input, layers\n"
        "x = Input((100, 100, 3))\n"
        "a = layers.Conv2D(8, 3, strides=2, padding='same')(x)\n"
        "b = layers.MaxPooling2D()(layers.MaxPooling2D()(a))\n"
        "c = layers.UpSampling2D()(b)\n"
        "d = layers.Concatenate()([layers.MaxPooling2D()(a), c])\n"
    )
    (diagnosis,) = report.diagnoses
    assert "height: 100 -> 50 -> 25" in diagnosis.reasons
    assert "height: 100 -> 50 -> 25 -> 12 (25 // 2, 1 dropped) -> 24" in diagnosis.reasons


def test_an_error_without_tensors_is_not_ours() -> None:
    report = conv_magic.run("import keras\nx = keras.optimizers.RMSprop(lr_decay_is_no_argument=1)\n")
    assert report.error is not None
    assert report.diagnoses == ()
