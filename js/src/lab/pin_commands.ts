/** The commands that write shapes into the code as comments, and take them out. */

import { CodeCell } from "@jupyterlab/cells";
import { announce } from "./announce";
import type { Deed } from "./deed";
import type { Cursor } from "./cursor";
import { allPinnable, pin, pinnable } from "./pinning";
import { pinsIn, unpinned } from "./pins";
import { writeChanges } from "./write";

const here = ({ view }: Cursor) => pinnable(view, view.state.selection.main.head);
const pinnedLines = ({ cell }: Cursor) => new Set(pinsIn(cell.model.sharedModel.getSource()).map(({ line }) => line));

/** Pins that the last run found to be wrong. */
const outdated = (cursor: Cursor) => {
  const pinned = pinnedLines(cursor);
  return allPinnable(cursor.view).filter(({ line }) => pinned.has(line));
};

const pinnedCells = ({ panel }: Cursor): CodeCell[] =>
  panel.content.widgets.filter(
    (cell): cell is CodeCell => cell instanceof CodeCell && pinsIn(cell.model.sharedModel.getSource()).length > 0,
  );

export const pinDeeds: Record<string, Deed> = {
  "pin-line": {
    label: "Write the Shape of This Line into the Code",
    caption: "the shape becomes a comment, # shape: (...), that every later run is checked against",
    enabled: (cursor) => here(cursor).length > 0,
    run: (cursor) => pin(cursor.view, here(cursor)),
  },
  "pin-cell": {
    label: "Write All Shapes of This Cell into the Code",
    caption: "each line's shape becomes a comment, # shape: (...), that every later run is checked against",
    enabled: ({ view }) => allPinnable(view).length > 0,
    run: ({ view }) => pin(view, allPinnable(view)),
  },
  "refresh-pins": {
    label: "Refresh the Written Shapes of This Cell",
    caption: "written shapes that the last run found otherwise are replaced; shapes with names of your own stay",
    enabled: (cursor) => outdated(cursor).length > 0,
    run: (cursor) => pin(cursor.view, outdated(cursor)),
  },
  "remove-pins": {
    label: "Remove All Written Shapes of This Notebook",
    caption: "take out the comments # shape: (...) that hold numbers; shapes with names of your own stay",
    enabled: (cursor) => pinnedCells(cursor).length > 0,
    run: (cursor) => {
      const cells = pinnedCells(cursor).map(({ model }) => ({ model, changes: unpinned(model.sharedModel.getSource()) }));
      for (const { model, changes } of cells) writeChanges(model, changes);
      const count = cells.reduce((sum, { changes }) => sum + changes.length, 0);
      announce(`${count} written shapes removed`);
    },
  },
};
