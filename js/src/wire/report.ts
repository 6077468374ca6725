// Generated from conv_magic/model/ by js/generate_report.py: change that, not this.
//
// A span counts lines from 1 and columns from 0 in UTF-16 code units; its end is exclusive.

/**
 * How a call was run: on values, while a `tf.function` was traced, or on Keras' symbolic tensors.
 */
export type Mode = "eager" | "graph" | "symbolic";
/**
 * How a call ended.
 */
export type Outcome = "entered" | "returned" | "raised" | "guarded";
/**
 * `ERROR`: raised or guarded.  `WARNING`: ran, yet contradicts the arithmetic or a near-certain intention.
 */
export type Severity = "error" | "warning" | "note";
/**
 * How sure a fix is of the author's intention, from a placeholder to the only repair there is.
 */
export type Applicability = 0 | 1 | 2;
/**
 * How a fix was tried: with shapes only, or by running the edited cell.
 */
export type Proof = "shapes" | "ran";

/**
 * One cell's run.
 *
 * versions   pairs a package with its version
 * trying     while fixes are being tried
 * sites      where the options of its calls are written
 * running    the cell had not ended when this was written; `training` is how far its loop had come
 */
export interface Document {
  schema: number;
  versions: [string, string][];
  trace: Trace;
  diagnoses: Diagnosis[];
  notes: LineNote[];
  failure: Failure | null;
  trying: boolean;
  sites: EditSite[];
  running: boolean;
  training: Training | null;
}
/**
 * The calls in the order in which they were entered; `sources[0]` is the cell that ran.
 *
 * `dropped` counts the calls that came after the limit on rows; `values` are what the cell's names stood for at its
 * end, `assigned` what its statements gave to names, by their place.
 * `left_out` counts the rows that a copy for a notebook leaves out; `totals` are then the figures of all rows.
 */
export interface Trace {
  sources: Source[];
  calls: CallRecord[];
  dropped: number;
  values: NamedValue[];
  left_out: number;
  totals: Totals | null;
  assigned: AssignedValue[];
}
/**
 * A cell's text as its editor shows it.
 *
 * `cell` is the key that spans use, `cell_id` the front end's own identifier, `label` what a person calls it
 * (`this cell`, `In [3]`).
 */
export interface Source {
  cell: string;
  text: string;
  digest: string;
  cell_id: string | null;
  label: string;
}
/**
 * One call, or `count` calls of one call site with equal shapes.
 *
 * op          the field's name of the operation: `conv2d` for `tf.nn.conv2d`, `Conv2D` for the layer
 * layer       the layer's own name (`conv2d_3`), that of a `tf.function` which is traced, or None for a function
 * span        where it was called; None when no line of the user's led to it
 * created     where the layer was made, if that was seen
 * parent      index of the call inside which this one ran
 * inputs      the shapes of its tensor inputs, in order
 * producers   for each input the index of the call that made it, or None
 * kernel      shape of the kernel or weight matrix
 * expected    the output's shape by the arithmetic, `output` the real one; None where not known
 * error       the exception's text, when it raised
 * accepts     the shape that its first input must have, None for any size; None for all if it is not known
 * direct      whether the user's own line called it, not a library on its behalf
 * tracing     the graphs traced for it; None for a call that traces none
 * given       for each input without a producer the user's data that it was, if the text leaves no doubt;
 *             of a `fit` on a dataset that dataset
 */
export interface CallRecord {
  index: number;
  op: string;
  layer: string | null;
  span: Span | null;
  created: Span | null;
  parent: number | null;
  mode: Mode;
  replica: number | null;
  inputs: (number | null)[][];
  producers: (number | null)[];
  kernel: (number | null)[] | null;
  options:
    | ConvOptions
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
    | null;
  dtype: string | null;
  expected: (number | null)[] | null;
  output: (number | null)[] | null;
  outcome: Outcome;
  error: string | null;
  count: number;
  cost: Cost;
  accepts: (number | null)[] | null;
  direct: boolean;
  tracing: Tracing | null;
  given: (Given | null)[];
}
/**
 * A stretch of one cell's text.
 *
 * `cell` is the key of a `Source` of the document: functions may live in an older cell.
 */
export interface Span {
  cell: string;
  line: number;
  column: number;
  end_line: number;
  end_column: number;
}
/**
 * A convolution.  `padding` is a word or explicit pairs; a depthwise one has `groups` = input channels.
 */
export interface ConvOptions {
  kernel_size: number[];
  strides: number[];
  padding: string | [number, number][];
  dilation_rate: number[];
  groups: number;
  filters: number | null;
  data_format: "channels_last" | "channels_first";
  family: "conv";
}
/**
 * A depthwise convolution; a separable one when `filters` is given (its pointwise half).
 */
