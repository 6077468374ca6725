"""Runs generated calls in a process that may die, and goes on with the next call in a fresh one.

TensorFlow is imported once; each worker is forked from that process before any of its operations has run.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generated_calls import TENSOR_NAMES, GeneratedCall

Arrays = tuple[Any, ...]


@dataclass(frozen=True)
class Answer:
    """How one call ended.

    kind       `returned`, `raised` or `died`
    shapes     of the results, `values` their numbers
    codes      of the diagnoses, where the call was traced
    """

    kind: str
    shapes: tuple[tuple[int, ...], ...] = ()
    values: Arrays = ()
    error: str = ""
    guarded: bool = False
    codes: tuple[str, ...] = ()
    row: str = ""


def answers(calls: Sequence[GeneratedCall], *, way: str, onednn: bool) -> list[Answer]:
    """The answer to each call; `way` is `plain`, or `traced` for a cell under conv_magic."""
    environment = {
        **os.environ,
        "TF_ENABLE_ONEDNN_OPTS": str(int(onednn)),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "",
        "CONV_MAGIC_STRICT": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(Path(__file__).parent), os.environ.get("PYTHONPATH")])),
    }
    with tempfile.TemporaryDirectory() as folder:
        asked, told = Path(folder, "asked"), Path(folder, "told")
        asked.write_bytes(pickle.dumps(list(calls)))
        # not as a script: what a script pickles is of `__main__`, which is another module here
        command = [sys.executable, "-c", "import expendable; expendable.serve()", way, str(asked), str(told)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return _read(told)


def _read(told: Path) -> list[Answer]:
    found = []
    with told.open("rb") as stream:
        while True:
            try:
                found.append(pickle.load(stream))
            except EOFError:
                return found


def _function(name: str) -> Callable[..., Any]:
    import keras
    import tensorflow as tf

    found: Any = {"tf": tf, "keras": keras}[name.split(".")[0]]
    for part in name.split(".")[1:]:
        found = getattr(found, part)
    return found  # type: ignore[no-any-return]  # every name of the generator is a function's


def _arguments(call: GeneratedCall) -> tuple[Callable[..., Any], list[Any]]:
    """The function and its tensors, filled with small whole numbers so that every sum is exact."""
    import keras
    import numpy as np
    import tensorflow as tf

    tensors = []
    for number, shape in enumerate(call.tensors):
        size = int(np.prod(shape))
        tensors.append(tf.constant(((np.arange(size) * (5 + number)) % 7 - 3.0).astype("float32").reshape(shape)))
    options = dict(call.options)
    function = _function(call.name)
    if not call.name.startswith("keras.layers."):
        names = TENSOR_NAMES.get(call.name)
        if names is None:
            return lambda *given: function(*given, **options), tensors
        return lambda *given: function(**dict(zip(names, given, strict=True)), **options), tensors

    def layer(*given: Any) -> Any:
        fill = keras.initializers.Constant(2.0)
        names = [n for n in ("kernel", "depthwise", "pointwise") if _takes(function, f"{n}_initializer")]
        return function(**options, **{f"{n}_initializer": fill for n in names})(*given)

    return layer, tensors


def _takes(layer: Any, option: str) -> bool:
    import inspect

    return option in inspect.signature(layer.__init__).parameters


def _returned(result: Any, **more: Any) -> Answer:
    import numpy as np

    parts = [result] if hasattr(result, "numpy") else list(result)
    arrays = tuple(np.asarray(part) for part in parts)
    return Answer("returned", tuple(array.shape for array in arrays), arrays, **more)


def _plainly(call: GeneratedCall) -> Answer:
    try:
        function, tensors = _arguments(call)
        return _returned(function(*tensors))
    except Exception as error:  # Keras and TensorFlow refuse malformed calls with errors of every kind
        return Answer("raised", error=f"{type(error).__name__}: {error}"[:400])


def _traced(call: GeneratedCall) -> Answer:
    import conv_magic

    function, tensors = _arguments(call)
    namespace: dict[str, Any] = {"function": function, "tensors": tensors}
    try:
        report = conv_magic.run("result = function(*tensors)\n", namespace)
    except Exception as fault:  # whatever it is, it is a fault of ours, and told with the call that led to it
        return Answer("raised", error=f"OwnFault: {type(fault).__name__}: {fault} {_innermost(fault)}"[:400])
    codes = tuple(f"{d.code}/{d.severity}" for d in report.diagnoses)
    rows = [f"{c.op} {c.inputs} {c.expected} {c.output} {c.outcome}" for c in report.trace.calls]
    told = {"codes": codes, "row": "; ".join(rows)}
    if report.error is None:
        return _returned(namespace["result"], **told)
    text = f"{type(report.error).__name__}: {report.error}"[:400]
    return Answer("raised", error=text, guarded=type(report.error).__name__ == "ImpossibleCall", **told)


def _innermost(fault: BaseException) -> str:
    last = traceback.extract_tb(fault.__traceback__)[-1]
    return f"({Path(last.filename).name}, line {last.lineno})"


def _work(calls: Sequence[GeneratedCall], first: int, told: Path, perform: Callable[[GeneratedCall], Answer]) -> None:
    with told.open("ab") as stream:
        for call in calls[first:]:
            stream.write(pickle.dumps(perform(call)))
            stream.flush()


def serve() -> None:
    """Answer the calls of a file, as the arguments of the process say."""
    import keras  # noqa: F401  imported before the fork, so that no worker has to
    import tensorflow  # noqa: F401  the same

    import conv_magic

    way, asked, told = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    conv_magic.run("pass")
    calls = pickle.loads(asked.read_bytes())
    told.touch()
    while (done := len(_read(told))) < len(calls):
        child = os.fork()
        if child == 0:
            _work(calls, done, told, _traced if way == "traced" else _plainly)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            died = Answer("died", error=signal.Signals(os.WTERMSIG(status)).name)
            with told.open("ab") as stream:
                stream.write(pickle.dumps(died))
        elif status:
            raise SystemExit(f"a worker failed at call {len(_read(told))}: {calls[len(_read(told))]}")
