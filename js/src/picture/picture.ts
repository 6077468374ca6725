/** The picture of one call's arithmetic: its own sizes to scale, and in sentences; as `conv_magic/views/picture.py`. */

import { axesOf, expectedShape, kernelAxis, type Options, type OptionsOf, ShapeProblem, type Spatial } from "../core/arithmetic";
import { type Axis, dimensionsOf, geometryOf, writes } from "../core/geometry";
import type { CallRecord } from "../wire/report";
import { axisText, type Shape, shapeText } from "../core/shape";
import { type BoxRow, type BoxState, boxes, slabs } from "./blocks";
import { type Captions, type Drawing, NARROW_STRIP_ROOM, plane, resized, STRIP_ROOM, strips } from "./grid";
import type { Scene } from "./ink";
import { arithmeticWords, listed, SPATIAL_NAMES } from "./words";

export interface Picture {
  scene: Scene & Partial<Drawing>;
  words: string[];
}

/** A call as far as its picture goes.  `strict` is a layer: it takes only the axes and channels it was made for. */
export interface Drawable {
  options: CallRecord["options"];
  inputs: readonly Shape[];
  kernel: Shape | null;
  strict: boolean;
}

export const MOST_INPUTS = 6;

export const drawableOf = ({ options, inputs, kernel, layer, outcome }: CallRecord): Drawable => ({
  ...{ options, inputs, kernel },
  strict: layer !== null && outcome !== "returned",
});

/** The picture of a call; null where there is nothing to draw or a size is unknown. */
export function pictureOf({ options, inputs, kernel, strict }: Drawable, stacked = false): Picture | null {
  const given = inputs[0];
  if (options === null || given === undefined) return null;
  const refused = strict && options.family === "conv" ? refusedBy(options, given, kernel) : null;
  if (refused) return refused;
  try {
    const output = expectedShape(options, inputs, kernel);
    return isSpatial(options) ? onGrid(options, given, output, stacked) : null;
  } catch (problem) {
    if (!(problem instanceof ShapeProblem)) throw problem;
    return impossible(options, inputs, kernel, problem, stacked);
  }
}

const isSpatial = (options: Options): options is Spatial => dimensionsOf(options, [null, null, null]) > 0;

function refusedBy(options: OptionsOf<"conv">, given: Shape, kernel: Shape | null): Picture | null {
  const rank = options.kernel_size.length + 2;
  if (given.length > rank) return axesPicture(options, given, Array<null>(rank).fill(null));
  return given.length === rank ? channelsPicture(options, given, kernel) : null;
}

/** The windows of a call on its input; of an impossible one as far as they can stand. */
function onGrid(options: Spatial, given: Shape, output: Shape | null, stacked: boolean): Picture | null {
  const asked = options.family === "conv_transpose" ? options.output_shape : null;
  const axes = geometryOf(options, given, output ?? asked);
  if (axes.length < 1 || axes.length > 3 || axes.some((axis) => axis.size < 1)) return null;
  const result = output ? `output ${shapeText(output)}` : "no output";
  const captions = { input: `input ${shapeText(given)}`, output: result, window: windowText(options) };
  return { scene: draw(options, axes, captions, stacked), words: arithmeticWords(options, axes) };
}

function draw(options: Spatial, axes: Axis[], captions: Captions, stacked: boolean): Drawing {
  const written = writes(options);
  if ((options.family === "zero_padding" || options.family === "cropping") && axes.length < 3) return resized(axes, captions);
  if (axes.length === 2) return plane(axes, captions, { written, stacked });
  return strips(axes, SPATIAL_NAMES[axes.length]!, captions, written, stacked ? NARROW_STRIP_ROOM : STRIP_ROOM);
}

function windowText(options: Spatial): string {
  switch (options.family) {
    case "pool":
      return `first window, ${times(options.pool_size)}`;
    case "up_sampling":
      return `first window, ${times(options.size)}`;
    case "conv":
    case "depthwise_conv":
      return `first window, ${times(options.kernel_size)}`;
    case "conv_transpose":
      return `what the first element writes, ${times(options.kernel_size)}`;
    default:
      return "the window";
  }
}

/** `3 × 3`. */
export const times = (sizes: Shape) => sizes.map((size) => size ?? "?").join(" × ");

function impossible(options: Options, inputs: readonly Shape[], kernel: Shape | null, problem: ShapeProblem, stacked: boolean): Picture | null {
  const given = inputs[0]!;
  switch (problem.reason) {
    case "window":
    case "cropping":
    case "output_size":
      return isSpatial(options) ? onGrid(options, given, null, stacked) : null;
    case "channels":
      return channelsPicture(options, given, kernel);
    case "groups":
      return options.family === "conv" ? groupsPicture(options, given) : null;
    case "rank":
      return isSpatial(options) && problem.needed ? axesPicture(options, given, problem.needed) : null;
    case "sizes":
      return options.family === "merge" ? mergePicture(inputs, options, problem) : null;
    default:
      return null;
  }
}

const counted = (count: number, noun: string) => `${count} ${noun}${count === 1 ? "" : "s"}`;

