/** What if an option were another one: what shapes would result, here and in the calls that follow, and the edit for it. */

import { expectedShape, type Options, type OptionsOf, ShapeProblem, type Windowed } from "./arithmetic";
import type { ArgumentSite, CallRecord, Document, Edit, EditSite, Fix, Span } from "../wire/report";
import { agree, type Shape, shapeText } from "./shape";
import { sourceOf } from "./fix";

export type Choosable = Windowed | OptionsOf<"up_sampling">;
/** The options with one number for each spatial axis, and the least of them. */
export const NUMBERS: Partial<Record<Options["family"], readonly string[]>> = {
  conv: ["kernel_size", "strides", "dilation_rate"],
  depthwise_conv: ["kernel_size", "strides", "dilation_rate"],
  conv_transpose: ["kernel_size", "strides", "output_padding", "dilation_rate"],
  pool: ["pool_size", "strides"],
  up_sampling: ["size"],
};

/** Those that there are to choose: who states the output's shape has no output padding. */
export const numbersToChoose = (options: Choosable) => {
  const stated = options.family === "conv_transpose" && options.output_shape !== null;
  return NUMBERS[options.family]!.filter((name) => !(stated && name === "output_padding"));
};

export const isChoosable = (options: Options | null): options is Choosable => options !== null && options.family in NUMBERS;

type Fields = Record<string, unknown>;

/** The numbers of an option; null where a transposed convolution leaves its output padding to Keras. */
export const numbersOf = (options: Choosable, name: string) => ((options as unknown as Fields)[name] ?? null) as number[] | null;

/** One axis of an option changed.  A square stays a square while its first axis is moved, and a pool its own step. */
export function withNumber(options: Choosable, name: string, axis: number, value: number, follows: boolean): Choosable {
  const dimensions = (numbersOf(options, NUMBERS[options.family]![0]!) ?? []).length;
  const old = numbersOf(options, name) ?? Array<number>(dimensions).fill(0);
  const square = axis === 0 && old.every((number) => number === old[0]);
  const numbers = old.map((number, i) => (square || i === axis ? value : number));
  const steps = follows && name === "pool_size" && options.family === "pool" ? { strides: numbers } : {};
  return { ...options, [name]: numbers, ...steps };
}

export const withPadding = (options: Choosable, padding: string): Choosable => ({ ...options, padding }) as Choosable;

/** What would come out, or why nothing would. */
export type Result = { shape: Shape; problem?: undefined } | { shape?: undefined; problem: ShapeProblem };

export function resultOf(options: Options, inputs: readonly Shape[], kernel: Shape | null): Result | null {
  try {
    const shape = expectedShape(options, inputs, kernel);
    return shape && { shape };
  } catch (problem) {
    if (problem instanceof ShapeProblem) return { problem };
    throw problem;
  }
}

/** A later call that would get other shapes. */
export interface Consequence {
  call: CallRecord;
  inputs: Shape[];
  result: Result | null;
}

/** The calls that would get other shapes if that call gave `shape`, as far as the arithmetic reaches. */
export function consequencesOf(document: Document, index: number, shape: Shape): Consequence[] {
  const { calls } = document.trace;
  const made = new Map<number, Shape>([[index, shape]]);
  const found: Consequence[] = [];
  for (const call of calls) {
    if (call.index <= index || !call.producers.some((producer) => producer !== null && made.has(producer))) continue;
    const inputs = call.inputs.map((given, i) => made.get(call.producers[i] ?? -1) ?? given);
    if (inputs.every((given, i) => sameShape(given, call.inputs[i]!))) continue;
    const result = call.options && resultOf(call.options, inputs, kernelAnew(document, call));
    found.push({ call, inputs, result });
    if (result?.shape) made.set(call.index, result.shape);
  }
  return found;
}

const sameShape = (a: Shape, b: Shape) => a.length === b.length && agree(a, b);

