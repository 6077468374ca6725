/**
 * Whether a document from elsewhere is one that a run could have made: of the right types, with numbers in range and
 * references that lead on.  As `conv_magic/views/sound.py`; every view relies on it.
 */

import type { CallRecord, Document, Span } from "./report";
import { DOCUMENT } from "./schema";

/** No number is larger: what a tensor's size can hold. */
const LARGEST = 2 ** 63;
const MOST_AXES = 254;
/** No kernel is longer: the pictures look at each of its points. */
const MOST_POINTS = 100_000;

interface Schema {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly $ref?: string;
  readonly items?: Schema;
  readonly prefixItems?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
}

const DEFINITIONS: Readonly<Record<string, Schema>> = DOCUMENT.$defs;

/** Whether every view can draw it. */
export function isSound(data: unknown): data is Document {
  return fits(data, DOCUMENT, new Map()) && leadsOn(data as Document);
}

/** `known` are the objects that were found to fit: columns share them between rows. */
function fits(value: unknown, schema: Schema, known: Map<Schema, WeakSet<object>>): boolean {
  if (schema.$ref) return fits(value, DEFINITIONS[schema.$ref.slice("#/$defs/".length)]!, known);
  if (schema.anyOf) return schema.anyOf.some((one) => fits(value, one, known));
  if (schema.const !== undefined) return value === schema.const;
  if (schema.enum) return schema.enum.includes(value);
  switch (schema.type) {
    case "null":
      return value === null;
    case "boolean":
    case "string":
      return typeof value === schema.type;
    case "integer":
      return Number.isInteger(value) && Math.abs(value as number) <= LARGEST;
    case "number":
      return Number.isFinite(value);
  }
  if (typeof value !== "object" || value === null) return false;
  let fitting = known.get(schema);
  if (!fitting) known.set(schema, (fitting = new WeakSet()));
  if (fitting.has(value)) return true;
  const found = schema.type === "array" ? isList(value, schema, known) : isRecord(value, schema, known);
  if (found) fitting.add(value);
  return found;
}

function isList(value: object, { items, prefixItems }: Schema, known: Map<Schema, WeakSet<object>>): boolean {
  if (!Array.isArray(value)) return false;
  if (prefixItems) return value.length === prefixItems.length && prefixItems.every((one, i) => fits(value[i], one, known));
  return !items || value.every((one) => fits(one, items, known));
}

function isRecord(value: object, { properties }: Schema, known: Map<Schema, WeakSet<object>>): boolean {
  if (Array.isArray(value)) return false;
  return Object.entries(properties ?? {}).every(([name, one]) => fits((value as Record<string, unknown>)[name], one, known));
}

function leadsOn({ trace, diagnoses, notes, sites, failure, training }: Document): boolean {
  const lines = new Map(trace.sources.map(({ cell, text }) => [cell, text.split("\n").length]));
  const indices = new Set(trace.calls.map((call) => call.index));
  const placed = (span: Span | null | undefined): boolean => {
    if (!span) return true;
    const ordered = span.line < span.end_line || (span.line === span.end_line && span.column <= span.end_column);
    return span.line >= 1 && Math.min(span.column, span.end_column) >= 0 && ordered && span.end_line <= (lines.get(span.cell) ?? -1) + 1;
  };
  const isCall = (call: CallRecord, i: number): boolean =>
    call.index > (i ? trace.calls[i - 1]!.index : -1) &&
    (call.parent === null || (indices.has(call.parent) && call.parent < call.index)) &&
    call.producers.every((producer) => producer === null || indices.has(producer)) &&
    [...call.inputs, call.kernel, call.expected, call.output, call.accepts].every(isShape) &&
    windowOf(call).every((size) => size <= MOST_POINTS) &&
    call.count >= 1 &&
    areCounts([call.replica, call.cost.params, call.cost.macs, call.cost.output_bytes, call.cost.seconds]) &&
    areCounts(call.cost.receptive_field ?? []) &&
    [call.span, call.created, ...call.given.map((given) => given?.span)].every(placed);
  return (
    lines.size > 0 &&
    lines.size === trace.sources.length &&
    areCounts([trace.dropped, trace.left_out, ...Object.values(trace.totals ?? {})]) &&
    areCounts(training ? [training.epoch, training.epochs, training.step, training.steps] : []) &&
    trace.calls.every(isCall) &&
    trace.assigned.every(({ span, names, shapes }) => placed(span) && shapes.every((each) => each.length === names.length && each.every(isShape))) &&
    diagnoses.every(
      ({ call, span, origin, expected, actual, axes, fixes }) =>
        (call === null || indices.has(call)) &&
        [span, origin].every(placed) &&
        [expected, actual].every(isShape) &&
        axes.every((axis) => axis >= 0 && axis < MOST_AXES) &&
        fixes.every(
          ({ cell, edits, reruns, predicted }) =>
            lines.has(cell) && reruns.every((one) => lines.has(one)) && isShape(predicted) && edits.every((edit) => edit.span.cell === cell && placed(edit.span)),
        ),
    ) &&
    notes.every(
      ({ cell, line, calls, diagnosis }) =>
        line >= 1 && line <= (lines.get(cell) ?? -1) + 1 && calls.every((one) => indices.has(one)) && (diagnosis === null || diagnosis in diagnoses),
    ) &&
    sites.every((site) => placed(site.span) && site.arguments.every(({ span, axis }) => placed(span) && areCounts([axis]))) &&
    placed(failure?.span)
  );
}

function windowOf({ options }: CallRecord): number[] {
  if (options && "kernel_size" in options) return options.kernel_size;
  return options && "pool_size" in options ? options.pool_size : [];
}

function isShape(shape: (number | null)[] | null): boolean {
  return shape === null || (shape.length <= MOST_AXES && shape.every((size) => size === null || size >= -1));
}

function areCounts(counts: (number | null | undefined)[]): boolean {
  return counts.every((count) => count === null || count === undefined || count >= 0);
}
