/**
 * The look of the view: one style sheet, the theme's variables only.
 *
 * `--jp-*` are JupyterLab's and Notebook's; elsewhere (VS Code, Colab) everything is mixed from the text colour, so
 * that it fits a light and a dark page.  The error, warning and success colours are those shades of each theme
 * that reach 4.5:1 on the cell's background.
 */

import { PICTURES } from "./pictureStyle";

const PALETTE = `
:root, :host {
  --convmagic-error: var(--jp-error-color0, #b3261e);
  --convmagic-warn: color-mix(in srgb, var(--jp-warn-color0, #e65100) 76%, black);
  --convmagic-success: var(--jp-success-color0, #1b5e20);
  --convmagic-error-fill: var(--jp-error-color1, #d32f2f);
  --convmagic-warn-fill: var(--jp-warn-color1, #f57c00);
  --convmagic-success-fill: var(--jp-success-color1, #388e3c);
  --convmagic-solid: 18%;
}
@media (prefers-color-scheme: dark) {
  :root:not(:has(body[data-jp-theme-light])), :host {
    --convmagic-error: var(--jp-error-color2, #f2938c);
    --convmagic-warn: var(--jp-warn-color2, #ffb74d);
    --convmagic-success: var(--jp-success-color2, #81c784);
    --convmagic-solid: 38%;
  }
}
body[data-jp-theme-light="true"], body[data-jp-theme-light="true"] :host {
  --convmagic-error: var(--jp-error-color0);
  --convmagic-warn: color-mix(in srgb, var(--jp-warn-color0) 76%, black);
  --convmagic-success: var(--jp-success-color0);
}
body[data-jp-theme-light="false"] {
  --convmagic-error: var(--jp-error-color2);
  --convmagic-warn: var(--jp-warn-color2);
  --convmagic-success: var(--jp-success-color2);
  --convmagic-solid: 38%;
}
`;

