"""Every hooked function and every layer of Keras, called in every way there is, is a row."""

from __future__ import annotations

import pytest

import capture_matrix
from capture_matrix import WAYS, column, layer_classes, not_called, of_page


@pytest.mark.parametrize("way", WAYS)
def test_every_call_of_this_way_is_seen(way: str) -> None:
    cells = column(way)
    assert {name: cell.why for name, cell in cells.items() if cell.holds is False} == {}
    seen = [name for name, cell in cells.items() if cell.holds]
    assert len(seen) >= 0.95 * len(cells), {name: cell.why for name, cell in cells.items() if cell.holds is None}
    written = of_page(way)
    if written is not None:  # made with the versions that are installed
        told = {name: bool(cell.holds) for name, cell in cells.items()}
        assert {name: written.get(name) for name in told} == told, "run `make capture-page`"


def test_every_layer_has_a_row_or_a_reason() -> None:
    rows = {case.name for case in capture_matrix.layer_cases()}
    assert set(layer_classes()) - rows == set(not_called())


def test_every_hooked_function_has_a_row() -> None:
    from conv_magic.capture.hooks.keras_ops import KERAS_OPS
    from conv_magic.capture.hooks.tf_nn import TF_NN

    hooked = {
        hook.name for hook in (*TF_NN, *KERAS_OPS) if hook.find() is not None and "symbolic_call" not in hook.name
    }
    assert hooked - {case.name for case in capture_matrix.function_cases()} == set()
