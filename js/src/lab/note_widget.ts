/** One note at a line's end, as the editor draws it and as a screen reader reads it. */

import { WidgetType } from "@codemirror/view";
import { visible } from "../core/visible";
import type { Freshness } from "./code";
import type { LineStatus } from "./notes";

/** All that a note shows; `later` names the other cell's run that it comes from. */
export interface NoteText {
  text: string;
  status: LineStatus;
  freshness: Freshness;
  later: string | null;
  /** Whether a click writes the shape into the code. */
  pinnable: boolean;
}

const CLASS: Record<Freshness, string> = { fresh: "", suspect: " cm-convmagic-suspect", stale: " cm-convmagic-stale" };

export const AGE: Record<Freshness, string> = {
  fresh: "",
  suspect: "a line above has changed since this ran",
  stale: "this line has changed since it ran",
};

const ROLE: Record<LineStatus, string> = { ok: "shape", origin: "origin of the problem", warning: "warning", failed: "problem" };

export class NoteWidget extends WidgetType {
  constructor(private readonly note: NoteText) {
    super();
  }

  get text(): string {
    return this.note.text;
  }

  override eq({ note }: NoteWidget): boolean {
    const mine = this.note;
    return (Object.keys(mine) as (keyof NoteText)[]).every((key) => mine[key] === note[key]);
  }

  override toDOM(): HTMLElement {
    const { status, freshness, later, pinnable } = this.note;
    const text = visible(this.note.text);
    const note = document.createElement("span");
    note.className = `cm-convmagic-note${CLASS[freshness]}`;
    note.dataset["status"] = status;
    note.setAttribute("role", "note");
    note.setAttribute("aria-label", spoken(this.note));
    note.textContent = later === null ? text : `${text}  from ${visible(later)}`;
    const hints = [AGE[freshness], pinnable ? "click to write it into the code, Ctrl+click to see its row" : "click to see its row"].filter(Boolean);
    note.title = [text, ...hints].join("\n"); // long notes are cut
    if (pinnable) note.dataset["pin"] = "";
    return note;
  }

  override ignoreEvent(): boolean {
    return false; // a click beside the note puts the cursor at the line's end
  }
}

/** The note as a sentence, without the signs that stand for words. */
export function spoken({ text, status, freshness, later }: Omit<NoteText, "pinnable">): string {
  const words = visible(text).replaceAll("->", "to");
  return [`${ROLE[status]}: ${words}`, later !== null && `from the run ${visible(later)}`, AGE[freshness]].filter(Boolean).join(", ");
}
