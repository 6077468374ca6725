/** The line on which one types: its note must not lie over the code there. */

import type { EditorState, Extension, Range } from "@codemirror/state";
import { Decoration, type DecorationSet, ViewPlugin, type ViewUpdate } from "@codemirror/view";

const here = Decoration.line({ class: "cm-convmagic-typing" });

/** A click does not mark its line: the note would move away from under the mouse that clicks it. */
export const cursorLine: Extension = ViewPlugin.fromClass(
  class {
    decorations: DecorationSet = Decoration.none;

    update({ state, docChanged, selectionSet, focusChanged, transactions, view }: ViewUpdate): void {
      if (!docChanged && !selectionSet && !focusChanged) return;
      const clicked = transactions.some((transaction) => transaction.isUserEvent("select.pointer"));
      this.decorations = view.hasFocus && !clicked ? Decoration.set(lineOf(state)) : Decoration.none;
    }
  },
  { decorations: ({ decorations }) => decorations },
);

const lineOf = (state: EditorState): Range<Decoration> => here.range(state.doc.lineAt(state.selection.main.head).from);
