"""See the two ends of training: what `fit` and its like were given, and what each loss and the metrics received."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from conv_magic.capture.hooks.entry import AttributeSlot, Captured, CellSlot, Description, Hook, Slot, contains_nothing
from conv_magic.capture.hooks.tensors import shape_of, shape_of_argument, tensors_in
from conv_magic.model.options import FitOptions, LossOptions
from conv_magic.model.shapes import Shape

_TRAINER = "keras.src.backend.tensorflow.trainer"
_Shapes = tuple[Shape, ...]


def _shapes_in(value: Any) -> _Shapes:
    """Return the shapes in a nest of arrays, or those of one element of a dataset."""
    if hasattr(value, "element_spec"):
        value = value.element_spec
    elif isinstance(value, list) and value and isinstance(value[0], int | float | list):
        shape = shape_of_argument(value)
        return () if shape is None else (shape,)
    return tuple(shape_of(tensor) or () for tensor in tensors_in(value))


def _brings_labels(x: Any) -> bool:
    """Check whether data brings its labels along: a `tf.data.Dataset`, a `PyDataset`, a generator."""
    return x is not None and not isinstance(x, list | tuple | dict) and shape_of(x) is None


def _data_and_labels(data: Any) -> tuple[_Shapes, _Shapes]:
    """Return the shapes of data and of labels in `(x, y)`, `(x, y, weights)` or a dataset of such."""
    spec = getattr(data, "element_spec", data)
    if isinstance(spec, tuple) and len(spec) in (2, 3):
        return _shapes_in(spec[0]), _shapes_in(spec[1])
    return _shapes_in(spec), ()


def _captured_data(model: Any, x: Any, y: Any, sample_weight: Any = None, validation_data: Any = None) -> Captured:
    """Return what is kept of the data given to `fit` or its like."""
    dataset = _brings_labels(x)
    x_shapes, y_shapes = _data_and_labels(x) if dataset else (_shapes_in(x), _shapes_in(y))
    validation_shapes = _data_and_labels(validation_data) if validation_data is not None else ((), ())
    options = FitOptions(x_shapes, y_shapes, _shapes_in(sample_weight), *validation_shapes, dataset)
    tensors = () if dataset else tuple(tensors_in((x, y)))
    return Captured(tensors, (model.name, id(model), options), model)


def _capture_fit(
    model: Any, x: Any = None, y: Any = None, batch_size: Any = None, epochs: Any = 1, verbose: Any = "auto",
    callbacks: Any = None, validation_split: Any = 0.0, validation_data: Any = None, shuffle: Any = True,
    class_weight: Any = None, sample_weight: Any = None, *_: Any, **__: Any,
) -> Captured:  # fmt: skip
    return _captured_data(model, x, y, sample_weight, validation_data)


def _capture_evaluate(
    model: Any, x: Any = None, y: Any = None, batch_size: Any = None, verbose: Any = "auto",
    sample_weight: Any = None, *_: Any, **__: Any,
) -> Captured:  # fmt: skip
    return _captured_data(model, x, y, sample_weight)


def _capture_on_batch(model: Any, x: Any, y: Any = None, sample_weight: Any = None, *_: Any, **__: Any) -> Captured:
    return _captured_data(model, x, y, sample_weight)


def _capture_predict(model: Any, x: Any, *_: Any, **__: Any) -> Captured:
    return _captured_data(model, x, None)


def _describe_fit(op: str, captured: Captured, inputs: _Shapes) -> Description:
    model: Any = captured.subject
    detail: Any = captured.detail
    return Description(op, model.name, None, detail[2])


def _capture_loss(loss: Any, y_true: Any, y_pred: Any, *_: Any, **__: Any) -> Captured:
    # not the object: a step may make a new loss each time, and it is the same call still
    key = (loss.name, type(loss), getattr(loss, "from_logits", None))
    return Captured((*tensors_in(y_true), *tensors_in(y_pred)), key, loss)


def _capture_metrics(metrics: Any, y_true: Any, y_pred: Any, *_: Any, **__: Any) -> Captured:
    return Captured((*tensors_in(y_true), *tensors_in(y_pred)), ("metrics", id(metrics)), metrics)


def _describe_loss(captured: Captured, inputs: _Shapes) -> Description:
    loss: Any = captured.subject
    from_logits = getattr(loss, "from_logits", None)
    if from_logits is None:
        from_logits = getattr(loss, "_fn_kwargs", {}).get("from_logits")
    kind = type(loss).__name__
    op = "loss" if kind == "LossFunctionWrapper" else kind  # a loss given by its name
    return Description(op, loss.name, None, LossOptions(loss.name, from_logits))


def _describe_metrics(captured: Captured, inputs: _Shapes) -> Description:
    metrics: Any = captured.subject
    names = ", ".join(metric.name for metric in getattr(metrics, "metrics", []))
    return Description("metrics", None, None, LossOptions(names, None))


def _attribute_slot(module: str, owner: str, name: str) -> Slot | None:
    """Return the slot of a class' own attribute, None while the class or attribute does not exist."""
    found = getattr(sys.modules.get(module), owner, None)
    return AttributeSlot(found, name) if found is not None and name in vars(found) else None


def _trainer_slot(name: str) -> Slot | None:
    """Return the slot behind the traceback filter of a trainer's method."""
    trainer = getattr(sys.modules.get(_TRAINER), "TensorFlowTrainer", None)
    return CellSlot.of(vars(trainer).get(name), "fn") if trainer is not None else None


def _training_hook(name: str, find: Callable[[], Slot | None], capture: Callable[..., Captured]) -> Hook:
    return Hook(f"keras.Model.{name}", find, capture, partial(_describe_fit, name), contains=lambda _: True)


KERAS_ENDS: tuple[Hook, ...] = (
    *(
        _training_hook(name, partial(_trainer_slot, name), capture)
        for name, capture in (("fit", _capture_fit), ("evaluate", _capture_evaluate), ("predict", _capture_predict))
    ),
    *(
        _training_hook(name, partial(_attribute_slot, _TRAINER, "TensorFlowTrainer", name), capture)
        for name, capture in (
            ("train_on_batch", _capture_on_batch),
            ("test_on_batch", _capture_on_batch),
            ("predict_on_batch", _capture_predict),
        )
    ),
    Hook(
        "keras.losses.Loss.__call__",
        partial(_attribute_slot, "keras.src.losses.loss", "Loss", "__call__"),
        _capture_loss,
        _describe_loss,
        contains=contains_nothing,
    ),
    Hook(
        "keras.Model.metrics",
        partial(_attribute_slot, "keras.src.trainers.compile_utils", "CompileMetrics", "update_state"),
        _capture_metrics,
        _describe_metrics,
        contains=contains_nothing,
    ),
)
