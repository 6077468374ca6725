/** Door 1: the anywidget. The document comes as the trait `report`; `selected` is shared with Python. */

import type { RenderProps } from "@anywidget/types";
import { domActions } from "./core/actions";
import type { Document } from "./wire/report";
import { type ReportView, renderReport, type ViewOptions } from "./view/render";
import { readDocument } from "./wire/wire";

interface Traits {
  /** As `to_wire` of conv_magic/views/wire.py makes it. */
  report: unknown;
  selected: number | null;
}

function render({ model, el }: RenderProps<Traits>): () => void {
  const options = (): ViewOptions => ({
    selected: model.get("selected"),
    onSelect(index) {
      model.set("selected", index);
      model.save_changes();
    },
  });
  let view: ReportView | null = null;
  let shown: Document | undefined;
  const update = () => {
    const { document, refused } = readDocument(model.get("report"));
    shown = document ?? shown;
    if (document && view) return view.update(document, options());
    view?.dispose();
    el.textContent = refused ?? ""; // what cannot be read is said instead of drawn
    view = document ? renderReport(el, document, domActions(el, () => shown ?? document), options()) : null;
  };
  update();
  model.on("change:report", update);
  model.on("change:selected", update);
  return () => {
    model.off("change:report", update);
    model.off("change:selected", update);
    view?.dispose();
  };
}

export default { render };
