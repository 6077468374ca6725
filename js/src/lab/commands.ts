/** Puts the commands into the application and the palette; `schema/annotations.json` gives them keys and menus. */

import type { JupyterFrontEnd } from "@jupyterlab/application";
import type { ICommandPalette } from "@jupyterlab/apputils";
import type { INotebookTracker } from "@jupyterlab/notebook";
import { type Cursor, cursorIn } from "./cursor";
import type { Deed } from "./deed";
import { pinDeeds } from "./pin_commands";
import type { Preferences } from "./preferences";
import { problemDeeds } from "./problem_commands";
import { shapeDeeds } from "./shape_commands";

const CATEGORY = "conv_magic";

export function addCommands(
  { commands }: JupyterFrontEnd,
  tracker: INotebookTracker,
  palette: ICommandPalette | null,
  preferences: Preferences,
): void {
  const deeds: Record<string, Deed> = { ...shapeDeeds(preferences), ...problemDeeds, ...pinDeeds };
  for (const [name, deed] of Object.entries(deeds)) {
    const { label, caption, run, enabled, toggled } = deed;
    const ask = (question: (cursor: Cursor) => boolean) => {
      const cursor = cursorIn(tracker);
      return cursor !== null && question(cursor);
    };
    const command = `conv-magic:${name}`;
    commands.addCommand(command, {
      label,
      caption,
      isEnabled: () => ask(enabled ?? (() => true)),
      ...(toggled && { isToggleable: true, isToggled: () => ask(toggled) }),
      execute: async () => {
        const cursor = cursorIn(tracker);
        if (cursor) await run(cursor);
      },
    });
    palette?.addItem({ command, category: CATEGORY });
  }
  const asked = () => Object.keys(deeds).forEach((name) => commands.notifyCommandChanged(`conv-magic:${name}`));
  tracker.activeCellChanged.connect(asked);
}
