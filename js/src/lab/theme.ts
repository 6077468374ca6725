/** The look of the notes and marks in the editor: the theme's variables only, never colour alone. */

import { EditorView } from "@codemirror/view";

const tint = (tone: string, percent: number) => `color-mix(in srgb, var(--convmagic-${tone}-fill) ${percent}%, transparent)`;
const glyph = (content: string) => ({ "&::before": { content: `"${content} "` } });

/** Between the theme's second colour of texts and its first, which has the more contrast. */
const dimmed = (percent: number) => `color-mix(in srgb, var(--jp-ui-font-color1) ${percent}%, var(--jp-ui-font-color2))`;
const AGED = dimmed(15);

/** Longer notes are cut, however much room there is; in columns. */
export const MOST_COLUMNS = 64;

/** The most that a note takes of a line without room: a share of the line, for each of its columns. */
const mostOf = (share: string) => `min(${MOST_COLUMNS}ch, var(--convmagic-columns) * ${share})`;

/** A line with a fault; the note on it hides code of a long line below it, so its ground is the line's, opaque. */
const fault = (tone: string) => ({
  "--convmagic-note-fill": `var(--convmagic-${tone}-fill)`,
  "--convmagic-note-share": "10%",
  backgroundColor: tint(tone, 10),
  boxShadow: `inset 2px 0 var(--convmagic-${tone})`,
});

export const theme = EditorView.baseTheme({
  "&": { "--convmagic-note-paper": "var(--jp-cell-editor-background)" },
  "&.cm-focused": { "--convmagic-note-paper": "var(--jp-cell-editor-active-background)" },
  ".cm-convmagic-note": {
    whiteSpace: "pre",
    marginInlineStart: "3ch",
    paddingInline: "1ch",
    color: dimmed(30),
    backgroundColor: "color-mix(in srgb, var(--convmagic-note-fill, var(--jp-inverse-layout-color0)) var(--convmagic-note-share, 4%), var(--convmagic-note-paper))",
    borderRadius: "3px",
    userSelect: "none",
    cursor: "pointer",
  },
  ".cm-convmagic-crowded .cm-convmagic-note": {
    display: "inline-block",
    verticalAlign: "bottom",
    position: "sticky",
    right: "0",
    maxWidth: mostOf("0.6ch"),
    overflow: "hidden",
    textOverflow: "ellipsis",
  },
  ".cm-lineWrapping .cm-convmagic-crowded .cm-convmagic-note": { maxWidth: mostOf("0.9ch") },
  ".cm-convmagic-typing .cm-convmagic-note": { position: "static" }, // behind the code, not over it
  ".cm-convmagic-note[data-pin]:hover": { textDecoration: "underline dotted", textUnderlineOffset: "3px" },
  ".cm-convmagic-note.cm-convmagic-suspect": { fontStyle: "italic", color: AGED, ...glyph("~") },
  ".cm-convmagic-note.cm-convmagic-stale": { textDecoration: "line-through", color: AGED },
  ".cm-line.cm-convmagic-failed": fault("error"),
  ".cm-line.cm-convmagic-warning": fault("warn"),
  ".cm-line.cm-convmagic-origin": { boxShadow: `inset 2px 0 ${tint("error", 45)}` },
  ".cm-convmagic-failed .cm-convmagic-note": { color: "var(--convmagic-error)", ...glyph("✗") },
  ".cm-convmagic-warning .cm-convmagic-note": { color: "var(--convmagic-warn)", ...glyph("⚠") },
  ".cm-convmagic-origin .cm-convmagic-note": glyph("↳"),
  ".cm-convmagic-underline": { textDecoration: "underline wavy var(--convmagic-error) 1px", textUnderlineOffset: "3px" },
  ".cm-convmagic-warning .cm-convmagic-underline": { textDecorationStyle: "dashed", textDecorationColor: "var(--convmagic-warn)" },
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
