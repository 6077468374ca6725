"""The nouns: what one cell's run is, as frozen data.

Everything a user sees is drawn from a `Document`.  Records hold tuples, strings and numbers only; no
tensor, layer or frame is kept alive by one.  Shapes are tuples with `None` for an unknown dimension.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Literal

from conv_magic.positions import Edit, Span, StaleSource, digest, splice

Shape = tuple[int | None, ...]
DataFormat = Literal["channels_last", "channels_first"]
Pairs = tuple[tuple[int, int], ...]
"""(before, after) for each spatial axis."""

SCHEMA = 2
"""Version of the document's layout; raised when an older reader would misread it."""


class Outcome(StrEnum):
    """How a call ended."""

    ENTERED = "entered"
    RETURNED = "returned"
    RAISED = "raised"
    GUARDED = "guarded"


class Mode(StrEnum):
    """How a call was run: on values, while a `tf.function` was traced, or on Keras' symbolic tensors."""

    EAGER = "eager"
    GRAPH = "graph"
    SYMBOLIC = "symbolic"


class Severity(StrEnum):
    """`ERROR`: raised or guarded.  `WARNING`: ran, yet contradicts the arithmetic or a near-certain intention."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Applicability(IntEnum):
    """How sure a fix is of the author's intention, from a placeholder to the only repair there is."""

    DISPLAY = 0
    CHOICE = 1
    SURE = 2


class Proof(StrEnum):
    """How a fix was tried: with shapes only, or by running the edited cell."""

    SHAPES = "shapes"
    RAN = "ran"


@dataclass(frozen=True, slots=True)
class ConvOptions:
    """A convolution.  `padding` is a word or explicit pairs; a depthwise one has `groups` = input channels."""

    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: str | Pairs
    dilation_rate: tuple[int, ...]
    groups: int
    filters: int | None
    data_format: DataFormat
    family: Literal["conv"] = "conv"


@dataclass(frozen=True, slots=True)
class DepthwiseConvOptions:
    """A depthwise convolution; a separable one when `filters` is given (its pointwise half)."""

    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: str | Pairs
    dilation_rate: tuple[int, ...]
    depth_multiplier: int
    filters: int | None
    data_format: DataFormat
    family: Literal["depthwise_conv"] = "depthwise_conv"


@dataclass(frozen=True, slots=True)
class ConvTransposeOptions:
    """A transposed convolution; `output_shape` is set where the caller states it (`tf.nn`)."""

    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: str | Pairs
    dilation_rate: tuple[int, ...]
    output_padding: tuple[int, ...] | None
    output_shape: Shape | None
    filters: int | None
    data_format: DataFormat
    family: Literal["conv_transpose"] = "conv_transpose"


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """A windowed pooling.  `dilation_rate` is empty where the window has none."""

    pool_size: tuple[int, ...]
    strides: tuple[int, ...]
    padding: str | Pairs
    data_format: DataFormat
    dilation_rate: tuple[int, ...] = ()
    family: Literal["pool"] = "pool"


@dataclass(frozen=True, slots=True)
class GlobalPoolOptions:
    """A pooling over all spatial axes."""

    keepdims: bool
    data_format: DataFormat
    family: Literal["global_pool"] = "global_pool"


@dataclass(frozen=True, slots=True)
class ZeroPaddingOptions:
    """Zeros added around the spatial axes."""

    padding: Pairs
    data_format: DataFormat
    family: Literal["zero_padding"] = "zero_padding"


@dataclass(frozen=True, slots=True)
class CroppingOptions:
    """Rows and columns cut from the spatial axes."""

    cropping: Pairs
    data_format: DataFormat
    family: Literal["cropping"] = "cropping"


@dataclass(frozen=True, slots=True)
class UpSamplingOptions:
    """Spatial axes repeated or interpolated `size` times."""

    size: tuple[int, ...]
    data_format: DataFormat
    family: Literal["up_sampling"] = "up_sampling"


