/**
 * The shapes at the line ends: one CodeMirror extension for every code cell.
 *
 * `notes.ts` says what stands where; here it becomes decorations, and documents become transactions.
 */

import { type EditorState, type Extension, type Range, StateEffect, StateField, type Text } from "@codemirror/state";
import { Decoration, type DecorationSet, EditorView, ViewPlugin, WidgetType } from "@codemirror/view";
import { visible } from "../visible";
import type { Speech } from "./documents";
import { type Anchor, isShown, isStale, type LineStatus, mapAnchors, marksOf, placeMarks } from "./notes";

/** The word on one cell, and a bell for when it changes. */
export interface SpeechSource {
  current(): Speech | null;
  listen(listener: () => void): () => void;
}

interface Annotations {
  speech: Speech | null;
  anchors: readonly Anchor[];
  decorations: DecorationSet;
}

const setSpeech = StateEffect.define<Speech | null>();

const annotated = StateField.define<Annotations>({
  create: () => ({ speech: null, anchors: [], decorations: Decoration.none }),
  update(value, transaction) {
    const effect = transaction.effects.find((candidate) => candidate.is(setSpeech));
    if (effect) return annotate(effect.value as Speech | null, transaction.newDoc);
    if (!transaction.docChanged || value.anchors.length === 0) return value;
    const { startState, changes, newDoc } = transaction;
    const anchors = mapAnchors(value.anchors, changes, startState.doc, newDoc);
    return { ...value, anchors, decorations: decorationsOf(anchors, newDoc) };
  },
  provide: (field) => EditorView.decorations.from(field, (value) => value.decorations),
});

/** The annotations of one cell, kept in the editor's own state and fed by `source`. */
export function annotations(source: SpeechSource): Extension {
  return [annotated.init((state) => annotate(source.current(), state.doc)), feeder(source), theme];
}

/** The marks at the line of `position`, where that line is as it was executed. */
export function anchorsAt(state: EditorState, position: number): { speech: Speech; anchors: Anchor[] } | null {
  const value = state.field(annotated, false);
  if (!value?.speech) return null;
  const line = state.doc.lineAt(position);
  const here = (anchor: Anchor) => !anchor.gone && anchor.at >= line.from && anchor.at <= line.to && !isStale(anchor, state.doc);
  return { speech: value.speech, anchors: value.anchors.filter(here) };
}

export function decorationsOf(anchors: readonly Anchor[], text: Text): DecorationSet {
  return Decoration.set(
    anchors.filter((anchor) => isShown(anchor, text)).flatMap((anchor) => decorate(anchor, text)),
    true,
  );
}

function annotate(speech: Speech | null, text: Text): Annotations {
  if (!speech) return { speech, anchors: [], decorations: Decoration.none };
  const { document, source } = speech;
  const anchors = placeMarks(marksOf(document, source.cell), source.text, text);
  return { speech, anchors, decorations: decorationsOf(anchors, text) };
}

function decorate(anchor: Anchor, text: Text): Range<Decoration>[] {
  const line = text.lineAt(anchor.at);
  const stale = isStale(anchor, text);
  const { mark } = anchor;
  const found: Range<Decoration>[] = [];
  if (!stale && mark.status !== "ok") {
    const title = mark.originNote ?? "";
    found.push(Decoration.line({ class: `cm-convmagic-${mark.status}`, attributes: title ? { title } : {} }).range(line.from));
  }
  if (!stale && mark.underline) {
    const [from, to] = mark.underline;
    const underline = Decoration.mark({ class: "cm-convmagic-underline" });
    found.push(underline.range(line.from + from, Math.min(line.from + to, line.to)));
  }
  if (mark.text !== "") {
    const widget = new NoteWidget(mark.text, mark.status, stale);
    found.push(Decoration.widget({ widget, side: 1 }).range(line.to));
  }
  return found;
}

class NoteWidget extends WidgetType {
  constructor(
    private readonly text: string,
    private readonly status: LineStatus,
    private readonly stale: boolean,
  ) {
    super();
  }

