/** The arithmetic of a call as sentences; as `conv_magic/views/picture_words.py`. */

import { isSame, type Options, type OptionsOf, spanOf } from "../core/arithmetic";
import { type Axis, excessOf, paddedSize, unread, unreadEnd, writes } from "../core/geometry";

export const SPATIAL_NAMES: Record<number, readonly string[]> = { 1: ["steps"], 2: ["height", "width"], 3: ["depth", "height", "width"] };
const SIDES: Record<string, readonly [string, string]> = { height: ["above", "below"], width: ["left", "right"] };
const ELEMENTS: Record<string, string> = { height: "row", width: "column", steps: "step", depth: "slice" };

/** One sentence for each different axis, then what else there is to say of it. */
export function arithmeticWords(options: Options, axes: readonly Axis[]): string[] {
  const written = writes(options);
  return alike(axes).flatMap(({ names, axis, place }) => {
    const first = `${listed(names)}: ${formula(options, axis, place)}`;
    const resized = options.family === "zero_padding" || options.family === "cropping";
    return options.family === "global_pool" ? [first] : [first, ...remarks(names, axis, written, resized)];
  });
}

/** Axes that are computed alike, together. */
function alike(axes: readonly Axis[]) {
  const groups = new Map<string, { names: string[]; axis: Axis; place: number }>();
  axes.forEach((axis, place) => {
    const key = JSON.stringify(axis);
    const group = groups.get(key) ?? { names: [], axis, place };
    group.names.push(SPATIAL_NAMES[axes.length]![place]!);
    groups.set(key, group);
  });
  return [...groups.values()];
}

/** `height`, `height and width`, `depth, height and width`. */
export const listed = (names: readonly string[]) => [names.slice(0, -1).join(", "), names.at(-1)!].filter(Boolean).join(" and ");
/** A number with a minus sign, not a hyphen. */
export const signed = (number: number) => (number >= 0 ? String(number) : `−${-number}`);

function formula(options: Options, axis: Axis, place: number): string {
  switch (options.family) {
    case "zero_padding":
      return `${axis.size} + ${axis.before} + ${axis.after} = ${axis.windows}`;
    case "cropping":
      return `${axis.size} − ${0 - axis.before} − ${0 - axis.after} = ${signed(axis.windows)}`;
    case "up_sampling":
      return `${axis.windows} × ${axis.stride} = ${axis.size}`;
    case "global_pool":
      return `one window over all ${axis.size}`;
    case "conv_transpose":
      return transposed(options, axis, place);
    default:
      return isSame(options) ? `⌈${axis.size} / ${axis.stride}⌉ = ${axis.windows}` : valid(axis);
  }
}

function valid(axis: Axis): string {
  const quotient = `(${axis.size} + ${axis.before + axis.after} − ${spanOf(axis)}) / ${axis.stride}`;
  return `${axis.stride > 1 ? `⌊${quotient}⌋` : quotient} + 1 = ${signed(axis.windows)}`;
}

function transposed(options: OptionsOf<"conv_transpose">, axis: Axis, place: number): string {
  const same = isSame(options);
  const span = spanOf(axis);
  if (options.output_shape !== null) {
    const back = same ? Math.ceil(axis.size / axis.stride) : Math.floor((axis.size - span) / axis.stride) + 1;
    const quotient = same ? `⌈${axis.size} / ${axis.stride}⌉` : `⌊(${axis.size} − ${span}) / ${axis.stride}⌋ + 1`;
    const goal = back === axis.windows ? "" : `, not the ${axis.windows} that are there`;
    return `${axis.size} is asked for, and the convolution back makes ${quotient} = ${signed(back)}${goal}`;
  }
  const given = options.output_padding?.[place] ?? null;
  if (same && given === null) return `${axis.windows} × ${axis.stride} = ${axis.size}`;
  const extra = given ?? Math.max(axis.stride - span, 0);
  return `(${axis.windows} − 1) × ${axis.stride} + ${same ? span % 2 : span}${extra ? ` + ${extra}` : ""} = ${axis.size}`;
}

function remarks(names: readonly string[], axis: Axis, written: boolean, resized: boolean): string[] {
  const said: string[] = [];
  const span = spanOf(axis);
  if (axis.dilation > 1 && axis.kernel > 1) said.push(`a kernel of ${axis.kernel} with a dilation of ${axis.dilation} reaches over ${span}`);
  if (resized) {
    if (axis.windows < 1) said.push(`${0 - axis.before - axis.after} are cut from ${axis.size}, so nothing is left`);
    return said;
  }
  if (axis.before || axis.after) {
    const [one, other] = (names.length === 1 && SIDES[names[0]!]) || ["before", "after"];
    said.push(`${written ? "what is cut away" : "padding"}: ${axis.before} ${one}, ${axis.after} ${other}`);
  }
  const excess = excessOf(axis);
  if (excess && !written) {
    const whole = paddedSize(axis) > axis.size ? "the padded input" : "the input";
    said.push(`the window of ${span} is ${excess} larger than ${whole} of ${paddedSize(axis)}`);
  } else if (unread(axis)) {
    said.push(unreadText(names, axis, written ? "never written but for the bias" : "never read"));
  }
  return said;
}

function unreadText(names: readonly string[], axis: Axis, fate: string): string {
  const nouns = names.map((name) => ELEMENTS[name]!);
  const many = listed(nouns.map((noun) => `${noun}s`));
  const idle = unread(axis);
  if (idle !== unreadEnd(axis)) return `${idle} of ${axis.size} ${many} are ${fate}`;
  if (idle === 1) return `the last ${listed(nouns)} ${nouns.length === 1 ? "is" : "are"} ${fate}`;
  return `the last ${idle} ${many} are ${fate}`;
}