const VIEW = `
.convmagic {
  --convmagic-text: var(--jp-content-font-color1, currentColor);
  --convmagic-soft: var(--jp-ui-font-color2, color-mix(in srgb, currentColor 72%, transparent));
  --convmagic-line: color-mix(in srgb, var(--convmagic-text) 14%, transparent);
  --convmagic-wash: color-mix(in srgb, var(--convmagic-text) 5%, transparent);
  --convmagic-paper: var(--jp-layout-color0, Canvas);
  --convmagic-focus: var(--jp-brand-color1, #1976d2);
  --convmagic-bar: color-mix(in srgb, var(--convmagic-focus) 60%, transparent);
  --convmagic-small: calc(var(--jp-code-font-size, 13px) - 1px);
  --convmagic-letter: calc(var(--convmagic-small) * .605);
  --convmagic-mono: var(--jp-code-font-family, ui-monospace, SFMono-Regular, Menlo, Consolas, monospace);
  color: var(--convmagic-text);
  font-family: var(--jp-ui-font-family, system-ui, sans-serif);
  font-size: var(--jp-ui-font-size1, 13px);
  line-height: 1.5;
  max-width: 100%;
  padding: 4px 0 2px;
}
.convmagic-calls { container: convmagic / inline-size; }
.convmagic *, .convmagic *::before { box-sizing: border-box; }
.convmagic p, .convmagic ul, .convmagic ol, .convmagic h3, .convmagic h4 { margin: 0; padding: 0; list-style: none; }
.convmagic button { font: inherit; color: inherit; cursor: pointer; }
.convmagic :focus-visible { outline: 2px solid var(--convmagic-focus); outline-offset: -2px; }

.convmagic [data-status="failed"], .convmagic [data-severity="error"] { --convmagic-tone: var(--convmagic-error); }
.convmagic [data-status="inside"] { --convmagic-tone: var(--convmagic-error); }
.convmagic [data-status="warning"], .convmagic [data-severity="warning"] { --convmagic-tone: var(--convmagic-warn); }
.convmagic [data-status="running"] { --convmagic-tone: var(--convmagic-soft); }
.convmagic [data-status="ok"] { --convmagic-tone: var(--convmagic-success); }
.convmagic [data-severity="note"] { --convmagic-tone: var(--convmagic-soft); }

.convmagic-head { display: flex; flex-wrap: wrap; gap: 2px 20px; align-items: baseline; justify-content: space-between; margin-bottom: 8px; }
.convmagic-verdict { font-weight: 600; flex: 1 1 auto; font-size: calc(var(--jp-ui-font-size1, 13px) + 1px); }
.convmagic-glyph { color: var(--convmagic-tone); display: inline-block; width: 1.5em; font-weight: 700; }
.convmagic-totals { display: flex; flex-wrap: wrap; gap: 0 16px; color: var(--convmagic-soft); }
.convmagic-totals b { color: var(--convmagic-text); font-weight: 600; font-variant-numeric: tabular-nums; }
.convmagic-totals [data-status], .convmagic-totals [data-status] b { color: var(--convmagic-tone); }
.convmagic-left-out { flex: 1 1 100%; color: var(--convmagic-soft); }

.convmagic-tools { display: flex; flex-wrap: wrap; gap: 4px 8px; align-items: center; margin-bottom: 6px; }
.convmagic-tool-buttons { display: flex; gap: 6px; margin-inline-start: auto; }
.convmagic .convmagic-find, .convmagic .convmagic-status-choice, .convmagic-copy-text {
  font: inherit; line-height: 22px; height: 24px; padding: 0 8px; margin: 0; color: inherit; background: var(--convmagic-paper);
  border: 1px solid var(--convmagic-line); border-radius: 3px; box-sizing: border-box;
}
.convmagic .convmagic-find { flex: 0 1 22em; min-width: 0; width: 12em; }
.convmagic-find::placeholder { color: var(--convmagic-soft); opacity: 1; }
.convmagic .convmagic-find:focus-visible, .convmagic .convmagic-status-choice:focus-visible { outline-offset: 0; }
.convmagic-found { color: var(--convmagic-soft); font-variant-numeric: tabular-nums; }
.convmagic .convmagic-button[aria-expanded="true"] { background: var(--convmagic-wash); }
.convmagic .convmagic-panel { flex: 1 1 100%; display: flex; flex-wrap: wrap; gap: 4px 14px; align-items: center; margin: 0; padding: 6px 10px; border: 1px solid var(--convmagic-line); border-radius: 4px; min-width: 0; }
.convmagic-panel legend { padding: 0 4px; color: var(--convmagic-soft); }
.convmagic-chooser label { display: inline-flex; align-items: center; gap: 5px; cursor: pointer; }
.convmagic-chooser input { margin: 0; accent-color: var(--convmagic-focus); }
.convmagic .convmagic-copy-text { flex: 1 1 100%; height: auto; line-height: 1.5; font-family: var(--convmagic-mono); font-size: var(--convmagic-small); white-space: pre; }

.convmagic-scroll { position: relative; max-height: 336px; overflow: auto; border: 1px solid var(--convmagic-line); border-radius: 4px; }
.convmagic .convmagic-table { border-collapse: separate; border-spacing: 0; width: 100%; margin: 0; table-layout: fixed; font-size: inherit; }
.convmagic .convmagic-table th, .convmagic .convmagic-table td {
  padding: 0 10px 0 0; height: 26px; text-align: start; white-space: nowrap; vertical-align: middle; max-width: none; border: 0; overflow: hidden; text-overflow: ellipsis;
}
.convmagic .convmagic-table :is(th, td):first-child { padding-inline-start: 12px; }
.convmagic .convmagic-table :is(th, td)[data-column="status"] { position: sticky; inset-inline-end: 0; padding-inline-start: 10px; border-inline-start: 1px solid var(--convmagic-line); }
.convmagic .convmagic-table td[data-column="status"] { background: inherit; }
.convmagic .convmagic-table thead th {
  position: sticky; top: 0; z-index: 1; background: var(--convmagic-paper); box-shadow: inset 0 -1px var(--convmagic-line);
  font-weight: 500; color: var(--convmagic-soft);
}
.convmagic .convmagic-table thead th[data-column="status"] { z-index: 2; }
.convmagic-table thead button { border: 0; background: none; padding: 0; max-width: 100%; }
.convmagic-table thead button:hover { color: var(--convmagic-text); }
.convmagic-arrow:empty { display: none; }
.convmagic-arrow { margin-inline-start: .25em; }
.convmagic-grip { position: absolute; inset-block: 0; inset-inline-end: 0; width: 8px; cursor: col-resize; touch-action: none; }
.convmagic-grip::after { content: ""; position: absolute; inset-block: 6px; inset-inline-end: 4px; border-inline-end: 1px solid var(--convmagic-line); }
.convmagic-grip:hover::after { inset-block: 0; border-inline-end: 2px solid var(--convmagic-focus); }
.convmagic .convmagic-table tbody tr { --tint: 0%; --fill: var(--convmagic-text); background: color-mix(in srgb, var(--fill) var(--tint), var(--convmagic-paper)); cursor: default; }
.convmagic .convmagic-table tbody tr[data-odd="true"] { --tint: 4%; }
.convmagic .convmagic-table tbody tr.convmagic-row:hover { --tint: 9%; }
.convmagic .convmagic-table tbody tr[data-status="warning"] { --fill: var(--convmagic-warn-fill); --tint: 14%; }
.convmagic .convmagic-table tbody tr[data-status="failed"] { --fill: var(--convmagic-error-fill); --tint: 14%; }
.convmagic .convmagic-table tbody tr:is([data-status="failed"], [data-status="warning"]):hover { --tint: 20%; }
.convmagic .convmagic-table tbody tr[aria-selected="true"] td { box-shadow: inset 0 1px var(--convmagic-tone, var(--convmagic-focus)), inset 0 -1px var(--convmagic-tone, var(--convmagic-focus)); }
.convmagic .convmagic-table tbody tr[aria-selected="true"] td:first-child { box-shadow: inset 3px 0 var(--convmagic-tone, var(--convmagic-focus)), inset 0 1px var(--convmagic-tone, var(--convmagic-focus)), inset 0 -1px var(--convmagic-tone, var(--convmagic-focus)); }
.convmagic .convmagic-table tbody tr[data-status="ok"][aria-selected="true"] { --convmagic-tone: var(--convmagic-focus); --tint: 9%; }
.convmagic-row td { font-family: var(--convmagic-mono); font-size: var(--convmagic-small); }
.convmagic-row td[data-column="status"] { font-family: inherit; font-size: inherit; }
.convmagic .convmagic-table :is(th, td)[data-numeric="true"] { text-align: end; font-variant-numeric: tabular-nums; }
.convmagic-row td[style] { background: linear-gradient(var(--convmagic-bar), var(--convmagic-bar)) no-repeat right bottom 3px; background-origin: content-box; }
.convmagic-fold { display: inline-block; width: 1.25em; color: var(--convmagic-soft); cursor: pointer; }
.convmagic-fold:empty { cursor: inherit; }
.convmagic .convmagic-none { padding: 12px; color: var(--convmagic-soft); }
.convmagic-to-line { cursor: pointer; }
.convmagic-to-line:hover { text-decoration: underline; text-underline-offset: 3px; }
.convmagic-op { color: var(--convmagic-soft); margin-inline-start: .75em; }
.convmagic-input + .convmagic-input { margin-inline-start: 1ch; }
.convmagic-quiet, .convmagic-unknown { color: var(--convmagic-soft); }
.convmagic-row .convmagic-status { color: var(--convmagic-soft); }
.convmagic-row:not([data-status="ok"]) .convmagic-status { color: var(--convmagic-tone); font-weight: 600; }
.convmagic mark { background: none; color: inherit; }
.convmagic .convmagic-differs { color: var(--convmagic-tone, var(--convmagic-warn)); font-weight: 700; text-decoration: underline; text-underline-offset: 3px; }

.convmagic-below { container: convmagic-below / inline-size; }
.convmagic-columns > * { min-width: 0; }
.convmagic-detail { margin-top: 12px; container: convmagic-detail / inline-size; }
.convmagic-why + .convmagic-why { margin-top: 20px; }
.convmagic-why { border-inline-start: 3px solid var(--convmagic-tone); padding-inline-start: 14px; }
.convmagic .convmagic-headline { font-size: inherit; font-weight: 600; line-height: inherit; }
.convmagic-code { font-family: var(--convmagic-mono); font-size: var(--convmagic-small); color: var(--convmagic-tone); margin-inline-end: .75em; }
.convmagic-excerpt { margin: 6px 0; padding-bottom: 3px; overflow-x: auto; }
.convmagic-code-line { display: flex; align-items: baseline; gap: 12px; white-space: pre; width: max-content; min-width: 100%; }
.convmagic .convmagic-reveal { border: 0; background: none; padding: 0; min-width: 4.5em; text-align: start; color: var(--convmagic-soft); }
.convmagic .convmagic-reveal:hover { text-decoration: underline; color: var(--convmagic-text); }
.convmagic code, .convmagic-error { font-family: var(--convmagic-mono); font-size: var(--convmagic-small); background: none; padding: 0; color: inherit; white-space: pre; }
.convmagic-code-line u { text-decoration: underline; text-decoration-thickness: 1px; text-underline-offset: 4px; text-decoration-color: var(--convmagic-soft); }
.convmagic-code-line[data-role="fault"] u { text-decoration: underline wavy var(--convmagic-tone) 1px; }
.convmagic-origin-note { color: var(--convmagic-soft); white-space: normal; }
.convmagic-facts { display: flex; flex-wrap: wrap; gap: 8px 40px; align-items: flex-start; margin: 8px 0 12px; }
.convmagic .convmagic-reasons { flex: 1 1 20em; max-width: 72ch; }
.convmagic-reasons li + li { margin-top: 2px; }
.convmagic .convmagic-comparison { border-collapse: collapse; margin: 0; font-family: var(--convmagic-mono); font-size: var(--convmagic-small); table-layout: auto; }
.convmagic .convmagic-comparison :is(th, td) { padding: 0 0 0 16px; text-align: end; border: 0; background: none; font-weight: 400; line-height: 1.5; max-width: none; }
.convmagic .convmagic-comparison tr { background: none; }
.convmagic .convmagic-comparison thead th { color: var(--convmagic-soft); font-family: var(--jp-ui-font-family, system-ui, sans-serif); font-size: var(--jp-ui-font-size0, 11px); }
.convmagic .convmagic-comparison th[scope="row"] { padding-inline-start: 0; color: var(--convmagic-soft); text-align: start; font-family: var(--jp-ui-font-family, system-ui, sans-serif); font-size: var(--jp-ui-font-size1, 13px); }
.convmagic .convmagic-comparison td.convmagic-differs { font-weight: 700; }
.convmagic-error { margin: 0; white-space: pre-wrap; border-inline-start: 3px solid var(--convmagic-error); padding-inline-start: 14px; }

.convmagic .convmagic-only-copies { margin-bottom: 6px; }
.convmagic-fix { border: 1px solid var(--convmagic-line); border-radius: 4px; overflow: hidden; }
.convmagic-fix + .convmagic-fix { margin-top: 8px; }
.convmagic-fix-head { display: flex; flex-wrap: wrap; gap: 4px 16px; align-items: baseline; padding: 6px 6px 6px 12px; }
.convmagic .convmagic-fix-head h4 { font-size: inherit; font-weight: 600; line-height: inherit; }
.convmagic-result { display: inline-flex; flex-wrap: wrap; gap: 0 16px; align-items: baseline; }
.convmagic-predicted { font-family: var(--convmagic-mono); font-size: var(--convmagic-small); }
.convmagic-trial { color: var(--convmagic-soft); }
.convmagic-trial[data-state="held"] { color: var(--convmagic-success); font-weight: 600; }
.convmagic-diff { overflow-x: auto; border-block-start: 1px solid var(--convmagic-line); padding: 3px 0; }
.convmagic-diff-line { display: flex; align-items: baseline; white-space: pre; width: max-content; min-width: 100%; padding-inline-end: 12px; font-family: var(--convmagic-mono); font-size: var(--convmagic-small); line-height: 1.5; }
.convmagic-gutter { width: 3.5em; padding-inline-end: 1em; text-align: end; color: var(--convmagic-soft); user-select: none; flex: none; }
.convmagic-sign { width: 1.5em; flex: none; }
.convmagic-diff-line[data-kind="removed"] { background: color-mix(in srgb, var(--convmagic-error-fill) 11%, transparent); }
.convmagic-diff-line[data-kind="added"] { background: color-mix(in srgb, var(--convmagic-success-fill) 12%, transparent); }
.convmagic-diff-line[data-kind="removed"] .convmagic-sign { color: var(--convmagic-error); font-weight: 700; }
.convmagic-diff-line[data-kind="added"] .convmagic-sign { color: var(--convmagic-success); font-weight: 700; }
.convmagic-diff-line[data-kind="removed"] mark { background: color-mix(in srgb, var(--convmagic-error-fill) 26%, transparent); border-radius: 2px; }
.convmagic-diff-line[data-kind="added"] mark { background: color-mix(in srgb, var(--convmagic-success-fill) 32%, transparent); border-radius: 2px; }
.convmagic-buttons { display: flex; gap: 6px; margin-inline-start: auto; }
.convmagic .convmagic-button { border: 1px solid var(--convmagic-line); border-radius: 3px; background: none; padding: 0 12px; line-height: 22px; }
.convmagic .convmagic-button:hover { background: var(--convmagic-wash); }
.convmagic .convmagic-button[data-primary="true"] { background: var(--jp-brand-color1, #1976d2); border-color: transparent; color: var(--jp-ui-inverse-font-color1, #fff); }
.convmagic .convmagic-button[data-primary="true"]:hover { background: var(--jp-brand-color0, #125ea8); }
.convmagic .convmagic-button:focus-visible { outline-offset: 1px; }
.convmagic .convmagic-outcome:not(:empty) { padding: 5px 12px; border-block-start: 1px solid var(--convmagic-line); }
.convmagic-outcome[data-done="false"] { color: var(--convmagic-error); }

@container convmagic (max-width: 480px) {
  .convmagic .convmagic-find { flex: 1 1 10em; }
  .convmagic col[data-column="status"] { width: 58px !important; }
  .convmagic-row .convmagic-status-word { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
}
@container convmagic-detail (max-width: 800px) {
  .convmagic .convmagic-fix-head h4 { flex: 1 1 12em; }
  .convmagic-result { order: 1; flex: 1 1 100%; }
  .convmagic-code-line { flex-wrap: wrap; width: auto; gap: 0 12px; }
}
@container convmagic-below (min-width: 940px) {
  .convmagic-columns:has(> .convmagic-detail ~ :is(.convmagic-picture, .convmagic-flow[data-small="true"])) {
    display: grid; grid-template: auto auto 1fr auto / minmax(0, 1fr) minmax(0, 440px); gap: 0 20px; align-items: start;
  }
  .convmagic-columns > .convmagic-detail { grid-area: 1 / 1 / span 3; }
  .convmagic-columns > .convmagic-picture { grid-area: 1 / 2; }
  .convmagic-columns > .convmagic-flow[data-small="true"] { grid-area: 2 / 2; }
  .convmagic-columns > .convmagic-flow[data-small="false"] { grid-area: 4 / 1 / auto / -1; }
}
@media (forced-colors: active) {
  .convmagic { /* drawings are not recoloured by themselves */
    --convmagic-text: CanvasText; --convmagic-soft: CanvasText; --convmagic-paper: Canvas; --convmagic-focus: Highlight;
    --convmagic-error: CanvasText; --convmagic-warn: CanvasText; --convmagic-success: CanvasText;
    --convmagic-error-fill: CanvasText; --convmagic-warn-fill: CanvasText; --convmagic-success-fill: CanvasText;
  }
  .convmagic .convmagic-table tbody tr[aria-selected="true"] { outline: 2px solid Highlight; outline-offset: -2px; }
  .convmagic .convmagic-differs { outline: 1px solid; }
  .convmagic .convmagic-button[data-primary="true"] { border: 2px solid; }
  .convmagic-diff-line[data-kind="removed"] mark { text-decoration: line-through; }
}
`;

const ID = "convmagic-style";

/** Put the style sheet where `host` lives, once: the document's head, or its shadow root. */
export function installStyle(host: Node): void {
  const root = host.getRootNode();
  const home = root instanceof ShadowRoot ? root : host.ownerDocument!.head;
  if (home.querySelector(`#${ID}`)) return;
  const style = host.ownerDocument!.createElement("style");
  style.id = ID;
  style.textContent = PALETTE + VIEW + PICTURES;
  home.append(style);
}
