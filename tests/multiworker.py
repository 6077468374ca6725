"""One worker of several: runs a cell on its share of the batch and writes down the rows that it saw.

    python tests/multiworker.py INDEX PORT,PORT OUT

Keras 3 itself refuses to `fit` under this strategy (its trainer hands `PerReplica` values to the model), with or
without a trace, so the step is the user's own, on a layer of Keras and a function of TensorFlow.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

CELL = """
import keras
import tensorflow as tf
strategy = tf.distribute.MultiWorkerMirroredStrategy()
with strategy.scope():
    conv = keras.layers.Conv2D(4, 3, padding="same")
    conv.build((None, 8, 8, 3))
data = tf.data.Dataset.from_tensor_slices(tf.ones((16, 8, 8, 3))).batch(8)
def loss_of(images):
    features = conv(images)
    return tf.reduce_mean(tf.nn.max_pool2d(features, 2, 2, "VALID"))
@tf.function
def step(batch):
    losses = strategy.run(loss_of, args=(batch,))
    return strategy.reduce("SUM", losses, axis=None)
totals = [float(step(batch)) for batch in strategy.experimental_distribute_dataset(data)]
"""


def main(index: int, ports: list[str], out: Path) -> None:
    """Run the cell as worker number `index`."""
    cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
    os.environ["TF_CONFIG"] = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})
    import conv_magic

    namespace: dict[str, object] = {}
    report = conv_magic.run(CELL, namespace)
    rows = [
        [call.op, call.mode.value, call.span.line if call.span else None, call.replica, call.inputs, call.output]
        for call in report.trace.calls
    ]
    told = {"error": repr(report.error), "rows": rows, "totals": namespace.get("totals")}
    out.write_text(json.dumps(told), "utf-8")
    os._exit(0)  # the other worker may be gone: an orderly end would wait for it


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2].split(","), Path(sys.argv[3]))