/** A layer that a shown cell makes, and that is called for the first time, would build its kernel anew. */
function kernelAnew(document: Document, call: CallRecord): Shape | null {
  const made = call.layer !== null && call.created !== null && sourceOf(document, call.created.cell) !== undefined;
  const first = document.trace.calls.find((other) => other.layer === call.layer)?.index === call.index;
  return made && first ? null : call.kernel;
}

/** The place in the text that decides the options of a call. */
export function siteOf(document: Document, call: CallRecord): EditSite | undefined {
  const place = call.layer !== null ? call.created : call.span;
  return place ? (document.sites ?? []).find((site) => samePlace(site.span, place)) : undefined;
}

const samePlace = (a: Span, b: Span) =>
  a.cell === b.cell && a.line === b.line && a.column === b.column && a.end_line === b.end_line && a.end_column === b.end_column;

/** Whether a pool's step is left to its size in the text. */
export const stepFollows = (call: CallRecord, site: EditSite | undefined) =>
  call.options?.family === "pool" && call.layer !== null && site?.arguments.some(({ option, before }) => option === "strides" && before !== "") === true;

/** The choice as a fix of the source; null where the text of an option was not found, or nothing was chosen. */
export function fixOf(document: Document, call: CallRecord, chosen: Choosable, predicted: Shape | null): Fix | null {
  const site = siteOf(document, call);
  const source = site && sourceOf(document, site.span.cell);
  if (!site || !source || !isChoosable(call.options)) return null;
  const changed = changedOptions(call.options, chosen, stepFollows(call, site));
  const edits = changed.map((name) => editsOf(site, name, chosen));
  if (edits.length === 0 || edits.some((some) => some === null)) return null;
  return {
    title: changed.map((name) => `${name} = ${spelled(site, name, chosen)}`).join(", "),
    edits: separated(edits.flatMap((some) => some ?? [])),
    applicability: 1,
    predicted: predicted && [...predicted],
    ...{ digest: source.digest, cell: source.cell, proof: null, reruns: [] },
    untried: "the choice is yours",
  };
}

/** Several arguments put between empty brackets need commas of their own. */
function separated(edits: readonly Edit[]): Edit[] {
  const taken = new Set<string>();
  return edits.map((edit) => {
    const place = JSON.stringify(edit.span);
    const follows = taken.has(place) && !edit.text.startsWith(",");
    taken.add(place);
    return follows ? { ...edit, text: `, ${edit.text}` } : edit;
  });
}

/** The names of the options that differ. */
export function changedOptions(before: Choosable, after: Choosable, follows: boolean): string[] {
  const names = [...NUMBERS[before.family]!, ...("padding" in before ? ["padding"] : [])];
  const [old, now] = [before as unknown as Fields, after as unknown as Fields];
  return names.filter((name) => {
    if (follows && name === "strides") return JSON.stringify(now[name]) !== JSON.stringify(now["pool_size"]);
    return JSON.stringify(old[name]) !== JSON.stringify(now[name]);
  });
}

function editsOf(site: EditSite, name: string, chosen: Choosable): Edit[] | null {
  const places = site.arguments.filter(({ option }) => option === name);
  if (places.length === 0) return null;
  return places.map(({ span, before, axis }: ArgumentSite) => ({ span, text: before + spelled(site, name, chosen, axis) }));
}

function spelled(site: EditSite, name: string, chosen: Choosable, axis: number | null = null): string {
  const value = (chosen as unknown as Fields)[name];
  if (typeof value === "string") return `"${site.capitals ? value.toUpperCase() : value.toLowerCase()}"`;
  const numbers = value as number[];
  if (axis !== null) return String(numbers[axis]);
  return numbers.every((number) => number === numbers[0]) ? String(numbers[0]) : shapeText(numbers);
}

/** How many calls the same place in the text makes: an edit there changes them all. */
export function sharing(document: Document, call: CallRecord): number {
  const place = call.layer !== null ? call.created : call.span;
  if (!place) return 1;
  const layers = document.trace.calls.filter((other) => {
    const at = other.layer !== null ? other.created : other.span;
    return at !== null && samePlace(at, place);
  });
  return new Set(layers.map((other) => other.layer)).size;
}