@dataclass(frozen=True, slots=True)
class DenseOptions:
    """A matrix product over the last axis."""

    units: int
    family: Literal["dense"] = "dense"


@dataclass(frozen=True, slots=True)
class FlattenOptions:
    """All axes but the batch made one."""

    data_format: DataFormat
    family: Literal["flatten"] = "flatten"


@dataclass(frozen=True, slots=True)
class ReshapeOptions:
    """`target_shape` without the batch axis; at most one entry is -1."""

    target_shape: tuple[int, ...]
    family: Literal["reshape"] = "reshape"


@dataclass(frozen=True, slots=True)
class MergeOptions:
    """Several inputs made one: along `axis` when it is given (Concatenate), else element by element."""

    axis: int | None
    family: Literal["merge"] = "merge"


@dataclass(frozen=True, slots=True)
class SameShapeOptions:
    """A layer whose output has its input's shape (activation, normalisation, dropout)."""

    family: Literal["same_shape"] = "same_shape"


@dataclass(frozen=True, slots=True)
class FitOptions:
    """What `fit`, `evaluate` or `predict` was given: the shapes of data, labels, weights and validation data.

    `dataset` says that `x` was a dataset or generator; its shapes are then those of one element.
    """

    x: tuple[Shape, ...]
    y: tuple[Shape, ...]
    sample_weight: tuple[Shape, ...]
    validation_x: tuple[Shape, ...]
    validation_y: tuple[Shape, ...]
    dataset: bool
    family: Literal["fit"] = "fit"


@dataclass(frozen=True, slots=True)
class LossOptions:
    """A loss or metric: its inputs are the labels, then the model's output."""

    name: str
    from_logits: bool | None
    family: Literal["loss"] = "loss"


