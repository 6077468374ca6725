/** Where the windows of a call stand along one axis; `conv_magic.arithmetic.geometry` says what each number means. */

import { axesOf, type Options, outputSize, samePadding, spanOf, type Spatial, type Window, windowsOf } from "./arithmetic";
import type { Shape } from "./shape";

export interface Axis {
  size: number;
  before: number;
  after: number;
  kernel: number;
  stride: number;
  dilation: number;
  windows: number;
}

export const paddedSize = ({ before, size, after }: Axis) => before + size + after;
/** By how many places the window is larger than the padded axis. */
export const excessOf = (axis: Axis) => Math.max(spanOf(axis) - paddedSize(axis), 0);
/** The first place of a window. */
export const startOf = (axis: Axis, index: number) => index * axis.stride - axis.before;
export const lastOf = (axis: Axis) => startOf(axis, Math.max(axis.windows - 1, 0));

/** How many elements at the end lie behind the last window. */
export function unreadEnd(axis: Axis): number {
  if (axis.windows <= 0) return 0;
  return Math.min(Math.max(axis.size - (lastOf(axis) + spanOf(axis)), 0), axis.size);
}

/** Whether a point of some window stands there. */
export function reads(axis: Axis, place: number): boolean {
  for (let point = 0; point < axis.kernel; point++) {
    const steps = (place - point * axis.dilation + axis.before) / axis.stride;
    if (Number.isInteger(steps) && steps >= 0 && steps < axis.windows) return true;
  }
  return false;
}

/** How many elements no window reads: at the end, between strides, between dilated points. */
export function unread(axis: Axis): number {
  const runs = Array.from({ length: axis.kernel }, (_, point) => {
    const offset = point * axis.dilation - axis.before;
    const residue = ((offset % axis.stride) + axis.stride) % axis.stride;
    const first = (offset - residue) / axis.stride;
    const inside = Math.ceil((axis.size - residue) / axis.stride);
    return [residue, Math.max(first, 0), Math.min(first + axis.windows, inside)] as const;
  });
  runs.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  let covered = 0;
  let reached: [number, number] = [-1, 0];
  for (const [residue, start, end] of runs) {
    if (start >= end) continue;
    const begin = residue === reached[0] ? Math.max(start, reached[1]) : start;
    covered += Math.max(end - begin, 0);
    reached = [residue, residue === reached[0] ? Math.max(end, reached[1]) : end];
  }
  return axis.size - covered;
}

const withPadding = (size: number, window: Window, windows: number): Axis => {
  const { padding, kernel, stride, dilation } = window;
  const [before, after] = padding === "same" ? samePadding(size, window) : padding === "valid" ? [0, 0] : padding;
  return { size, before, after, kernel, stride, dilation, windows };
};

const resized = (size: number, before: number, after: number): Axis => ({
  ...{ size, before, after, kernel: 1, stride: 1, dilation: 1 },
  windows: before + size + after,
});

export function dimensionsOf(options: Options | null, input: Shape): number {
  switch (options?.family) {
    case "conv":
    case "depthwise_conv":
    case "conv_transpose":
      return options.kernel_size.length;
    case "pool":
      return options.pool_size.length;
    case "zero_padding":
      return options.padding.length;
    case "cropping":
      return options.cropping.length;
    case "up_sampling":
      return options.size.length;
    case "global_pool":
      return input.length - 2;
    default:
      return 0;
  }
}

/** Whether the windows of a call stand on its output. */
export const writes = (options: Options | null) => options?.family === "conv_transpose" || options?.family === "up_sampling";

/** The geometry of each spatial axis of a call; empty where it has none or a size is unknown. */
export function geometryOf(options: Spatial, input: Shape, output: Shape | null): Axis[] {
  const dimensions = dimensionsOf(options, input);
  if (dimensions === 0 || input.length < dimensions + 2) return [];
  const { first } = axesOf(input.length, dimensions, options.data_format);
  const sizes = input.slice(first, first + dimensions);
  if (!known(sizes)) return [];
  switch (options.family) {
    case "zero_padding":
      return sizes.map((size, i) => resized(size, ...options.padding[i]!));
    case "cropping":
      return sizes.map((size, i) => resized(size, 0 - options.cropping[i]![0], 0 - options.cropping[i]![1]));
    case "global_pool":
      return sizes.map((size) => withPadding(size, { kernel: size, stride: 1, padding: "valid", dilation: 1 }, 1));
    case "conv":
    case "depthwise_conv":
    case "pool":
      return windowsOf(options).map((window, i) => withPadding(sizes[i]!, window, outputSize(window, sizes[i]!)));
    default:
      return written(options, sizes, output);
  }
}

function written(options: Spatial, sizes: number[], output: Shape | null): Axis[] {
  if (output?.length !== sizes.length + 2) return [];
  const first = options.data_format === "channels_last" ? 1 : 2;
  const made = output.slice(first, first + sizes.length);
  if (!known(made)) return [];
  if (options.family === "up_sampling") {
    return made.map((size, i) => withPadding(size, { kernel: options.size[i]!, stride: options.size[i]!, padding: "valid", dilation: 1 }, sizes[i]!));
  }
  return options.family === "conv_transpose" ? windowsOf(options).map((window, i) => withPadding(made[i]!, window, sizes[i]!)) : [];
}

const known = (sizes: Shape): sizes is number[] => sizes.every((size) => size !== null);
