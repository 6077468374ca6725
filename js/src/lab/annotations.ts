/**
 * The shapes at the line ends: one CodeMirror extension for every code cell.
 *
 * `notes.ts` says what stands where; here it becomes decorations, and documents become transactions.  `drawing.ts`
 * draws those in view.
 */

import { type ChangeSet, type EditorState, type Extension, type Line, type Range, StateEffect, StateField, type Text } from "@codemirror/state";
import { Decoration, type DecorationSet, ViewPlugin } from "@codemirror/view";
import { Comparison, codeOf, type Freshness } from "./code";
import type { Speech } from "./documents";
import { type NoteText, NoteWidget } from "./note_widget";
import { type Anchor, mapAnchors, marksOf, placeMarks, shownLine } from "./notes";
import { type Look, lineKey } from "./preferences";
import { theme } from "./theme";

/** The word on one cell and how to show it, and a bell for when either changes. */
export interface CellSource {
  speech(): Speech | null;
  look(): Look;
  listen(listener: () => void): () => void;
}

/** An anchor on its present line. */
export interface PlacedMark extends Anchor {
  /** From 1, in the present text. */
  line: number;
  freshness: Freshness;
  /** The line is one that the user wants bare. */
  hidden: boolean;
  /** Names the line among those that are to have no note. */
  key: string;
}

interface Annotations {
  speech: Speech | null;
  look: Look;
  /** The code that was executed. */
  executed: readonly string[];
  anchors: readonly Anchor[];
  /** The anchors that have a line in the present text. */
  placed: readonly PlacedMark[];
  decorations: DecorationSet;
}

type News = Pick<Annotations, "speech" | "look">;

const setNews = StateEffect.define<News>();

const annotated = StateField.define<Annotations>({
  create: (state) => annotate({ speech: null, look: { detail: "output", clickToPin: false, hidden: [] } }, state.doc),
  update(value, transaction) {
    const effect = transaction.effects.find((candidate) => candidate.is(setNews));
    const { startState, changes, newDoc } = transaction;
    if (effect && (effect.value as News).speech !== value.speech) return annotate(effect.value as News, newDoc);
    const look = (effect?.value as News | undefined)?.look ?? value.look;
    if ((!transaction.docChanged && look === value.look) || value.anchors.length === 0) {
      return look === value.look ? value : { ...value, look };
    }
    const anchors = transaction.docChanged ? mapAnchors(value.anchors, changes, startState.doc, newDoc) : value.anchors;
    if (look !== value.look || !staysOnItsLines(changes, startState.doc)) return place({ ...value, look, anchors }, newDoc);
    const placed = placedMarks(anchors, value.executed, look, newDoc);
    const next = { ...value, anchors, placed };
    // Most keystrokes change no note: the drawn ones move along, and the editor has nothing to compare.
    return placed.every((mark, i) => looksAlike(mark, value.placed[i])) && placed.length === value.placed.length
      ? { ...next, decorations: value.decorations.map(changes) }
      : place(next, newDoc, placed);
  },
});

/** The annotations of one cell, kept in the editor's own state and fed by `source`. */
export function annotations(source: CellSource): Extension {
  return [annotated.init((state) => annotate(newsOf(source), state.doc)), feeder(source), theme];
}

/** What is known about the line of `position`. */
export function marksAt(state: EditorState, position: number): { speech: Speech; marks: PlacedMark[] } | null {
  const value = state.field(annotated, false);
  if (!value?.speech) return null;
  const { number } = state.doc.lineAt(position);
  return { speech: value.speech, marks: value.placed.filter(({ line }) => line === number) };
}

/** All that is known about the cell, by line. */
export function allMarks(state: EditorState): { speech: Speech; marks: readonly PlacedMark[] } | null {
  const value = state.field(annotated, false);
  return value?.speech ? { speech: value.speech, marks: value.placed } : null;
}

/** All that there is to draw. */
export const decorationsOf = (state: EditorState): DecorationSet => state.field(annotated).decorations;

const newsOf = (source: CellSource): News => ({ speech: source.speech(), look: source.look() });

function annotate(news: News, text: Text): Annotations {
  const { speech } = news;
  if (!speech) return { ...news, executed: [], anchors: [], placed: [], decorations: Decoration.none };
  const { document, source } = speech;
  const anchors = placeMarks(marksOf(document, source.cell), source.text, text);
  return place({ ...news, executed: codeOf(source.text), anchors }, text);
}

