/** How much is written at the line ends: chosen by the user, for a notebook, for a line. */

import type { ICodeCellModel } from "@jupyterlab/cells";
import type { ISettingRegistry } from "@jupyterlab/settingregistry";

/** What a note says; where it is `off`, problems are shown all the same. */
export type Detail = "off" | "output" | "input-output";

export interface Look {
  detail: Detail;
  /** A click on a note writes its shape into the code. */
  clickToPin: boolean;
  /** The keys of the lines without a note. */
  hidden: readonly string[];
}

/** The plugin whose settings these are. */
export const SETTINGS = "conv-magic:annotations";

/** Under this name a notebook keeps its choice, a cell its hidden lines. */
const METADATA = "conv_magic";

const DETAILS: readonly unknown[] = ["off", "output", "input-output"] satisfies Detail[];
const isDetail = (value: unknown): value is Detail => DETAILS.includes(value);

/** The `nth` line of a cell that has this code; edits elsewhere leave the key as it is. */
export const lineKey = (code: string, nth: number): string => (nth === 1 ? code.trim() : `${code.trim()}\n${nth}`);

export class Preferences {
  private detail: Detail = "output";
  private clickToPin = true;
  private settings: ISettingRegistry.ISettings | null = null;
  private readonly listeners = new Set<() => void>();

  /** Take the user's settings from `registry`, which need not know this extension. */
  async load(registry: ISettingRegistry): Promise<void> {
    this.settings = await registry.load(SETTINGS);
    this.settings.changed.connect(() => this.read());
    this.read();
  }

  /** What the user chose for all notebooks. */
  get userDetail(): Detail {
    return this.detail;
  }

  async setUserDetail(detail: Detail): Promise<void> {
    this.detail = detail;
    this.tell();
    await this.settings?.set("shapes", detail);
  }

  /** How the notes of a cell look now. */
  lookOf(cell: ICodeCellModel): Look {
    return { detail: this.detailOf(cell), clickToPin: this.clickToPin, hidden: hiddenIn(cell) };
  }

  /** The notebook's own choice, else the user's. */
  detailOf(cell: ICodeCellModel): Detail {
    const { shapes } = (cell.sharedModel.notebook?.getMetadata(METADATA) ?? {}) as { shapes?: unknown };
    return isDetail(shapes) ? shapes : this.detail;
  }

  /** Choose for the cell's notebook; the user's own choice is not written down. */
  setNotebookDetail(cell: ICodeCellModel, detail: Detail): void {
    const { notebook } = cell.sharedModel;
    if (detail === this.detail) notebook?.deleteMetadata(METADATA);
    else notebook?.setMetadata(METADATA, { shapes: detail });
  }

  /** Hide the line's note, or show it again. */
  toggleLine(cell: ICodeCellModel, key: string): void {
    const hidden = hiddenIn(cell);
    const next = hidden.includes(key) ? hidden.filter((other) => other !== key) : [...hidden, key];
    if (next.length === 0) cell.sharedModel.deleteMetadata(METADATA);
    else cell.sharedModel.setMetadata(METADATA, { hidden: next });
  }

  /** Hear when the look of `cell` may have changed; returns what ends it. */
  listen(cell: ICodeCellModel, listener: () => void): () => void {
    const { sharedModel } = cell;
    const { notebook } = sharedModel;
    this.listeners.add(listener);
    sharedModel.metadataChanged.connect(listener);
    notebook?.metadataChanged.connect(listener);
    return () => {
      this.listeners.delete(listener);
      sharedModel.metadataChanged.disconnect(listener);
      notebook?.metadataChanged.disconnect(listener);
    };
  }

  private read(): void {
    const { shapes, clickToPin } = this.settings?.composite ?? {};
    if (isDetail(shapes)) this.detail = shapes;
    if (typeof clickToPin === "boolean") this.clickToPin = clickToPin;
    this.tell();
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}

function hiddenIn(cell: ICodeCellModel): string[] {
  const { hidden } = (cell.sharedModel.getMetadata(METADATA) ?? {}) as { hidden?: unknown };
  return Array.isArray(hidden) ? hidden.filter((key) => typeof key === "string") : [];
}
