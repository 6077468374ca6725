/** Door 1: the anywidget. The document comes as the trait `report`; `selected` is shared with Python. */

import type { RenderProps } from "@anywidget/types";
import { domActions } from "./actions";
import type { Document } from "./report";
import { renderReport, type ViewOptions } from "./view/render";

interface Traits {
  report: Document;
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
  const actions = domActions(el, () => model.get("report"));
  const view = renderReport(el, model.get("report"), actions, options());
  const update = () => view.update(model.get("report"), options());
  model.on("change:report", update);
  model.on("change:selected", update);
  return () => {
    model.off("change:report", update);
    model.off("change:selected", update);
    view.dispose();
  };
}

export default { render };
