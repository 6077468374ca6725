import type { ICodeCellModel } from "@jupyterlab/cells";
import { describe, expect, test } from "vitest";
import { type Problem, problemBeside, problemsOf } from "../src/lab/problems";
import { sample } from "./samples";

const document = sample("broken");
const source = document.trace.sources[0]!;
const cell = (text: string) => ({ sharedModel: { getSource: () => text } }) as unknown as ICodeCellModel;
const found = (text: string) => problemsOf(0, cell(text), { document, source, later: null });

describe("the problems of a cell", () => {
  test("begin where the fault begins, wherever the line stands now", () => {
    expect(found(source.text).map(({ offset }) => offset)).toEqual([source.text.indexOf("stem(x)  #")]);
    expect(found(`# new\n${source.text}`)[0]!.offset).toBe(source.text.indexOf("stem(x)  #") + 6);
  });

  test("are none where the line is gone or nothing is known", () => {
    expect(found("print(1)")).toEqual([]);
    expect(problemsOf(0, cell(source.text), null)).toEqual([]);
  });
});

test("the next and the previous one go around the notebook's end", () => {
  const at = (cell: number, offset: number) => ({ cell, offset }) as Problem;
  const problems = [at(1, 5), at(1, 20), at(3, 2)];
  expect(problemBeside(problems, 1, 5, 1)).toBe(problems[1]);
  expect(problemBeside(problems, 3, 2, 1)).toBe(problems[0]);
  expect(problemBeside(problems, 0, 99, -1)).toBe(problems[2]);
  expect(problemBeside(problems, 1, 20, -1)).toBe(problems[0]);
  expect(problemBeside([], 0, 0, 1)).toBeNull();
});
