/**
 * Output shapes of calls, as `conv_magic.arithmetic` works them out: the answer to "what if" must come at once.
 *
 * Tested against vectors that Python writes (test/make_vectors.py); the sources of the formulas are named there.
 */

import type { CallRecord } from "../wire/report";
import type { Shape } from "./shape";

export type Options = NonNullable<CallRecord["options"]>;
export type OptionsOf<F extends Options["family"]> = Extract<Options, { family: F }>;
export type ConvLike = OptionsOf<"conv" | "depthwise_conv" | "conv_transpose">;
export type Windowed = ConvLike | OptionsOf<"pool">;
export type Spatial = Windowed | OptionsOf<"global_pool" | "zero_padding" | "cropping" | "up_sampling">;

export type Reason =
  | "rank"
  | "axis"
  | "channels"
  | "groups"
  | "window"
  | "cropping"
  | "sizes"
  | "output_size"
  | "strides"
  | "option";

/** The call is impossible for any values that the unknown dimensions could take. */
export class ShapeProblem extends Error {
  override name = "ShapeProblem";

  constructor(
    readonly reason: Reason,
    /** The first axis of the input that does not fit. */
    readonly axis: number | null = null,
    readonly needed: Shape | null = null,
    /** Which of several inputs it is. */
    readonly index = 0,
  ) {
    super(reason);
  }
}

type Padding = "valid" | "same" | readonly [number, number];

/** One axis of a kernel or pool. */
export interface Window {
  kernel: number;
  stride: number;
  padding: Padding;
  dilation: number;
}

export const spanOf = ({ kernel, dilation }: Pick<Window, "kernel" | "dilation">) => (kernel - 1) * dilation + 1;
const added = ({ padding }: Window) => (padding === "same" ? null : padding === "valid" ? 0 : padding[0] + padding[1]);

/** How often the window fits; zero or negative when it is larger than its input. */
export function outputSize(window: Window, size: number): number {
  const more = added(window);
  if (more === null) return Math.ceil(size / window.stride);
  return Math.floor((size + more - spanOf(window)) / window.stride) + 1;
}

/** The size of a transposed window's output, by Keras' rule for TensorFlow. */
function transposedSize(window: Window, size: number, extra: number | null): number {
  const span = spanOf(window);
  const more = added(window);
  if (more === null) return extra === null ? size * window.stride : (size - 1) * window.stride + (span % 2) + extra;
  return (size - 1) * window.stride + span - more + (extra ?? Math.max(window.stride - span, 0));
}

/** What SAME adds before and after; an odd one goes after. */
export function samePadding(size: number, window: Window): [number, number] {
  const total = Math.max((Math.ceil(size / window.stride) - 1) * window.stride + spanOf(window) - size, 0);
  return [Math.floor(total / 2), total - Math.floor(total / 2)];
}

export const kernelSizeOf = (options: Windowed) => (options.family === "pool" ? options.pool_size : options.kernel_size);

export const isSame = (options: Options | null) =>
  options !== null && "padding" in options && typeof options.padding === "string" && options.padding.toLowerCase() === "same";

/** The windows of a call, one for each spatial axis.  Throws `ShapeProblem` if an option is outside its range. */
export function windowsOf(options: Windowed): Window[] {
  const kernel = kernelSizeOf(options);
  const axes = kernel.length;
  const causal = options.family === "conv" && axes === 1;
  const dilation = options.dilation_rate.length > 0 ? options.dilation_rate : kernel.map(() => 1);
  check(kernel, axes, "option");
  check(options.strides, axes, "strides");
  const padding = paddings(options.padding, kernel, dilation, causal);
  check(dilation, axes, "option");
  return kernel.map((size, i) => ({ kernel: size, stride: options.strides[i]!, padding: padding[i]!, dilation: dilation[i]! }));
}

function check(numbers: readonly number[], axes: number, reason: Reason, least = 1): void {
  if (numbers.length !== axes) throw new ShapeProblem("option");
  if (numbers.some((number) => number < least)) throw new ShapeProblem(reason);
}

