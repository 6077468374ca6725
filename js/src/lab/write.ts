/** Changes of a cell's text: one step of undo each. */

import type { ICodeCellModel } from "@jupyterlab/cells";
import type { Change } from "../core/fix";

/** All changes as one step of undo, also without a live editor and with several people in the notebook. */
export function writeChanges(cell: ICodeCellModel, changes: readonly Change[]): void {
  const shared = cell.sharedModel;
  const { undoManager } = shared as { undoManager?: { stopCapturing(): void } | null };
  undoManager?.stopCapturing();
  shared.transact(() => {
    for (const { from, to, insert } of [...changes].reverse()) shared.updateSource(from, to, insert);
  });
  undoManager?.stopCapturing();
}
