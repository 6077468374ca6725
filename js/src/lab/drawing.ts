/**
 * What the editor draws of the notes and marks: those in view, which is all it has to compare at every key.
 *
 * Where a line leaves no room for its note, that is cut and lies over the end of the code.  Only there: a box that
 * sticks to the editor's edge costs the browser at every frame, plain text next to nothing.
 */

import { type Extension, type Range, RangeSet } from "@codemirror/state";
import { Decoration, type DecorationSet, type EditorView, ViewPlugin, type ViewUpdate } from "@codemirror/view";
import { decorationsOf } from "./annotations";
import { NoteWidget } from "./note_widget";
import { MOST_COLUMNS } from "./theme";

/** What stands around a note's text: the gap before it, its padding, a sign; in columns. */
const AROUND = 8;
const TAB = 9;

class Drawing {
  decorations: DecorationSet;
  /** How many characters a line has room for; before it is measured, any number. */
  private columns = Infinity;
  /** Where the line begins on which one types: its note must not lie over the code there. */
  private typing: number | null = null;
  private live = true;

  constructor(private readonly view: EditorView) {
    this.decorations = this.inView();
    this.measure();
  }

  update({ startState, state, docChanged, viewportChanged, selectionSet, focusChanged, geometryChanged, transactions }: ViewUpdate): void {
    if (geometryChanged) this.measure();
    const before = this.typing;
    if (docChanged || selectionSet || focusChanged) {
      // A click does not mark its line: the note would move away from under the mouse that clicks it.
      const clicked = transactions.some((transaction) => transaction.isUserEvent("select.pointer"));
      this.typing = this.view.hasFocus && !clicked ? state.doc.lineAt(state.selection.main.head).from : null;
    }
    const moved = docChanged || viewportChanged || this.typing !== before;
    if (moved || decorationsOf(startState) !== decorationsOf(state)) this.decorations = this.inView();
  }

  destroy(): void {
    this.live = false;
  }

  private measure(): void {
    this.view.requestMeasure({
      key: this,
      read: ({ scrollDOM, contentDOM, defaultCharacterWidth }) =>
        Math.floor((scrollDOM.clientWidth - contentDOM.offsetLeft) / defaultCharacterWidth),
      write: (columns) => {
        if (columns === this.columns) return;
        this.columns = columns;
        const inView = this.inView();
        if (RangeSet.eq([inView], [this.decorations])) return;
        this.decorations = inView;
        queueMicrotask(() => this.live && this.view.dispatch({})); // the editor draws them, but not while it measures
      },
    });
  }

  private inView(): DecorationSet {
    const { columns, typing } = this;
    const { state, viewport } = this.view;
    const found: Range<Decoration>[] = [];
    decorationsOf(state).between(viewport.from, viewport.to, (from, to, decoration) => {
      found.push(decoration.range(from, to));
      const { widget } = decoration.spec as { widget?: unknown };
      if (!(widget instanceof NoteWidget)) return;
      const line = state.doc.lineAt(from);
      const length = widthOf(widget.text, state.tabSize);
      const fits = length <= MOST_COLUMNS && widthOf(line.text, state.tabSize) + AROUND + length <= columns;
      if (!fits) found.push(crowdedLine(columns, line.from === typing).range(line.from));
    });
    return Decoration.set(found, true);
  }
}

export const drawing: Extension = ViewPlugin.fromClass(Drawing, { decorations: ({ decorations }) => decorations });

const crowdedLine = (columns: number, typing: boolean): Decoration =>
  Decoration.line({
    class: `cm-convmagic-crowded${typing ? " cm-convmagic-typing" : ""}`,
    attributes: { style: `--convmagic-columns: ${columns}` },
  });

/** In columns of the editor's font: an ideograph takes about two, and so do the two units of an emoji. */
function widthOf(text: string, tabSize: number): number {
  let width = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    const isWide = unit >= 0x1100 && (unit < 0xd800 || unit > 0xdfff);
    width += unit === TAB ? tabSize - (width % tabSize) : isWide ? 2 : 1;
  }
  return width;
}