function paddings(given: Windowed["padding"], kernel: number[], dilation: number[], causal: boolean): Padding[] {
  if (typeof given !== "string") {
    if (given.length !== kernel.length || given.some((pair) => Math.min(...pair) < 0)) throw new ShapeProblem("option");
    return given;
  }
  const word = given.toLowerCase();
  if (word === "causal" && causal) return kernel.map((size, i) => [(size - 1) * dilation[i]!, 0]);
  if (word !== "valid" && word !== "same") throw new ShapeProblem("option");
  return kernel.map(() => word);
}

/** Which axes of a shape of `rank` axes are spatial, and which holds the channels. */
export function axesOf(rank: number, dimensions: number, format: "channels_last" | "channels_first") {
  const end = format === "channels_last" ? rank - 1 : rank;
  return { first: end - dimensions, channels: format === "channels_last" ? rank - 1 : rank - dimensions - 1 };
}

const replaced = (shape: Shape, first: number, sizes: Shape): Shape => shape.map((size, i) => (i >= first && i < first + sizes.length ? sizes[i - first]! : size));
const product = (sizes: Shape) => sizes.reduce<number | null>((all, size) => (all === null || size === null ? null : all * size), 1);

/** The size of a kernel at a place counted from its end, or null where the kernel is unknown or of another rank. */
export const kernelAxis = (kernel: Shape | null, dimensions: number, place: number) =>
  kernel !== null && kernel.length === dimensions + 2 ? (kernel.at(place) ?? null) : null;

function checkRank(input: Shape, dimensions: number, format: "channels_last" | "channels_first", channels: number | null, more = false): void {
  const needed = dimensions + 2;
  if (input.length === needed || (more && input.length > needed)) return;
  const place = axesOf(needed, dimensions, format).channels;
  throw new ShapeProblem("rank", null, Array.from({ length: needed }, (_, i) => (i === place ? channels : null)));
}

function checkChannels(input: Shape, axis: number, needed: number | null): void {
  const given = input[axis]!;
  if (given !== null && needed !== null && given !== needed) throw new ShapeProblem("channels", axis);
}

function windowed(input: Shape, windows: Window[], format: "channels_last" | "channels_first"): Shape {
  const { first } = axesOf(input.length, windows.length, format);
  const sizes = windows.map((window, i) => (input[first + i] === null ? null : outputSize(window, input[first + i]!)));
  const short = sizes.findIndex((size, i) => size !== null && size < 1 && windows[i]!.padding !== "same");
  if (short >= 0) throw new ShapeProblem("window", first + short);
  return replaced(input, first, sizes);
}

function impliedGroups(channels: number, kernel: number, filters: number | null): boolean {
  if (kernel < 1 || channels % kernel !== 0) return false;
  return filters === null || filters % Math.max(channels / kernel, 1) === 0;
}

function conv(options: OptionsOf<"conv">, input: Shape, kernel: Shape | null): Shape {
  const windows = windowsOf(options);
  const dimensions = windows.length;
  const filters = options.filters ?? kernelAxis(kernel, dimensions, -1);
  const depth = kernelAxis(kernel, dimensions, -2);
  const { groups } = options;
  if (groups < 1 || (filters !== null && filters < 1)) throw new ShapeProblem("option");
  if (filters !== null && filters % groups !== 0) throw new ShapeProblem("groups");
  checkRank(input, dimensions, options.data_format, depth === null ? null : depth * groups, true);
  const { channels } = axesOf(input.length, dimensions, options.data_format);
  const given = input[channels]!;
  if (given !== null && depth === null && given % groups !== 0) throw new ShapeProblem("groups", channels);
  if (given !== null && depth !== null && (groups > 1 || !impliedGroups(given, depth, filters))) checkChannels(input, channels, depth * groups);
  return replaced(windowed(input, windows, options.data_format), channels, [filters]);
}

function depthwise(options: OptionsOf<"depthwise_conv">, input: Shape, kernel: Shape | null): Shape {
  const windows = windowsOf(options);
  const depth = kernelAxis(kernel, windows.length, -2);
  if (options.depth_multiplier < 1 || (options.filters !== null && options.filters < 1)) throw new ShapeProblem("option");
  checkRank(input, windows.length, options.data_format, depth);
  const { channels } = axesOf(input.length, windows.length, options.data_format);
  checkChannels(input, channels, depth);
  const given = input[channels]!;
  const made = options.filters ?? (given === null ? null : given * options.depth_multiplier);
  return replaced(windowed(input, windows, options.data_format), channels, [made]);
}

