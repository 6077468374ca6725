/**
 * The door: a document as a notebook carries it, its calls as columns, becomes the document that every view draws.
 *
 * `conv_magic/views/packed.py` says what a column is.  What is in a notebook may come from anywhere, so all is checked
 * that the reading relies on.
 */

import { type CallRecord, type Document, SCHEMA } from "./report";
import { isSound } from "./sound";

/** A document, or one sentence on why there is none. */
export type Read = { document: Document; refused?: undefined } | { document?: undefined; refused: string };

const OLDER = "this table was saved by an older conv_magic; run the cell again to see it";
const NEWER = "this table was saved by a newer conv_magic; update conv_magic to see it";
const BROKEN = "the data of this table are damaged; run the cell again to see it";

type Column = unknown[] | { all: unknown } | { pool: number[] };

interface Packed {
  rows: number;
  pool: unknown[];
  columns: Record<string, Column>;
}

const read = new WeakMap<object, Read>();

/** What `data` holds; the same object gives the same document. */
export function readDocument(data: unknown): Read {
  if (typeof data !== "object" || data === null) return { refused: BROKEN };
  let found = read.get(data);
  if (!found) read.set(data, (found = readFresh(data as Partial<Document>)));
  return found;
}

function readFresh(data: Partial<Document>): Read {
  const { schema, trace, diagnoses, notes } = data;
  if (!Number.isInteger(schema) || schema! < 1) return { refused: BROKEN };
  if (schema !== SCHEMA) return { refused: schema! < SCHEMA ? OLDER : NEWER };
  if (![trace?.sources, diagnoses, notes].every((list) => Array.isArray(list))) return { refused: BROKEN };
  const calls = callsOf(trace!.calls);
  const document = { ...data, trace: { ...trace, calls } };
  return calls && isSound(document) ? { document } : { refused: BROKEN };
}

/** The rows: as they are, or from columns. */
function callsOf(calls: unknown): CallRecord[] | null {
  if (Array.isArray(calls)) return calls as CallRecord[];
  if (!isPacked(calls)) return null;
  const { rows, pool, columns } = calls;
  const { index } = columns as { index?: { length?: number; pool?: unknown } | null };
  if (rows > 1 && !index?.length && !index?.pool) return null; // each row has its own
  const made = Array.from({ length: rows }, (): Record<string, unknown> => ({}));
  for (const [path, column] of Object.entries(columns)) {
    const at = readerOf(column, pool, rows);
    if (!at) return null;
    const [name, part] = path.split(".") as [string, string | undefined];
    made.forEach((row, i) => {
      if (part === undefined) row[name] = at(i);
      else ((row[name] ??= {}) as Record<string, unknown>)[part] = at(i);
    });
  }
  return made as unknown as CallRecord[];
}

function isPacked(calls: unknown): calls is Packed {
  const { rows, pool, columns } = (calls ?? {}) as Partial<Packed>;
  return Number.isInteger(rows) && rows! >= 0 && rows! <= MOST && Array.isArray(pool) && typeof columns === "object" && columns !== null;
}

/** No table has so many rows; a number beyond is not believed. */
const MOST = 1_000_000;

/** What stands at each place of a column; null where the column is not as long as the table or leads nowhere. */
function readerOf(column: Column, pool: unknown[], rows: number): ((place: number) => unknown) | null {
  if (Array.isArray(column)) return column.length === rows ? (place) => column[place] : null;
  if (typeof column !== "object" || column === null) return null;
  if ("all" in column) return () => column.all;
  const places = column.pool;
  if (!Array.isArray(places) || places.length !== rows || !places.every((place) => Number.isInteger(place) && place in pool)) return null;
  return (place) => pool[places[place]!];
}
