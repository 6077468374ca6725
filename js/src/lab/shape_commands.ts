/** The commands that show and hide shapes. */

import { announce } from "./announce";
import { marksAt, type PlacedMark } from "./annotations";
import type { Deed } from "./deed";
import type { Cursor } from "./cursor";
import { spoken } from "./note_widget";
import type { Detail, Preferences } from "./preferences";
import { hideAsked, isAsked, showAtCursor } from "./tooltip";

export const shapeDeeds = (preferences: Preferences): Record<string, Deed> => ({
  "show-line": {
    label: "Show Shapes and Problems at the Cursor",
    caption: "what is known about the cursor's line: shapes, diagnosis, fixes; Escape closes it",
    enabled: (cursor) => marksHere(cursor).length > 0,
    run: (cursor) => {
      announce(marksHere(cursor).map(sentence).join("; "));
      showAtCursor(cursor.view);
    },
  },
  "close-line": {
    label: "Close What Is Shown at the Cursor",
    caption: "what is known about the cursor's line goes, the cursor stays",
    enabled: ({ view }) => isAsked(view),
    run: ({ view }) => hideAsked(view),
  },
  "toggle-notebook": {
    label: "Show Shapes in This Notebook",
    caption: "the shapes at the line ends of this notebook; problems are shown all the same",
    toggled: ({ cell }) => preferences.detailOf(cell.model) !== "off",
    run: ({ cell }) => {
      const hidden = preferences.detailOf(cell.model) === "off";
      const shown = preferences.userDetail === "off" ? "output" : preferences.userDetail;
      preferences.setNotebookDetail(cell.model, hidden ? shown : "off");
      announce(hidden ? "shapes are shown in this notebook" : "shapes are hidden in this notebook");
    },
  },
  "toggle-inputs": {
    label: "Show Input Shapes as Well",
    caption: "(None, 28, 28, 1) -> (None, 26, 26, 32) instead of what comes out alone, in every notebook",
    toggled: ({ cell }) => preferences.detailOf(cell.model) === "input-output",
    run: async ({ cell }) => {
      const next: Detail = preferences.detailOf(cell.model) === "input-output" ? "output" : "input-output";
      await preferences.setUserDetail(next);
      preferences.setNotebookDetail(cell.model, next);
      announce(next === "output" ? "output shapes only" : "input and output shapes");
    },
  },
  "toggle-line": {
    label: "Hide Shapes of This Line",
    caption: "the shapes at the end of the cursor's line, after this run and the next ones",
    enabled: (cursor) => marksHere(cursor).some(({ mark }) => mark.text !== ""),
    toggled: (cursor) => marksHere(cursor).some(({ hidden }) => hidden),
    run: (cursor) => marksHere(cursor).forEach(({ key }) => preferences.toggleLine(cursor.cell.model, key)),
  },
});

const marksHere = ({ view }: Cursor): PlacedMark[] => marksAt(view.state, view.state.selection.main.head)?.marks ?? [];

const sentence = ({ line, mark, freshness }: PlacedMark): string => {
  const { flow, status } = mark;
  return `line ${line}, ${spoken({ text: flow, status, freshness, later: null })}`;
};
