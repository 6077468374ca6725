import { describe, expect, test } from "vitest";
import { SCHEMA } from "../src/wire/report";
import { rowsOf, totalsOf } from "../src/core/rows";
import { readDocument } from "../src/wire/wire";
import { onTheWire, sample } from "./samples";

describe("a document from a notebook", () => {
  test("has its calls as columns and is read as the complete one", () => {
    const data = onTheWire("packed");
    expect(Array.isArray(data.trace.calls)).toBe(false);
    expect(readDocument(data).document).toEqual(sample("broken"));
  });

  test("is read once", () => {
    const data = onTheWire("packed");
    expect(readDocument(data).document).toBe(readDocument(data).document);
  });

  test("may have its calls as rows", () => {
    expect(readDocument(sample("fine")).document).toEqual(sample("fine"));
  });

  test("may have been cut: the warning is there with its call, then the first rows, and the figures are those of all", () => {
    const { trace, notes } = readDocument(onTheWire("cut")).document!;
    expect(trace.calls.map((call) => call.index)).toEqual([0, 1, 2, 3, 6, 7]);
    expect(trace.left_out).toBe(6);
    expect(notes[0]!.calls).toEqual([0, 1, 2, 3, 6, 7]);
    expect(trace.totals).toEqual(totalsOf(rowsOf(sample("nested"))));
  });
});

describe("what cannot be read is refused in one sentence", () => {
  const broken = () => onTheWire("packed");
  const calls = (change: object) => ({ ...broken(), trace: { ...broken().trace, calls: { ...broken().trace.calls, ...change } } });
  const damaged = "the data of this table are damaged; run the cell again to see it";

  test.each([
    [null, damaged],
    [1, damaged],
    [{}, damaged],
    [{ schema: SCHEMA }, damaged],
    [{ ...broken(), schema: SCHEMA + 1 }, "this table was saved by a newer conv_magic; update conv_magic to see it"],
    [{ ...sample("fine"), schema: 1 }, "this table was saved by an older conv_magic; run the cell again to see it"],
    [{ ...broken(), trace: { ...broken().trace, calls: "none" } }, damaged],
    [calls({ rows: -1 }), damaged],
    [calls({ rows: 1e12 }), damaged],
    [calls({ pool: null }), damaged],
    [calls({ columns: { op: ["conv2d"] } }), damaged],
    [calls({ columns: { op: { pool: Array<number>(8).fill(10_000) } } }), damaged],
    [calls({ columns: { op: null } }), damaged],
  ])("%#", (data, sentence) => expect(readDocument(data)).toEqual({ refused: sentence }));
});