Options = (
    ConvOptions
    | DepthwiseConvOptions
    | ConvTransposeOptions
    | PoolOptions
    | GlobalPoolOptions
    | ZeroPaddingOptions
    | CroppingOptions
    | UpSamplingOptions
    | DenseOptions
    | FlattenOptions
    | ReshapeOptions
    | MergeOptions
    | SameShapeOptions
    | FitOptions
    | LossOptions
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a call costs.  `params` counts numbers, `macs` multiply-accumulates, `seconds` wall time of all its runs."""

    params: int | None = None
    macs: int | None = None
    receptive_field: tuple[int, ...] | None = None
    output_bytes: int | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Tracing:
    """How often a graph was traced in the calls of one row: of a `tf.function`, or of Keras' step inside `fit`.

    functions   how many function objects were traced: more than one where it is made anew
    alike       whether all of them are of the same code and see the same values around it
    frequent    whether a trace was the fifth or more among the last ten calls, TensorFlow's own measure of too many
    numbers     the Python numbers that it was traced for, by parameter, the first few of each
    """

    times: int
    functions: int
    alike: bool
    frequent: bool
    numbers: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Given:
    """What of the user's own an input was, where no recorded call made it.

    name   what the text calls it: `x_train`; where it has no name, the call that made it: `tf.zeros`
    span   the statement that bound the name, of a loop its head; else the expression itself
    """

    name: str
    span: Span


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call, or `count` calls of one place with equal shapes.

    op          the field's name of the operation: `conv2d` for `tf.nn.conv2d`, `Conv2D` for the layer
    layer       the layer's own name (`conv2d_3`), that of a `tf.function` which is traced, or None for a function
    span        where it was called; None when no line of the user's led to it
    created     where the layer was made, if that was seen
    parent      index of the call inside which this one ran
    inputs      the shapes of its tensor inputs, in order
    producers   for each input the index of the call that made it, or None
    kernel      shape of the kernel or weight matrix
    expected    what the arithmetic says, `output` what came; None where not known
    error       the exception's text, when it raised
    accepts     what its first input must look like, None for any size; None altogether where that is not known
    direct      whether the user's own line called it, not a library on its behalf
    tracing     the graphs traced for it; None for a call that traces none
    given       for each input without a producer what of the user's it was, where the text leaves no doubt;
                of a `fit` on a dataset that dataset
    """

    index: int
    op: str
    layer: str | None
    span: Span | None
    created: Span | None
    parent: int | None
    mode: Mode
    replica: int | None
    inputs: tuple[Shape, ...]
    producers: tuple[int | None, ...]
    kernel: Shape | None
    options: Options | None
    dtype: str | None
    expected: Shape | None
    output: Shape | None
    outcome: Outcome
    error: str | None
    count: int
    cost: Cost
    accepts: Shape | None = None
    direct: bool = True
    tracing: Tracing | None = None
    given: tuple[Given | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """A cell's text as its editor shows it.

    `cell` is the key that spans use, `cell_id` the front end's own identifier, `label` what a person calls it
    (`this cell`, `In [3]`).
    """

    cell: str
    text: str
    digest: str
    cell_id: str | None
    label: str


@dataclass(frozen=True, slots=True)
class NamedValue:
    """What a name of the user's stood for when the cell ended, or in the function that failed.

    scope    the function's name, empty for the cell itself
    kind     `array`, `tensor`, `list` (of tensors), `dataset`, `model`, `layer`, `module`, or `number` (a whole number,
             or a few of them)
    shape    of an array or tensor; of a built model its output
    parts    the shapes of a dataset's element, of a model's inputs, or of what is in a list
    numbers  the value of a `number`
    type     the class's name; of a module its own
    """

    name: str
    scope: str
    kind: Literal["array", "tensor", "list", "dataset", "model", "layer", "module", "number"]
    type: str
    shape: Shape | None = None
    parts: tuple[Shape, ...] = ()
    numbers: tuple[int, ...] = ()
    dtype: str | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """What a run comes to.

    `calls` counts each of a row's calls; `params` a shared layer once; `macs` and `seconds` all runs of a row;
    `output_bytes` the outputs of the innermost calls, one run of each row.
    """

    rows: int
    calls: int
    failed: int
    warnings: int
    params: int
    macs: int
    output_bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class AssignedValue:
    """The values that one statement gave to names.

    span    the statement; of a `for` or `with` its head
    names   the names, in order
    shapes  of each different outcome the shape for each name, None where it was no tensor
    count   how often the statement ran
    """

    span: Span
    names: tuple[str, ...]
    shapes: tuple[tuple[Shape | None, ...], ...]
    count: int

    @property
    def has_shape(self) -> bool:
        """Whether one of the values was a tensor or array."""
        return any(shape is not None for shapes in self.shapes for shape in shapes)


@dataclass(frozen=True, slots=True)
class Trace:
    """The calls in the order in which they were entered; `sources[0]` is the cell that ran.

    `dropped` counts the calls that came after the limit on rows; `values` are what the cell's names stood for at its
    end, `assigned` what its statements gave to names, by their place.
    `left_out` counts the rows that a copy for a notebook leaves out; `totals` are then the figures of all rows.
    """

    sources: tuple[Source, ...]
    calls: tuple[CallRecord, ...]
    dropped: int = 0
    values: tuple[NamedValue, ...] = ()
    left_out: int = 0
    totals: Totals | None = None
    assigned: tuple[AssignedValue, ...] = ()


@dataclass(frozen=True, slots=True)
class Fix:
    """A repair of the analysed source.

    `predicted` is the shape that results at the failing call.  `proof` says how it was tried; `untried` why not.
    `reruns` are the earlier cells, by their keys and in order, that must run again before the cell for it to hold.
    """

    title: str
    edits: tuple[Edit, ...]
    applicability: Applicability
    predicted: Shape | None
    digest: str
    cell: str
    proof: Proof | None = None
    untried: str | None = None
    reruns: tuple[str, ...] = ()

    @property
    def verified(self) -> bool:
        """Whether the edited cell was tried and held."""
        return self.proof is not None

    def apply(self, source: str) -> str:
        """`source` with this fix made.

        Raises `StaleSource` if `source` is not the text that was analysed.
        """
        if digest(source) != self.digest:
            raise StaleSource("the source has changed since it was analysed; run the cell again")
        return splice(source, self.edits)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One fault at its root.

    headline   one line: the layer, what it was given, what it needs
    reasons    further lines, each a fact with its number
    expected   the shape that was needed (None: any size), `actual` what came; `axes` are the places of
               `expected` that differ or are missing, `axis_names` what its axes mean
    origin     where the differing number comes from, `origin_note` in words
    """

    code: str
    severity: Severity
    call: int | None
    span: Span | None
    layer: str | None
    headline: str
    reasons: tuple[str, ...] = ()
    expected: Shape | None = None
    actual: Shape | None = None
    axes: tuple[int, ...] = ()
    axis_names: tuple[str, ...] = ()
    origin: Span | None = None
    origin_note: str | None = None
    fixes: tuple[Fix, ...] = ()

    @property
    def line(self) -> int | None:
        """The line at which the fault shows, counted as the cell's editor counts."""
        return self.span.line if self.span else None

    @property
    def origin_line(self) -> int | None:
        """The line that the differing number comes from."""
        return self.origin.line if self.origin else None

    @property
    def message(self) -> str:
        """The whole text: headline, then reasons."""
        return "\n".join([self.headline, *self.reasons])


@dataclass(frozen=True, slots=True)
class LineNote:
    """What stands at the end of one code line.

    text        the shapes made there, `(None, 26, 26, 32)`, and the headline of what is wrong there
    flow        the same with what went in: `(None, 28, 28, 1) -> (None, 26, 26, 32)`
    pin         the comment that would state this shape from now on, `# shape: (B, 26, 26, 32)`, to be put at the end
                of `line`; None where there is none, or none can be stated
    later       whether it tells of a later run: the line is that of a function which this cell called
    calls       index the document's calls, `diagnosis` its diagnoses
    """

    cell: str
    line: int
    text: str
    status: Literal["ok", "warning", "failed", "origin"]
    calls: tuple[int, ...]
    diagnosis: int | None = None
    flow: str = ""
    pin: str | None = None
    later: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """The exception that ended the cell, as data."""

    type: str
    message: str
    span: Span | None


@dataclass(frozen=True, slots=True)
class ArgumentSite:
    """Where an option of a call is written, or where it would be.

    span     its value; empty where it would be put in, with `before` in front of it
    axis     the one spatial axis that this number is for, as in a kernel's shape; None where it is for all
    """

    option: str
    span: Span
    before: str
    axis: int | None = None


@dataclass(frozen=True, slots=True)
class EditSite:
    """The call in the text that decides a call's options: `span` is a layer's `created`, or a function's own.

    `capitals` says that a padding is spelled `"SAME"` there.
    """

    span: Span
    capitals: bool
    arguments: tuple[ArgumentSite, ...]


@dataclass(frozen=True, slots=True)
class Training:
    """How far a loop of Keras has come; all count from 1, None where it is not known."""

    op: str
    epoch: int | None
    epochs: int | None
    step: int | None
    steps: int | None


@dataclass(frozen=True, slots=True)
class Document:
    """One cell's run.

    versions   pairs a package with its version
    trying     while fixes are being tried
    sites      where the options of its calls are written
    running    the cell had not ended when this was written: nothing is said of how it ends; `training` what it was at
    """

    schema: int
    versions: tuple[tuple[str, str], ...]
    trace: Trace
    diagnoses: tuple[Diagnosis, ...]
    notes: tuple[LineNote, ...]
    failure: Failure | None
    trying: bool = False
    sites: tuple[EditSite, ...] = ()
    running: bool = False
    training: Training | None = None
