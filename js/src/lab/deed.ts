/** What a command is, before the application knows it. */

import type { Cursor } from "./cursor";

/** What one command does; it needs a code cell whose editor is there. */
export interface Deed {
  label: string;
  caption: string;
  run: (cursor: Cursor) => unknown;
  enabled?: (cursor: Cursor) => boolean;
  toggled?: (cursor: Cursor) => boolean;
}
