"""Of a long notebook only the cells are looked at that the failing one depends on."""

from __future__ import annotations

import pytest

from conv_magic.analysis.needed_cells import needed_cells
from conv_magic.model.trace import Source
from conv_magic.text.kept import kept_by_text


def _sources(*texts: str) -> list[Source]:
    return [Source(f"c{number}", text, f"d{number}", None, f"In [{number}]") for number, text in enumerate(texts, 1)]


def _needed(own: str, *earlier: str) -> list[str]:
    return [source.text for source in needed_cells([Source("c0", own, "d0", None, "this cell")], _sources(*earlier))]


def test_what_made_or_changed_a_needed_value_is_taken_and_what_that_needs() -> None:
    head, size, other = "import keras", "size = 8", "print(keras.backend.backend())\nunrelated = 3"
    model, added, fitted = "model = keras.Sequential()\nn = size", "model.add(keras.layers.Dense(n))", "model.fit(x, y)"
    earlier = head, size, other, model, added, fitted
    assert _needed("model(data)", *earlier) == [head, size, model, added]


def test_a_function_brings_what_its_body_reads() -> None:
    assert _needed("f(1)", "k = 3", "def f(x):\n    return x + k", "m = 2") == ["k = 3", "def f(x):\n    return x + k"]


def test_of_many_cells_that_give_one_name_its_value_the_last_are_taken() -> None:
    cells = [f"x = {number}" for number in range(40)]
    assert _needed("x + 1", *cells) == cells[-3:]


def test_a_binding_that_may_not_have_run_hides_none_before_it() -> None:
    cells = ["x = 1", *("if wide:\n    x = 2" for _ in range(5))]
    assert _needed("x + 1", *cells) == cells


def test_cells_without_end_that_lead_to_each_other_are_bounded() -> None:
    assert len(_needed("x + 1", *(f"x = f(x)  # {'.' * 1000}" for _ in range(500)))) < 60
    assert len(_needed("m(x)", "m = M()", *("m.add(L())" for _ in range(500)))) == 30 + 1


def test_a_cell_that_a_call_was_made_from_is_taken_whatever_it_binds() -> None:
    own, used, other = _sources("pass", "a = 1", "b = 2")
    assert needed_cells([own, used], [used, other]) == (used,)


@pytest.mark.parametrize("text", ["%%bash\nls", "x ="])
def test_what_is_no_python_needs_and_gives_nothing(text: str) -> None:
    assert _needed(text, "x = 1") == []
    assert _needed("x", text) == []


def test_results_are_kept_by_the_characters_of_their_texts() -> None:
    made: list[str] = []

    @kept_by_text(10)
    def upper(text: str) -> str:
        made.append(text)
        return text.upper()

    assert [upper("abcd"), upper("efgh"), upper("abcd")] == ["ABCD", "EFGH", "ABCD"]
    upper("ijkl")  # the third of four characters: the one asked for longest ago goes
    upper("abcd")
    assert made == ["abcd", "efgh", "ijkl"]
    upper("efgh")
    upper("x" * 50)
    upper("x" * 50)
    assert made == ["abcd", "efgh", "ijkl", "efgh", "x" * 50]