function transposed(options: OptionsOf<"conv_transpose">, input: Shape, kernel: Shape | null): Shape {
  const windows = windowsOf(options);
  const dimensions = windows.length;
  let filters = options.filters ?? kernelAxis(kernel, dimensions, -2);
  const depth = kernelAxis(kernel, dimensions, -1);
  checkRank(input, dimensions, options.data_format, depth);
  const { first, channels } = axesOf(input.length, dimensions, options.data_format);
  checkChannels(input, channels, depth);
  let asked = options.output_shape;
  let sizes: Shape;
  if (asked === null) {
    sizes = transposedSizes(options, windows, input.slice(first, first + dimensions));
  } else {
    if (asked.length === dimensions && dimensions === 2) asked = [...replaced(input.map(() => null), first, asked)];
    filters = checkStated(input, asked, channels, filters);
    sizes = asked.slice(first, first + dimensions);
  }
  windows.forEach((window, i) => {
    const given = input[first + i]!;
    const size = sizes[i]!;
    if (size !== null && given !== null && (size < 0 || outputSize(window, size) !== given)) throw new ShapeProblem("output_size", first + i);
  });
  const batch = asked === null || input[0] !== null ? input[0]! : asked[0]!;
  return replaced(replaced(replaced(input, 0, [batch]), first, sizes), channels, [filters]);
}

function transposedSizes(options: OptionsOf<"conv_transpose">, windows: Window[], sizes: Shape): Shape {
  const extra = options.output_padding;
  if (extra !== null) check(extra, windows.length, "option", 0);
  if (extra !== null && windows.some((window, i) => extra[i]! >= window.stride)) throw new ShapeProblem("option");
  return sizes.map((size, i) => (size === null ? null : transposedSize(windows[i]!, size, extra?.[i] ?? null)));
}

function checkStated(input: Shape, asked: Shape, channels: number, filters: number | null): number | null {
  if (asked.length !== input.length) throw new ShapeProblem("rank");
  if (input[0] !== null && asked[0] !== null && input[0] !== asked[0]) throw new ShapeProblem("sizes", 0);
  const stated = asked[channels]!;
  if (stated === null || filters === null) return stated ?? filters;
  if (stated < 1 || !impliedGroups(stated, filters, input[channels]!)) throw new ShapeProblem("channels");
  return stated;
}

function pool(options: OptionsOf<"pool">, input: Shape): Shape {
  const windows = windowsOf(options);
  checkRank(input, windows.length, options.data_format, null);
  const made = windowed(input, windows, options.data_format);
  const [size, stride] = options.over_channels ?? [];
  if (size === undefined) return made;
  const { channels } = axesOf(input.length, windows.length, options.data_format);
  const given = input[channels]!;
  if (size !== stride || (given !== null && (given < 1 || given % size !== 0))) throw new ShapeProblem("option");
  return replaced(made, channels, [given === null ? null : given / size]);
}

function globalPool(options: OptionsOf<"global_pool">, input: Shape): Shape {
  const dimensions = Math.max(input.length - 2, 1);
  if (input.length < 3) checkRank(input, dimensions, options.data_format, null);
  const { first, channels } = axesOf(input.length, dimensions, options.data_format);
  return options.keepdims ? replaced(input, first, Array<number>(dimensions).fill(1)) : [input[0]!, input[channels]!];
}

/** Sizes along the spatial axes, each changed by its own function. */
function resized(input: Shape, changes: ((size: number) => number)[], format: "channels_last" | "channels_first"): Shape {
  checkRank(input, changes.length, format, null);
  const { first } = axesOf(input.length, changes.length, format);
  const sizes = changes.map((change, i) => (input[first + i] === null ? null : change(input[first + i]!)));
  const empty = sizes.findIndex((size) => size !== null && size < 1);
  if (empty >= 0) throw new ShapeProblem("cropping", first + empty);
  return replaced(input, first, sizes);
}

