/** What is known about a line, over that line: under the mouse, or at the cursor when the keyboard asks for it. */

import { type EditorState, type Extension, StateEffect, StateField } from "@codemirror/state";
import { closeHoverTooltips, EditorView, hoverTooltip, showTooltip, type Tooltip } from "@codemirror/view";
import { domActions } from "../core/actions";
import { marksAt, type PlacedMark } from "./annotations";
import type { Speech } from "./documents";
import { clearLinePane, renderLinePane } from "./line_pane";
import { pin, pinnable } from "./pinning";

const show = StateEffect.define<Tooltip | null>();

/** The tooltip that the keyboard asked for. */
const asked = StateField.define<Tooltip | null>({
  create: () => null,
  update(tooltip, transaction) {
    const effect = transaction.effects.find((candidate) => candidate.is(show));
    if (effect) return effect.value as Tooltip | null;
    return transaction.docChanged || transaction.selection ? null : tooltip;
  },
  provide: (field) => showTooltip.from(field),
});

const ASKED = { class: "cm-convmagic-asked" };

/** A tooltip that was asked for without the focus goes with the editor's: Escape, which a class of the editor's tells
 * the shortcut of, or a click elsewhere. */
export const lineTooltips: Extension = [
  asked,
  EditorView.editorAttributes.compute([asked], (state): Record<string, string> => (state.field(asked) ? ASKED : {})),
  EditorView.domEventHandlers({
    blur: ({ relatedTarget }, view) => {
      if (relatedTarget instanceof Element && !relatedTarget.closest(".cm-convmagic-tooltip")) hideAsked(view);
    },
    mousemove: aimAtText,
  }),
  hoverTooltip((view, position) => (hasStory(view, position) ? tooltipAt(view, position) : null), { hideOnChange: true }),
];

export const isAsked = (view: EditorView): boolean => Boolean(view.state.field(asked, false));

/** Show what is known about the cursor's line, if anything; `focused` puts the focus there. */
export function showAtCursor(view: EditorView, focused = true): void {
  const tooltip = tooltipAt(view, view.state.selection.main.head, focused);
  view.dispatch({ effects: [show.of(tooltip), closeHoverTooltips] });
}

/** Close what the keyboard asked for. */
export function hideAsked(view: EditorView): void {
  if (view.state.field(asked, false)) view.dispatch({ effects: show.of(null) });
}

/**
 * A mouse over a note is over the place in the text where the note stands: CodeMirror before view 6.17 (JupyterLab 4.0)
 * looks for text there, and would have no tooltip over most of a note.
 */
function aimAtText(event: MouseEvent): false {
  const note = event.target instanceof Element ? event.target.closest(".cm-convmagic-note") : null;
  if (note?.parentElement) {
    event.stopPropagation();
    const { left: clientX } = note.getBoundingClientRect();
    note.parentElement.dispatchEvent(new MouseEvent("mousemove", { bubbles: true, clientX, clientY: event.clientY }));
  }
  return false;
}

/** Plain shapes stand at the line's end already; what the keyboard asked for stays alone. */
function hasStory(view: EditorView, position: number): boolean {
  if (view.state.field(asked, false)) return false;
  const { marks } = marksAt(view.state, position) ?? { marks: [] };
  return marks.some(({ mark, freshness }) => freshness !== "stale" && mark.status !== "ok");
}

/** What can be shown of a line: nothing of a text that it no longer has. */
function storyOf(state: EditorState, position: number): { speech: Speech; marks: PlacedMark[] } | null {
  const found = marksAt(state, position);
  const marks = found?.marks.filter(({ freshness }) => freshness !== "stale") ?? [];
  return found && marks.length > 0 ? { speech: found.speech, marks } : null;
}

function tooltipAt(view: EditorView, position: number, focused = false): Tooltip | null {
  const { from, to, number } = view.state.doc.lineAt(position);
  if (!storyOf(view.state, from)) return null;
  return {
    pos: firstInView(view, from, to),
    end: to,
    above: true,
    create() {
      const dom = document.createElement("div");
      dom.className = "cm-convmagic-tooltip";
      dom.setAttribute("role", "dialog");
      dom.setAttribute("aria-label", `what is known about line ${number}`);
      dom.tabIndex = -1;
      let speech = draw(dom, view, from);
      const release = focused ? keepFocus(dom, view) : null;
      return {
        dom,
        ...(focused && { mount: () => focusIn(dom) }),
        update(): void {
          const news = storyOf(view.state, from)?.speech ?? null; // fixes have been tried
          if (news && news !== speech) speech = draw(dom, view, from);
        },
        destroy() {
          release?.();
          clearLinePane(dom);
        },
      };
    },
  };
}

/** The first place of a line that is not scrolled out of view: a tooltip for a place out of view is not shown. */
function firstInView(view: EditorView, from: number, to: number): number {
  const start = view.coordsAtPos(from);
  const gutters = view.dom.querySelector(".cm-gutters");
  const edge = gutters ? gutters.getBoundingClientRect().right : view.scrollDOM.getBoundingClientRect().left;
  if (!start || start.left >= edge) return from;
  const found = view.posAtCoords({ x: edge + view.defaultCharacterWidth, y: (start.top + start.bottom) / 2 }, false);
  return Math.max(from, Math.min(found, to));
}

/** Requests go out through the editor, not through the tooltip: that one hangs on the page's body. */
function draw(dom: HTMLElement, view: EditorView, position: number): Speech | null {
  const story = storyOf(view.state, position);
  if (!story) return null;
  const { document: report } = story.speech;
  const shapes = pinnable(view, position);
  renderLinePane(dom, {
    document: report,
    marks: story.marks,
    actions: domActions(view.dom, () => report),
    pin: shapes.length > 0 ? () => pin(view, pinnable(view, position)) : null,
  });
  return story.speech;
}

const MOST_TAKEN_BACK = 8;

/**
 * Escape, or leaving it, closes the tooltip; the focus goes back to the code.
 *
 * Where the command palette asked for it, the notebook takes the focus for itself once the command is done, in turns of
 * its own; whatever takes it before the user has done anything does not mean to close the tooltip.
 */
function keepFocus(dom: HTMLElement, view: EditorView): () => void {
  const end = new AbortController();
  let taken = 0;
  let acted = false;
  for (const deed of ["pointerdown", "keydown"]) {
    document.addEventListener(deed, () => (acted = true), { capture: true, signal: end.signal });
  }
  dom.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    hideAsked(view);
    view.focus();
  });
  dom.addEventListener("focusout", ({ relatedTarget }) => {
    if (!relatedTarget || dom.contains(relatedTarget as Node)) return;
    if (acted || ++taken > MOST_TAKEN_BACK) hideAsked(view);
    else queueMicrotask(() => focusIn(dom));
  });
  return () => end.abort();
}

const focusIn = (dom: HTMLElement) => (dom.querySelector("button") ?? dom).focus();