/** The channels of the input over those that the kernel reads. */
function channelsPicture(options: Options, given: Shape, kernel: Shape | null): Picture | null {
  let [have, need]: [number | null, number | null] = [null, null];
  let [noun, reader] = ["channel", "channel"];
  if (options.family === "dense") {
    [have, need, noun, reader] = [given.at(-1)!, kernelAxis(kernel, 0, 0), "feature", "row"];
  } else if (options.family === "conv" || options.family === "depthwise_conv" || options.family === "conv_transpose") {
    const dimensions = options.kernel_size.length;
    have = given[axesOf(given.length, dimensions, options.data_format).channels]!;
    need = kernelAxis(kernel, dimensions, options.family === "conv_transpose" ? -1 : -2);
    if (need !== null && options.family === "conv") need *= options.groups;
  }
  if (have === null || need === null || have === need) return null;
  const more = have > need ? `${have - need} too many` : `${need - have} missing`;
  const fitting = Math.min(have, need);
  const rows = [{ label: `${counted(have, noun)} of the input`, count: have, fitting }, { label: `${counted(need, reader)} of the kernel`, count: need, fitting }];
  return { scene: slabs(rows, more), words: [`the input has ${counted(have, noun)}, the kernel reads ${need}: ${more}`] };
}

/** Channels, or filters, that cannot be shared out. */
function groupsPicture(options: OptionsOf<"conv">, given: Shape): Picture | null {
  const { groups, filters } = options;
  const channels = given[axesOf(given.length, options.kernel_size.length, options.data_format).channels]!;
  const [count, noun] = (filters ?? 0) % groups ? [filters, "filters"] : [channels, "channels"];
  if (count === null || count < 1) return null;
  const rest = count % groups;
  const each = Math.floor(count / groups);
  const remark = `${count} = ${groups} × ${each} + ${rest}: ${rest} left over`;
  const row = { label: `${count} ${noun} in ${groups} groups`, count, fitting: count - rest, group: each };
  return { scene: slabs([row], remark), words: [remark] };
}

/** The axes that are there under those that are needed. */
function axesPicture(options: Spatial, given: Shape, needed: Shape): Picture {
  const names = axisNames(options.data_format, needed.length);
  const missing = missingAxes(given, needed);
  const rest = [...given];
  const have = needed.map((_, i): [string, BoxState] => (missing.includes(i) ? ["missing", "missing"] : [axisText(rest.shift()!), "same"]));
  have.push(...rest.map((size): [string, BoxState] => [axisText(size), "differs"]));
  const needs: BoxRow = { label: "needs", boxes: needed.map((size) => [size === null ? "any" : String(size), "same"]) };
  const more = given.length - needed.length;
  const fault = more > 0 ? `${more} too many` : `${missing.map((place) => names[place]).join(", ")} missing`;
  const said = `${given.length} axes are given, ${needed.length} are needed: ${fault}`;
  return { scene: boxes(names, [needs, { label: "this is", boxes: have }]), words: [said] };
}

/** Which needed axes are not there: the channels if the sizes tell so, else those in front. */
function missingAxes(given: Shape, needed: Shape): number[] {
  const lacking = Math.max(needed.length - given.length, 0);
  const known = needed.findIndex((size) => size !== null);
  if (lacking === 1 && known >= 0 && given.length > 0 && needed[known] === 1 && given.at(-1) !== 1 && given[0] !== 1) return [known];
  return Array.from({ length: lacking }, (_, i) => i);
}

function axisNames(format: "channels_last" | "channels_first", rank: number): string[] {
  const spatial = SPATIAL_NAMES[rank - 2] ?? Array<string>(rank - 2).fill("...");
  return format === "channels_last" ? ["batch", ...spatial, "channels"] : ["batch", "channels", ...spatial];
}

/** The shapes of inputs that cannot be joined, the differing axis marked. */
function mergePicture(inputs: readonly Shape[], options: OptionsOf<"merge">, problem: ShapeProblem): Picture | null {
  if (problem.axis === null) return null;
  const rank = Math.max(...inputs.map((shape) => shape.length));
  const joined = options.axis === null ? -1 : (options.axis + rank) % rank;
  const places = Array.from({ length: rank }, (_, place) => place).filter((place) => place !== joined && differ(inputs, rank, place, options.axis === null));
  const rows = inputs.slice(0, MOST_INPUTS).map((shape, number): BoxRow => {
    const lacking = rank - shape.length;
    const absent = Array.from({ length: lacking }, (): [string, BoxState] => ["", "missing"]);
    const have = shape.map((size, i): [string, BoxState] => [axisText(size), places.includes(lacking + i) ? "differs" : "same"]);
    return { label: `input ${number + 1}`, boxes: [...absent, ...have] };
  });
  const names = rank >= 3 && rank <= 5 ? axisNames("channels_last", rank) : [];
  const sizesAt = (place: number) => [...new Set(rows.map((row) => row.boxes[place]![0]))].join(" and ");
  return { scene: boxes(names, rows), words: places.map((place) => `${names[place] ?? `axis ${place}`}: ${sizesAt(place)} are not equal`) };
}

/** Whether known sizes at a place are unequal; where a size of 1 is `repeated`, it counts for any. */
function differ(inputs: readonly Shape[], rank: number, place: number, repeated: boolean): boolean {
  const sizes = new Set(inputs.map((shape) => shape[place - rank + shape.length] ?? null).filter((size) => size !== null));
  if (repeated && place > 0) sizes.delete(1);
  return sizes.size > 1;
}

export { listed };