function place(
  value: Omit<Annotations, "placed" | "decorations">,
  text: Text,
  placed = placedMarks(value.anchors, value.executed, value.look, text),
): Annotations {
  const later = value.speech?.later ?? null;
  const ranges = placed.flatMap((mark) => decorate(mark, value.look, later, text));
  return { ...value, placed, decorations: Decoration.set(ranges, true) };
}

/** Whether an edit neither makes nor removes a line break. */
function staysOnItsLines(changes: ChangeSet, before: Text): boolean {
  let stays = true;
  changes.iterChanges((from, to, _fromB, _toB, inserted) => {
    stays &&= inserted.lines === 1 && before.lineAt(from).to >= to;
  });
  return stays;
}

const looksAlike = (a: PlacedMark, b: PlacedMark | undefined): boolean =>
  a.mark === b?.mark && a.line === b.line && a.freshness === b.freshness && a.hidden === b.hidden;

/** The anchors that have a line, and how true they are of it. */
export function placedMarks(anchors: readonly Anchor[], executed: readonly string[], look: Look, text: Text): PlacedMark[] {
  const comparison = new Comparison(executed, text.toString());
  const seen = new Map<string, number>();
  const shown: [Anchor, Line][] = [];
  for (const anchor of anchors) {
    const line = shownLine(anchor, text);
    if (line) shown.push([anchor, line]);
  }
  return shown
    .sort(([, a], [, b]) => a.number - b.number)
    .map(([anchor, { number: line, text }]) => {
      const code = comparison.codeAt(line);
      const nth = (seen.get(code) ?? 0) + 1;
      seen.set(code, nth);
      const key = lineKey(code, nth);
      const freshness = hasNewProblemText(anchor, text) ? "stale" : comparison.of(anchor.mark, line);
      return { ...anchor, line, key, freshness, hidden: look.hidden.includes(key) };
    });
}

/** A shape holds whatever the line's comment says; a problem may be about the comment. */
const hasNewProblemText = ({ mark, executed }: Anchor, present: string): boolean =>
  mark.diagnoses.length > 0 && present.trimEnd() !== executed.trimEnd();

function decorate(placed: PlacedMark, look: Look, later: string | null, text: Text): Range<Decoration>[] {
  const { mark, freshness } = placed;
  const line = text.line(placed.line);
  const found: Range<Decoration>[] = [];
  if (freshness !== "stale" && mark.status !== "ok") {
    found.push(Decoration.line({ class: `cm-convmagic-${mark.status}` }).range(line.from));
  }
  if (freshness !== "stale" && mark.underline) {
    const [from, to] = mark.underline;
    const underline = Decoration.mark({ class: "cm-convmagic-underline" });
    const end = Math.min(line.from + to, line.to);
    if (line.from + from < end) found.push(underline.range(line.from + from, end));
  }
  const note = noteText(placed, look, later);
  if (note) found.push(Decoration.widget({ widget: new NoteWidget(note), side: 1 }).range(line.to));
  return found;
}

/** What the note says; null where the user wants none.  Problems are shown always. */
function noteText({ mark, freshness, hidden }: PlacedMark, look: Look, later: string | null): NoteText | null {
  const { status } = mark;
  const problem = status === "failed" || status === "warning";
  if (!problem && (hidden || look.detail === "off")) return null;
  const text = look.detail === "input-output" ? mark.flow : mark.text;
  if (text === "") return null;
  return { text, status, freshness, later, pinnable: look.clickToPin && mark.pin !== null && freshness === "fresh" };
}

/** Hears of news; dispatches in a turn of its own, since outputs change while an editor updates. */
function feeder(source: CellSource): Extension {
  return ViewPlugin.define((view) => {
    let live = true;
    let waiting = false;
    const feed = () => {
      waiting = false;
      if (!live) return;
      const news = newsOf(source);
      const shown = view.state.field(annotated);
      if (!sameSpeech(news.speech, shown.speech)) view.dispatch({ effects: setNews.of(news) });
      else if (JSON.stringify(news.look) !== JSON.stringify(shown.look)) {
        view.dispatch({ effects: setNews.of({ ...news, speech: shown.speech }) });
      }
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

const sameSpeech = (a: Speech | null, b: Speech | null): boolean =>
  a === b || (a?.document === b?.document && a?.source === b?.source && a?.later === b?.later);
