/** What stands over the table: search, status, folding, the columns to show, and copies of rows. */

import { useEffect, useRef, useState } from "preact/hooks";
import { csvOf, markdownOf, type Sheet, toClipboard } from "../core/copy";
import { exactText } from "../core/figures";
import { STATUS_CHOICES } from "../core/find";
import type { Column } from "./columns";

export interface Search {
  text: string;
  status: string;
}

export const NOTHING_SOUGHT: Search = { text: "", status: "all" };

export interface ToolsProps {
  search: Search;
  onSearch: (search: Search) => void;
  /** How many rows are found, of how many; null while nothing is sought. */
  found: [number, number] | null;
  /** Whether something is folded; null where there is nothing to fold. */
  folded: boolean | null;
  onFold: (folded: boolean) => void;
  columns: readonly Column[];
  isShown: (id: string) => boolean;
  onShow: (id: string, shown: boolean) => void;
  onReset: () => void;
  sheetOf: (what: "row" | "table") => Sheet;
  /** Few rows need no search. */
  searchable: boolean;
  onLeave: () => void;
}

type Panel = "columns" | "copy" | null;

export function Tools(props: ToolsProps) {
  const [panel, setPanel] = useState<Panel>(null);
  const opener = useRef<HTMLButtonElement | null>(null);
  const close = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || panel === null) return;
    event.stopPropagation();
    setPanel(null);
    opener.current?.focus();
  };
  const toggle = (name: Exclude<Panel, null>) => ({
    type: "button" as const,
    class: "convmagic-button",
    "aria-expanded": panel === name,
    onClick: (event: { currentTarget: HTMLButtonElement }) => {
      opener.current = event.currentTarget;
      setPanel(panel === name ? null : name);
    },
  });
  const { folded, onFold } = props;
  return (
    <div class="convmagic-tools" role="group" aria-label="tools of the table" onKeyDown={close}>
      {props.searchable && <Finder {...props} />}
      <span class="convmagic-tool-buttons">
        {folded !== null && (
          <button type="button" class="convmagic-button convmagic-fold-all" onClick={() => onFold(!folded)}>
            {folded ? "unfold all" : "fold all"}
          </button>
        )}
        <button {...toggle("columns")}>columns</button>
        <button {...toggle("copy")}>copy</button>
      </span>
      {panel === "columns" && <Chooser {...props} />}
      {panel === "copy" && <Copies sheetOf={props.sheetOf} />}
    </div>
  );
}

function Finder({ search, onSearch, found, onLeave }: ToolsProps) {
  const leave = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown" || event.key === "Enter") onLeave();
    else if (event.key === "Escape" && search.text !== "") onSearch({ ...search, text: "" });
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <>
      <input
        type="search"
        class="convmagic-find"
        placeholder="find a name, code or shape"
        aria-label="find rows by name, operation, code or shape"
        aria-keyshortcuts="/"
        value={search.text}
        onInput={(event) => onSearch({ ...search, text: event.currentTarget.value })}
        onKeyDown={leave}
      />
      <select
        class="convmagic-status-choice"
        aria-label="status"
        value={search.status}
        onChange={(event) => onSearch({ ...search, status: event.currentTarget.value })}
      >
        {Object.entries(STATUS_CHOICES).map(([id, { title }]) => (
          <option key={id} value={id}>
            {title}
          </option>
        ))}
      </select>
      <span class="convmagic-found" role="status">
        {found && `${exactText(found[0])} of ${exactText(found[1])} rows`}
      </span>
    </>
  );
}

function Chooser({ columns, isShown, onShow, onReset }: ToolsProps) {
  return (
    <fieldset class="convmagic-panel convmagic-chooser">
      <legend>columns to show</legend>
      {columns.map(({ id, title, meaning }) => (
        <label key={id} title={meaning}>
          <input type="checkbox" checked={isShown(id)} onChange={(event) => onShow(id, event.currentTarget.checked)} />
          {title}
        </label>
      ))}
      <button type="button" class="convmagic-button" onClick={onReset}>
        as at first
      </button>
    </fieldset>
  );
}

const FORMATS = { CSV: csvOf, Markdown: markdownOf };

function Copies({ sheetOf }: Pick<ToolsProps, "sheetOf">) {
  const [outcome, setOutcome] = useState("");
  const [refused, setRefused] = useState<string | null>(null);
  const copy = async (what: "row" | "table", format: keyof typeof FORMATS) => {
    const sheet = sheetOf(what);
    const text = FORMATS[format](sheet);
    const done = await toClipboard(text);
    setRefused(done ? null : text);
    const rows = `${exactText(sheet.rows.length)} row${sheet.rows.length === 1 ? "" : "s"}`;
    setOutcome(done ? `${rows} on the clipboard as ${format}` : "this page may not write to the clipboard; the text is selected, copy it");
  };
  return (
    <div class="convmagic-panel convmagic-copies" role="group" aria-label="copy">
      {(["row", "table"] as const).map((what) =>
        (["CSV", "Markdown"] as const).map((format) => (
          <button key={what + format} type="button" class="convmagic-button" onClick={() => void copy(what, format)}>
            {what} as {format}
          </button>
        )),
      )}
      <span role="status">{outcome}</span>
      {refused !== null && <SelectedText text={refused} />}
    </div>
  );
}

/** A text that is selected, for a page that may not write to the clipboard. */
function SelectedText({ text }: { text: string }) {
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    area.current?.focus();
    area.current?.select();
  }, [text]);
  return <textarea ref={area} class="convmagic-copy-text" readOnly rows={6} value={text} aria-label="text to copy" />;
}