export interface DepthwiseConvOptions {
  kernel_size: number[];
  strides: number[];
  padding: string | [number, number][];
  dilation_rate: number[];
  depth_multiplier: number;
  filters: number | null;
  data_format: "channels_last" | "channels_first";
  family: "depthwise_conv";
}
/**
 * A transposed convolution; `output_shape` is set where the caller states it (`tf.nn`).
 */
export interface ConvTransposeOptions {
  kernel_size: number[];
  strides: number[];
  padding: string | [number, number][];
  dilation_rate: number[];
  output_padding: number[] | null;
  output_shape: (number | null)[] | null;
  filters: number | null;
  data_format: "channels_last" | "channels_first";
  family: "conv_transpose";
}
/**
 * A windowed pooling.  `dilation_rate` is empty where the window has none.
 *
 * `over_channels` is the window's size and stride over the channels, empty where it stays within each channel.
 */
export interface PoolOptions {
  pool_size: number[];
  strides: number[];
  padding: string | [number, number][];
  data_format: "channels_last" | "channels_first";
  dilation_rate: number[];
  over_channels: number[];
  family: "pool";
}
/**
 * A pooling over all spatial axes.
 */
export interface GlobalPoolOptions {
  keepdims: boolean;
  data_format: "channels_last" | "channels_first";
  family: "global_pool";
}
/**
 * Zeros added around the spatial axes.
 */
export interface ZeroPaddingOptions {
  padding: [number, number][];
  data_format: "channels_last" | "channels_first";
  family: "zero_padding";
}
/**
 * Rows and columns cut from the spatial axes.
 */
export interface CroppingOptions {
  cropping: [number, number][];
  data_format: "channels_last" | "channels_first";
  family: "cropping";
}
/**
 * Spatial axes repeated or interpolated `size` times.
 */
export interface UpSamplingOptions {
  size: number[];
  data_format: "channels_last" | "channels_first";
  family: "up_sampling";
}
/**
 * A matrix product over the last axis.
 */
export interface DenseOptions {
  units: number;
  family: "dense";
}
/**
 * All axes but the batch made one.
 */
export interface FlattenOptions {
  data_format: "channels_last" | "channels_first";
  family: "flatten";
}
/**
 * `target_shape` without the batch axis; at most one entry is -1.
 */
export interface ReshapeOptions {
  target_shape: number[];
  family: "reshape";
}
/**
 * Several inputs made one: along `axis` when it is given (Concatenate), else element by element.
 */
export interface MergeOptions {
  axis: number | null;
  family: "merge";
}
/**
 * A layer whose output has its input's shape (activation, normalisation, dropout).
 */
export interface SameShapeOptions {
  family: "same_shape";
}
/**
 * What `fit`, `evaluate` or `predict` was given: the shapes of data, labels, weights and validation data.
 *
 * `dataset` says that `x` was a dataset or generator; its shapes are then those of one element.
 */
export interface FitOptions {
  x: (number | null)[][];
  y: (number | null)[][];
  sample_weight: (number | null)[][];
  validation_x: (number | null)[][];
  validation_y: (number | null)[][];
  dataset: boolean;
  family: "fit";
}
/**
 * A loss or metric: its inputs are the labels, then the model's output.
 */
export interface LossOptions {
  name: string;
  from_logits: boolean | null;
  family: "loss";
}
/**
 * What a call costs.  `params` counts numbers, `macs` multiply-accumulates, `seconds` wall time of all its runs.
 */
export interface Cost {
  params: number | null;
  macs: number | null;
  receptive_field: number[] | null;
  output_bytes: number | null;
  seconds: number | null;
}
/**
 * How often a graph was traced in the calls of one row, of a `tf.function` or of Keras' step inside `fit`.
 *
 * functions   how many function objects were traced: more than one where it is made anew
 * alike       whether all of them are of the same code and see the same values around it
 * frequent    whether a trace was the fifth or more among the last ten calls, TensorFlow's own measure of too many
 * numbers     the Python numbers that it was traced for, by parameter, the first few of each
 */
export interface Tracing {
  times: number;
  functions: number;
  alike: boolean;
  frequent: boolean;
  numbers: [string, string[]][];
}
/**
 * The user's own data that an input was, if no recorded call made it.
 *
 * name   what the text calls it: `x_train`; where it has no name, the call that made it: `tf.zeros`
 * span   the statement that bound the name, of a loop its head; else the expression itself
 */
