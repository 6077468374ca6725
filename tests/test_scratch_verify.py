"""Fixes tried for real, with the analysis that the user's own run has."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from conv_magic.model.fixes import Applicability, Fix, Proof
from conv_magic.model.positions import Edit, Span, digest
from conv_magic.repair.verify import verify_fixes
from conv_magic.sandbox.scratch import Scratch

CELL = "%%convshapes\nout = tf.nn.conv2d(image, kernel, 1, 'SAME')\nflat = tf.reshape(out, (1, 3136))\n"


@pytest.fixture(scope="module")
def scratch() -> Iterator[Scratch]:
    with Scratch("conv_magic.engine.runner:tried") as warm:
        yield warm


@pytest.fixture
def notebook() -> dict[str, Any]:
    return {"tf": tf, "image": tf.zeros((28, 28, 1)), "kernel": tf.zeros((3, 3, 1, 4)), "__name__": "__main__"}


def fix(old: str, new: str, source: str = CELL, applicability: Applicability = Applicability.SURE) -> Fix:
    """Replace the first `old` of the source."""
    lines = source[: source.index(old)].split("\n")
    span = Span("c0", len(lines), len(lines[-1]), len(lines), len(lines[-1]) + len(old))
    return Fix(f"{old} to {new}", (Edit(span, new),), applicability, None, digest(source), "c0")


def automatic_number() -> int:
    """The number in the next layer's automatic name, which this advances."""
    return int(keras.layers.Conv2D(1, 1).name.removeprefix("conv2d").lstrip("_") or 0)


BATCH = fix("image", "image[None]")


@pytest.mark.onednn
def test_the_right_fix_holds_and_others_say_why_not(scratch: Scratch, notebook: dict[str, Any]) -> None:
    seen: list[tuple[int, bool]] = []
    fixes = [
        fix("'SAME'", "'VALID'"),
        BATCH,
        fix("image", "image[None, :8]"),
        fix("image", "(image[None], input())[0]"),
        fix("image", "...", applicability=Applicability.DISPLAY),
        fix("image", "image[None]", CELL + "\n"),
    ]
    tried = verify_fixes(
        fixes, CELL, notebook, scratch=scratch, limit_total=60, on_result=lambda i, f: seen.append((i, f.verified))
    )
    assert [f.title for f in tried] == [f.title for f in fixes]
    assert [f.proof for f in tried] == [None, Proof.RAN, None, None, None, None]
    assert [f.untried for f in tried] == [
        "tried: line 2 then raises ImpossibleCall",
        None,
        "tried: line 3 then raises InvalidArgumentError",
        "needs user input",
        "has a place for you to fill in",
        "the cell has changed",
    ]
    assert seen == [(i, i == 1) for i in range(6)]


def test_a_cell_that_runs_with_a_warning_left_does_not_hold() -> None:
    source = "x = 1  # note\ny = 2\nz = 1  # warning\n"
    fixes = [fix("x", "w", source), fix("# warning", "", source)]
    with Scratch("scratch_analysis:flag_marked_lines") as scratch:
        remains, holds = verify_fixes(fixes, source, {}, scratch=scratch, limit_total=60)
        trial = scratch.try_cell(source, {}, filename="<cell>", limit=60)
    assert (remains.proof, remains.untried) == (None, "tried: marked-warning remains at line 3")
    assert (holds.proof, holds.untried) == (Proof.RAN, None)
    assert trial.document is not None
    assert [d.code for d in trial.document.diagnoses] == ["marked-note", "marked-warning"]


def test_a_slow_cell_and_a_total_limit(scratch: Scratch, notebook: dict[str, Any]) -> None:
    assert scratch.try_cell("x = 1", {}, filename="<cell>", limit=60).held
    slow = fix("image", "[0 for _ in iter(int, 1)]")
    tried = verify_fixes([slow, BATCH], CELL, notebook, scratch=scratch, limit_each=1.0, limit_total=0.5, wall=60)
    assert [f.untried for f in tried] == [
        "the cell had not ended after 1 s of computing",
        "the time for trials was over",
    ]


def test_what_cannot_be_copied_is_said(scratch: Scratch, notebook: dict[str, Any]) -> None:
    notebook["image"] = (tf.zeros((28, 28, 1)) for _ in range(1))
    (tried,) = verify_fixes([fix("image", "next(image)[None]")], CELL, notebook, scratch=scratch)
    assert (tried.proof, tried.untried) == (None, "needs `image`, which cannot be copied")
    assert len(list(notebook["image"])) == 1


def test_nothing_of_the_users_is_touched(
    scratch: Scratch, notebook: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = CELL + "import os, random, keras\nos.environ['MINE'] = '1'\nopen('mine', 'w').write('1')\nimage = None\n"
    source += "random.seed(1)\nkeras.utils.set_random_seed(3)\nkeras.layers.Conv2D(1, 1)\nkernel = kernel + 1\n"
    before, environment, image = dict(notebook), dict(os.environ), notebook["image"].numpy().copy()

    def draws() -> tuple[float, ...]:
        return random.random(), np.random.rand(), float(tf.random.uniform(())), float(keras.random.uniform(()))

    keras.utils.set_random_seed(7)
    expected = draws()
    number = automatic_number()
    keras.utils.set_random_seed(7)
    (tried,) = verify_fixes([fix("image", "image[None]", source)], source, notebook, scratch=scratch, limit_total=60)
    assert tried.proof is Proof.RAN, tried.untried
    assert draws() == expected
    assert automatic_number() == number + 1
    assert {n: id(v) for n, v in notebook.items()} == {n: id(v) for n, v in before.items()}
    assert (notebook["image"].numpy() == image).all()
    assert not notebook["kernel"].numpy().any()
    assert dict(os.environ) == environment
    assert Path.cwd() == tmp_path
    assert not any(tmp_path.iterdir())