  override eq(other: NoteWidget): boolean {
    return this.text === other.text && this.status === other.status && this.stale === other.stale;
  }

  override toDOM(): HTMLElement {
    const note = document.createElement("span");
    note.className = this.stale ? "cm-convmagic-note cm-convmagic-stale" : "cm-convmagic-note";
    note.dataset["status"] = this.status;
    note.textContent = visible(this.text);
    note.title = this.stale ? "this line has changed since it ran" : note.textContent; // long notes are cut
    return note;
  }

  override ignoreEvent(): boolean {
    return false; // a click beside the note puts the cursor at the line's end
  }
}

/** Hears of new documents; dispatches in a turn of its own, since outputs change while an editor updates. */
function feeder(source: SpeechSource): Extension {
  return ViewPlugin.define((view) => {
    let live = true;
    let waiting = false;
    const feed = () => {
      waiting = false;
      const speech = source.current();
      const shown = view.state.field(annotated).speech;
      if (live && speech?.document !== shown?.document) view.dispatch({ effects: setSpeech.of(speech) });
    };
    const mute = source.listen(() => {
      if (!waiting) queueMicrotask(feed);
      waiting = true;
    });
    return {
      destroy() {
        live = false;
        mute();
      },
    };
  });
}

const tint = (tone: string, percent: number) => `color-mix(in srgb, var(--convmagic-${tone}-fill) ${percent}%, transparent)`;
const glyph = (content: string) => ({ "&::before": { content: `"${content} "` } });

/** A line with a fault; the note on it hides code of a long line below it, so its ground is the line's, opaque. */
const fault = (tone: string) => ({
  "--convmagic-note-fill": `var(--convmagic-${tone}-fill)`,
  backgroundColor: tint(tone, 10),
  boxShadow: `inset 2px 0 var(--convmagic-${tone})`,
});

const theme = EditorView.baseTheme({
  "&": { "--convmagic-note-paper": "var(--jp-cell-editor-background)" },
  "&.cm-focused": { "--convmagic-note-paper": "var(--jp-cell-editor-active-background)" },
  ".cm-convmagic-note": {
    display: "inline-block",
    verticalAlign: "bottom",
    position: "sticky",
    right: "0",
    maxWidth: "64ch",
    overflow: "hidden",
    textOverflow: "ellipsis",
    whiteSpace: "pre",
    marginInlineStart: "3ch",
    paddingInline: "1ch",
    color: "var(--jp-ui-font-color2)",
    backgroundColor: "color-mix(in srgb, var(--convmagic-note-fill, transparent) 10%, var(--convmagic-note-paper))",
    userSelect: "none",
  },
  ".cm-convmagic-note.cm-convmagic-stale": { textDecoration: "line-through" },
  ".cm-line.cm-convmagic-failed": fault("error"),
  ".cm-line.cm-convmagic-warning": fault("warn"),
  ".cm-line.cm-convmagic-origin": { boxShadow: `inset 2px 0 ${tint("error", 45)}` },
  ".cm-convmagic-failed .cm-convmagic-note": { color: "var(--convmagic-error)", ...glyph("✗") },
  ".cm-convmagic-warning .cm-convmagic-note": { color: "var(--convmagic-warn)", ...glyph("⚠") },
  ".cm-convmagic-underline": { textDecoration: "underline wavy var(--convmagic-error) 1px", textUnderlineOffset: "3px" },
  ".cm-convmagic-warning .cm-convmagic-underline": { textDecorationColor: "var(--convmagic-warn)" },
  ".cm-convmagic-tooltip": {
    maxWidth: "min(720px, 90vw)",
    maxHeight: "min(60vh, 480px)",
    overflow: "auto",
    padding: "6px 12px 10px",
    borderRadius: "4px",
    backgroundColor: "var(--jp-layout-color0)",
    boxShadow: "var(--jp-elevation-z6)",
  },
});