export interface Given {
  name: string;
  span: Span;
}
/**
 * What a name of the user's stood for when the cell ended, or in the function that failed.
 *
 * scope    the function's name, empty for the cell itself
 * kind     `array`, `tensor`, `list` (of tensors), `dataset`, `model`, `layer`, `module`, or `number` (a whole number,
 *          or a few of them)
 * shape    of an array or tensor; of a built model its output
 * parts    the shapes of a dataset's element, of a model's inputs, or of what is in a list
 * numbers  the value of a `number`
 * type     the class's name; of a module its own
 */
export interface NamedValue {
  name: string;
  scope: string;
  kind: "array" | "tensor" | "list" | "dataset" | "model" | "layer" | "module" | "number";
  type: string;
  shape: (number | null)[] | null;
  parts: (number | null)[][];
  numbers: number[];
  dtype: string | null;
}
/**
 * What a run comes to.
 *
 * `calls` counts each of a row's calls; `params` a shared layer once; `macs` and `seconds` all runs of a row;
 * `output_bytes` the outputs of the innermost calls, one run of each row.
 */
export interface Totals {
  rows: number;
  calls: number;
  failed: number;
  warnings: number;
  params: number;
  macs: number;
  output_bytes: number;
  seconds: number;
}
/**
 * The values that one statement gave to names.
 *
 * span    the statement; of a `for` or `with` its head
 * names   the names, in order
 * shapes  of each different outcome the shape for each name, None where it was no tensor
 * count   how often the statement ran
 */
export interface AssignedValue {
  span: Span;
  names: string[];
  shapes: ((number | null)[] | null)[][];
  count: number;
}
/**
 * One fault at its root.
 *
 * headline   one line: the layer, its input, what it needs
 * reasons    further lines, each a fact with its number
 * expected   the shape that was needed (None: any size), `actual` the one that came; `axes` are the axes of
 *            `expected` that differ or are missing, `axis_names` what its axes mean
 * origin     where the differing size comes from, `origin_note` the same in words
 */
export interface Diagnosis {
  code: string;
  severity: Severity;
  call: number | null;
  span: Span | null;
  layer: string | null;
  headline: string;
  reasons: string[];
  expected: (number | null)[] | null;
  actual: (number | null)[] | null;
  axes: number[];
  axis_names: string[];
  origin: Span | null;
  origin_note: string | null;
  fixes: Fix[];
}
/**
 * A repair of the analysed source.
 *
 * `predicted` is the shape that results at the failing call.  `proof` says how it was tried; `untried` why not.
 * `reruns` are the earlier cells, by their keys and in order, that must run again before the cell for it to hold.
 */
export interface Fix {
  title: string;
  edits: Edit[];
  applicability: Applicability;
  predicted: (number | null)[] | null;
  digest: string;
  cell: string;
  proof: Proof | null;
  untried: string | null;
  reruns: string[];
}
/**
 * Replace the text of `span` by `text`; an empty span inserts.
 */
export interface Edit {
  span: Span;
  text: string;
}
/**
 * What stands at the end of one code line.
 *
 * text        the shapes made there, `(None, 26, 26, 32)`, and the headline of what is wrong there
 * flow        the same with what went in: `(None, 28, 28, 1) -> (None, 26, 26, 32)`
 * pin         the comment that would state this shape from now on, `# shape: (B, 26, 26, 32)`, to be put at the end
 *             of `line`; None where there is none, or none can be stated
 * later       whether it is about a later run: the line is in a function that this cell called
 * calls       index the document's calls, `diagnosis` its diagnoses
 */
export interface LineNote {
  cell: string;
  line: number;
  text: string;
  status: "ok" | "warning" | "failed" | "origin";
  calls: number[];
  diagnosis: number | null;
  flow: string;
  pin: string | null;
  later: boolean;
}
/**
 * The exception that ended the cell, as data.
 */
export interface Failure {
  type: string;
  message: string;
  span: Span | null;
}
/**
 * The call in the text that decides a call's options: `span` is a layer's `created`, or a function's own.
 *
 * `capitals` says that a padding is spelled `"SAME"` there.
 */
export interface EditSite {
  span: Span;
  capitals: boolean;
  arguments: ArgumentSite[];
}
/**
 * Where an option of a call is written, or where it would be.
 *
 * span     its value; empty where it would be added, with `before` in front of it
 * axis     the one spatial axis that this number is for, as in a kernel's shape; None where it is for all
 */
export interface ArgumentSite {
  option: string;
  span: Span;
  before: string;
  axis: number | null;
}
/**
 * How far a loop of Keras has come; all count from 1, None where it is not known.
 */
export interface Training {
  op: string;
  epoch: number | null;
  epochs: number | null;
  step: number | null;
  steps: number | null;
}

/** The layout that this front end reads. */
export const SCHEMA = 2;
