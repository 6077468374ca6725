import { describe, expect, test } from "vitest";
import { diagnosesFor, firstProblem, rowsOf, totalsOf, verdictOf } from "../src/core/rows";
import { agree, pairAxes, shapeText } from "../src/core/shape";
import { sample } from "./samples";

describe("rows", () => {
  const broken = sample("broken");
  const rows = rowsOf(broken);

  test("say where, what and how it ended", () => {
    expect(rows.map((row) => row.status)).toEqual(["ok", "ok", "ok", "ok", "ok", "ok", "ok", "failed"]);
    expect(rows[4]).toMatchObject({ name: "conv2d", place: "line 2 of In [1]", kernelText: "(3, 3, 6, 32)", stridesText: "(1, 1)" });
    expect(rows[6]).toMatchObject({ kernelText: "(2, 2)", paddingText: "valid" });
  });

  test("open at the first fault", () => {
    expect(firstProblem(broken, rows)).toBe(7);
    expect(diagnosesFor(broken, 7)).toHaveLength(1);
    expect(diagnosesFor(broken, 1)).toHaveLength(0);
  });

  test("of a model: the culprit failed, the model failed inside, its layers are indented", () => {
    const document = sample("broken");
    const [outer, , , , , , , culprit] = document.trace.calls;
    Object.assign(outer!, { outcome: "raised", op: "Sequential" });
    culprit!.parent = outer!.index;
    const nested = rowsOf(document);
    expect([nested[0]!.status, nested[7]!.status, nested[7]!.depth]).toEqual(["inside", "failed", 1]);
    expect(totalsOf(nested).failed).toBe(1);
  });

  test("where the arithmetic disagrees are warnings", () => {
    const document = sample("fine");
    document.trace.calls[0]!.output = [1, 30, 30, 64];
    expect(rowsOf(document)[0]!.status).toBe("warning");
  });
});

describe("the head line", () => {
  test("counts a shared layer's parameters once", () => {
    expect(totalsOf(rowsOf(sample("broken")))).toEqual({
      rows: 8,
      calls: 8,
      failed: 1,
      warnings: 0,
      params: 84 + 1792 + 1760 + 128,
      macs: 63_504 + 1_168_128 + 1_354_752,
      output_bytes: 0,
      seconds: 0,
    });
  });

  test("takes a model's figures from its layers where it has none, and a loop's times its count", () => {
    const document = sample("broken");
    document.trace.calls.slice(1, 4).forEach((call) => (call.parent = 0));
    expect(totalsOf(rowsOf(document)).params).toBe(84 + 1792 + 1760 + 128);
    expect(totalsOf(rowsOf(sample("fine"))).macs).toBe(5 * 1_769_472);
  });

  test("gives one verdict", () => {
    const verdict = (name: "broken" | "fine" | "hostile") => verdictOf(sample(name), rowsOf(sample(name)));
    expect(verdict("broken")).toEqual({ status: "failed", text: "line 8: stem cannot take 6 channels with a kernel made for 3" });
    expect(verdict("fine")).toEqual({ status: "ok", text: "every call has the shape that the arithmetic expects" });
    expect(verdict("hostile").status).toBe("warning");
  });

  test("asks no prediction of a function that was traced beside its calls", () => {
    const document = sample("fine");
    const trace = { ...document.trace.calls[0]!, op: "tf.function", mode: "graph" as const, expected: null };
    document.trace.calls.push({ ...trace, tracing: { times: 1, functions: 1, alike: true, frequent: false, numbers: [] } });
    expect(verdictOf(document, rowsOf(document)).text).toBe("every call has the shape that the arithmetic expects");
  });

  test("names an error that no rule explains", () => {
    const document = { ...sample("broken"), diagnoses: [] };
    expect(verdictOf(document, rowsOf(document)).text).toBe("line 8: ValueError ended the cell; none of the known faults explains it");
  });
});

describe("shapes", () => {
  test("read as in Python", () => {
    expect([shapeText([null, 28, 3]), shapeText([64]), shapeText([])]).toEqual(["(None, 28, 3)", "(64,)", "()"]);
  });

  test("an unknown axis agrees with any", () => {
    expect([agree([null, 3], [8, 3]), agree([8, 3], [8, 4]), agree([8], [8, 1])]).toEqual([true, false, false]);
  });

  test("stand one above the other, a missing axis at its place", () => {
    const pairs = pairAxes([null, 28, 28, 1], [32, 28, 28], [3], ["batch", "height", "width", "channels"]);
    expect(pairs.map((pair) => pair.actual)).toEqual([32, 28, 28, undefined]);
    expect(pairs.map((pair) => pair.differs)).toEqual([false, false, false, true]);
    expect(pairAxes([null, 28, 28, 1], [28, 28, 1], [0], [])[0]).toMatchObject({ actual: undefined, differs: true });
  });

  test("a surplus axis stands in front", () => {
    expect(pairAxes([null, 3], [1, 8, 3], [], ["batch", "channels"]).map((pair) => [pair.expected, pair.actual])).toEqual([
      [undefined, 1],
      [null, 8],
      [3, 3],
    ]);
  });
});

describe("a cell that still runs", () => {
  const document = sample("fine");
  Object.assign(document, { running: true });
  const last = document.trace.calls.at(-1)!;
  Object.assign(last, { outcome: "entered", output: null });
  const total = document.trace.calls.reduce((sum, call) => sum + call.count, 0);

  test("says so, and does not claim the end", () => {
    expect(verdictOf(document, rowsOf(document))).toEqual({ status: "running", text: `running: ${total} calls so far` });
    expect(rowsOf(document).at(-1)!.status).toBe("running");
    expect(totalsOf(rowsOf(document)).failed).toBe(0);
  });

  test.each([
    [{ epoch: 3, epochs: 10, step: 12, steps: 1250 }, "fit is at epoch 3 of 10, step 12 of 1,250"],
    [{ epoch: 1, epochs: 1, step: 7, steps: null }, "fit is at epoch 1 of 1, step 7"],
    [{ epoch: null, epochs: null, step: null, steps: null }, "fit has begun"],
  ])("says how far training is: %o", (places, told) => {
    const training = { op: "fit", ...places };
    expect(verdictOf({ ...document, training }, rowsOf(document)).text).toBe(`running: ${total} calls so far; ${told}`);
  });
});