function reshape(options: OptionsOf<"reshape">, input: Shape): Shape {
  const target = options.target_shape;
  if (input.length === 0) throw new ShapeProblem("rank");
  if (Math.min(0, ...target) < -1 || target.filter((size) => size === -1).length > 1) throw new ShapeProblem("option");
  const elements = product(input.slice(1));
  const rest = target.map((size) => (size === -1 ? null : size));
  if (elements === null) return [input[0]!, ...rest];
  const known = rest.reduce<number>((all, size) => all * (size ?? 1), 1);
  const open = rest.includes(null);
  if (open ? known <= 0 || elements % known !== 0 : elements !== known) throw new ShapeProblem("sizes");
  return [input[0]!, ...rest.map((size) => size ?? elements / known)];
}

function concatenate(inputs: readonly Shape[], axis: number): Shape {
  const first = inputs[0]!;
  const rank = first.length;
  if (axis < -rank || axis >= rank) throw new ShapeProblem("axis");
  const place = (axis + rank) % rank;
  const made = inputs.slice(1).reduce<Shape>((common, shape, i) => {
    if (shape.length !== rank) throw new ShapeProblem("rank", null, null, i + 1);
    return common.map((size, at) => (at === place ? null : equal(size, shape[at]!, at, i + 1)));
  }, first);
  return replaced(made, place, [inputs.reduce<number | null>((all, shape) => (all === null || shape[place] === null ? null : all + shape[place]!), 0)]);
}

/** Batch sizes equal, the other axes aligned at the right, a size of 1 repeated. */
function broadcast(inputs: readonly Shape[]): Shape {
  let batch: number | null = null;
  let rest: Shape = [];
  inputs.forEach((shape, index) => {
    if (shape.length === 0) throw new ShapeProblem("rank", null, null, index);
    batch = equal(batch, shape[0]!, 0, index);
    const rank = Math.max(rest.length, shape.length - 1);
    const aligned = (sizes: Shape): Shape => [...Array<number>(rank - sizes.length).fill(1), ...sizes];
    const [left, right] = [aligned(rest), aligned(shape.slice(1))];
    rest = left.map((size, at) => (size === 1 || right[at] === 1 ? (size === 1 ? right[at]! : size) : equal(size, right[at]!, at + shape.length - rank, index)));
  });
  return [batch, ...rest];
}

function equal(needed: number | null, given: number | null, axis: number, index: number): number | null {
  if (needed === null || given === null) return needed ?? given;
  if (needed !== given) throw new ShapeProblem("sizes", axis, null, index);
  return needed;
}

/** The shape that a call with these options must give, or null where there is no formula.  Throws `ShapeProblem`. */
export function expectedShape(options: Options | null, inputs: readonly Shape[], kernel: Shape | null = null): Shape | null {
  const input = inputs[0];
  if (options === null || input === undefined) return null;
  switch (options.family) {
    case "conv":
      return conv(options, input, kernel);
    case "depthwise_conv":
      return depthwise(options, input, kernel);
    case "conv_transpose":
      return transposed(options, input, kernel);
    case "pool":
      return pool(options, input);
    case "global_pool":
      return globalPool(options, input);
    case "zero_padding":
      return resized(input, options.padding.map(([before, after]) => (size) => size + before + after), options.data_format);
    case "cropping":
      return resized(input, options.cropping.map(([before, after]) => (size) => size - before - after), options.data_format);
    case "up_sampling":
      return resized(input, options.size.map((factor) => (size) => size * factor), options.data_format);
    case "dense":
      return dense(options, input, kernel);
    case "flatten":
      if (input.length === 0) throw new ShapeProblem("rank");
      return [input[0]!, product(input.slice(1))];
    case "reshape":
      return reshape(options, input);
    case "merge":
      return options.axis === null ? broadcast(inputs) : concatenate(inputs, options.axis);
    case "same_shape":
      return input;
    default:
      return null;
  }
}

function dense({ units }: OptionsOf<"dense">, input: Shape, kernel: Shape | null): Shape {
  if (units < 1) throw new ShapeProblem("option");
  if (input.length < 2) throw new ShapeProblem("rank");
  checkChannels(input, input.length - 1, kernelAxis(kernel, 0, 0));
  return [...input.slice(0, -1), units];
}
