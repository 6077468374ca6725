/** The lines of a notebook that fail or warn, in its order, to go from one to the next. */

import { Text } from "@codemirror/state";
import type { ICodeCellModel } from "@jupyterlab/cells";
import type { Diagnosis } from "../wire/report";
import type { Speech } from "./documents";
import { marksOf, placeMarks } from "./notes";

/** `cell` counts the notebook's cells from 0; `offset` is where the line's fault begins in the present text. */
export interface Problem {
  cell: number;
  offset: number;
  diagnosis: Diagnosis;
}

/** The problems of one cell; a line that is gone has none. */
export function problemsOf(cell: number, model: ICodeCellModel, speech: Speech | null): Problem[] {
  if (!speech) return [];
  const { document, source } = speech;
  const text = Text.of(model.sharedModel.getSource().split("\n"));
  const anchors = placeMarks(marksOf(document, source.cell), source.text, text);
  const found = anchors.flatMap(({ mark, at, gone }) =>
    gone ? [] : mark.diagnoses.filter((diagnosis) => startsOn(diagnosis, mark.line, source.cell)).map((diagnosis) => {
      const line = text.lineAt(at);
      return { cell, offset: Math.min(line.from + (mark.underline?.[0] ?? 0), line.to), diagnosis };
    }),
  );
  return found.sort((a, b) => a.offset - b.offset);
}

/** The one after (`step` 1) or before (-1) a place, around the notebook's end; null where there is none. */
export function problemBeside(problems: readonly Problem[], cell: number, offset: number, step: 1 | -1): Problem | null {
  const order = (problem: Problem) => Math.sign(problem.cell - cell || problem.offset - offset);
  const beyond = problems.filter((problem) => order(problem) === step);
  return (step === 1 ? beyond[0] : beyond.at(-1)) ?? (step === 1 ? problems[0] : problems.at(-1)) ?? null;
}

const startsOn = ({ severity, span }: Diagnosis, line: number, cell: string) =>
  severity !== "note" && span?.cell === cell && span.line === line;
