/** The commands that lead to what fails or warns, and that repair it. */

import { CodeCell } from "@jupyterlab/cells";
import { domActions, type Outcome } from "../core/actions";
import type { Diagnosis, Document, Fix } from "../wire/report";
import { announce, refuse } from "./announce";
import { marksAt } from "./annotations";
import type { Deed } from "./deed";
import { type Cursor, goTo } from "./cursor";
import { boardOf } from "./documents";
import { type Problem, problemBeside, problemsOf } from "./problems";
import { showAtCursor } from "./tooltip";

const PLACEHOLDER = 0;

export const problemDeeds: Record<string, Deed> = {
  "next-problem": {
    label: "Go to the Next Problem",
    caption: "the next line of this notebook that fails or warns, with its diagnosis",
    enabled: (cursor) => problemsIn(cursor).length > 0,
    run: (cursor) => goToProblem(cursor, 1),
  },
  "previous-problem": {
    label: "Go to the Previous Problem",
    caption: "the line before that fails or warns, with its diagnosis",
    enabled: (cursor) => problemsIn(cursor).length > 0,
    run: (cursor) => goToProblem(cursor, -1),
  },
  "go-to-origin": {
    label: "Go to the Line That the Size Comes From",
    caption: "from the line that fails to the line where the number was made",
    enabled: (cursor) => originHere(cursor) !== null,
    run: (cursor) => {
      const found = originHere(cursor);
      if (found) actionsHere(cursor, found.document).reveal(found.origin);
    },
  },
  "apply-fix": {
    label: "Apply the First Fix at the Cursor",
    caption: "change the code as the first fix of the cursor's line says; one step of undo",
    enabled: (cursor) => fixHere(cursor) !== null,
    run: (cursor) => repair(cursor, (found) => actionsHere(cursor, found.document).apply(found.fix)),
  },
  "apply-and-run": {
    label: "Apply the First Fix at the Cursor and Run",
    caption: "change the code as the first fix of the cursor's line says, and run the cell again",
    enabled: (cursor) => fixHere(cursor) !== null,
    run: (cursor) => repair(cursor, (found) => actionsHere(cursor, found.document).applyAndRun(found.fix)),
  },
};

interface Found {
  document: Document;
  fix: Fix;
}

function repair(cursor: Cursor, deed: (found: Found) => Outcome): void {
  const found = fixHere(cursor);
  if (!found) return;
  const { done, message } = deed(found);
  if (done) announce(`${found.fix.title}: ${message}`);
  else refuse(message);
}

/** Requests go the same way as those of the tooltip and the table. */
const actionsHere = ({ view }: Cursor, document: Document) => domActions(view.dom, () => document);

/** The first fix without a placeholder, of what fails here or fails elsewhere by what is made here. */
function fixHere(cursor: Cursor): Found | null {
  const found = diagnosesHere(cursor);
  const fix = found?.diagnoses.flatMap(({ fixes }) => fixes).find(({ applicability }) => applicability !== PLACEHOLDER);
  return found && fix ? { document: found.document, fix } : null;
}

function originHere(cursor: Cursor) {
  const found = diagnosesHere(cursor);
  const origin = found?.diagnoses.find((diagnosis) => diagnosis.origin)?.origin;
  return found && origin ? { document: found.document, origin } : null;
}

function diagnosesHere({ view }: Cursor): { document: Document; diagnoses: Diagnosis[] } | null {
  const found = marksAt(view.state, view.state.selection.main.head);
  if (!found) return null;
  const marks = found.marks.filter(({ freshness }) => freshness !== "stale").map(({ mark }) => mark);
  const diagnoses = [...marks.flatMap((mark) => mark.diagnoses), ...marks.flatMap((mark) => mark.originOf)];
  return { document: found.speech.document, diagnoses };
}

function problemsIn({ panel, cell }: Cursor): Problem[] {
  const board = boardOf(cell.model);
  return panel.content.widgets.flatMap((each, index) =>
    each instanceof CodeCell ? problemsOf(index, each.model, board.speechFor(each.model)) : [],
  );
}

async function goToProblem(cursor: Cursor, step: 1 | -1): Promise<void> {
  const { panel, cell, view } = cursor;
  const { widgets } = panel.content;
  const problem = problemBeside(problemsIn(cursor), widgets.indexOf(cell), view.state.selection.main.head, step);
  const target = problem && widgets[problem.cell];
  if (!problem || !(target instanceof CodeCell)) return;
  const { severity, headline } = problem.diagnosis;
  const reached = await goTo(panel, target, problem.offset);
  announce(`${severity}: ${headline}`);
  if (reached) showAtCursor(reached, false);
}
