/**
 * Draws the document in a cell's output.
 *
 * The drawing comes from the document at once, so that it is there after reopening, without a kernel and in an
 * untrusted notebook; where the live widget of the same output exists, it takes the drawing's place.
 */

import type { INotebookTracker, NotebookPanel } from "@jupyterlab/notebook";
import type { IRenderMime, IRenderMimeRegistry } from "@jupyterlab/rendermime";
import type { JSONObject } from "@lumino/coreutils";
import { type Message, MessageLoop } from "@lumino/messaging";
import { Panel, Widget } from "@lumino/widgets";
import { domActions } from "../core/actions";
import type { Document } from "../wire/report";
import { type ReportView, renderReport } from "../view/render";
import { readDocument } from "../wire/wire";
import { MIME_TYPE } from "./documents";

const WIDGET_TYPE = "application/vnd.jupyter.widget-view+json";

/** Before ipywidgets' own renderer (-10), which shows "model not found" where there is no kernel. */
const RANK = -20;

export function addRenderer(registry: IRenderMimeRegistry, tracker: INotebookTracker | null): void {
  const factory: IRenderMime.IRendererFactory = {
    safe: true,
    mimeTypes: [MIME_TYPE],
    createRenderer: () => new ReportRenderer(registry, tracker),
  };
  registry.addFactory(factory, RANK);
}

class ReportRenderer extends Panel implements IRenderMime.IRenderer {
  private readonly drawing = new Widget();
  private view: ReportView | null = null;
  private document: Document | null = null;
  private model: IRenderMime.IMimeModel | null = null;
  private live: Widget | null = null;
  private attempt: { factory: IRenderMime.IRendererFactory; id: string } | null = null;
  private panel: NotebookPanel | null = null;

  constructor(
    private readonly registry: IRenderMimeRegistry,
    private readonly tracker: INotebookTracker | null,
  ) {
    super();
    this.addClass("jp-ConvMagicReport");
    this.addWidget(this.drawing);
  }

  renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    this.model = model;
    const asked = model.metadata[MIME_TYPE] as { inline_only?: boolean } | undefined;
    this.setHidden(asked?.inline_only === true);
    if (this.isHidden) return Promise.resolve(); // the cell's lines are all that was asked for
    const { document, refused } = readDocument(model.data[MIME_TYPE]);
    this.document = document ?? null;
    if (document) this.draw(document);
    else this.refuse(refused);
    this.tryLive();
    return Promise.resolve();
  }

  override dispose(): void {
    this.view?.dispose();
    this.panel?.sessionContext.statusChanged.disconnect(this.tryLive, this);
    super.dispose();
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this.panel = this.tracker?.find((panel) => panel.node.contains(this.node)) ?? null;
    this.panel?.sessionContext.statusChanged.connect(this.tryLive, this);
    this.tryLive();
  }

  private draw(document: Document): void {
    if (this.drawing.isHidden) return; // the live view is there
    if (this.view) return this.view.update(document);
    const host = this.drawing.node;
    host.textContent = "";
    this.view = renderReport(host, document, domActions(host, () => this.document ?? document));
  }

  private refuse(why: string): void {
    this.view?.dispose();
    this.view = null;
    this.drawing.node.textContent = why;
  }

  /**
   * Ask ipywidgets for the live view; it is shown when it comes, and nothing changes when it does not.
   *
   * ipywidgets puts a new factory into the notebook's registry when it has connected to a kernel, and gives its
   * manager only to renderers that lie directly in an output: ask again whenever that factory is another one.
   */
  private tryLive(): void {
    const registry = this.panel?.content.rendermime ?? this.registry;
    const factory = registry.getFactory(WIDGET_TYPE);
    const view = this.model?.data[WIDGET_TYPE] as { model_id?: string } | undefined;
    const id = view?.model_id;
    if (!this.isAttached || !this.model?.trusted || !factory || !id) return;
    if (this.attempt?.factory === factory && this.attempt.id === id) return;
    this.attempt = { factory, id };
    this.live?.dispose();
    this.live = this.createLive(registry, { ...view });
  }

  private createLive(registry: IRenderMimeRegistry, view: JSONObject): Widget {
    const renderer = registry.createRenderer(WIDGET_TYPE);
    renderer.hide();
    MessageLoop.installMessageHook(renderer, (_, message) => {
      if (message.type === "child-added") this.showLive(renderer, true);
      if (message.type === "child-removed") this.showLive(renderer, false);
      return true;
    });
    this.addWidget(renderer);
    void renderer.renderModel(registry.createModel({ data: { [WIDGET_TYPE]: view }, trusted: true }));
    return renderer;
  }

  private showLive(renderer: Widget, live: boolean): void {
    if (this.isDisposed) return;
    renderer.setHidden(!live);
    this.drawing.setHidden(live);
    if (!live && this.document) return this.draw(this.document);
    this.view?.dispose();
    this.view = null;
  }
}
