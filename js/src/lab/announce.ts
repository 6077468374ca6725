/** Says a sentence to a screen reader; where it must be seen as well, as a notification. */

import { Notification } from "@jupyterlab/apputils";

const ID = "convmagic-announcement";

/** For whoever listens; nothing is shown. */
export function announce(text: string): void {
  const place = document.getElementById(ID) ?? document.body.appendChild(makePlace());
  const sentence = document.createElement("p"); // a new one, so that the same words are said again
  sentence.textContent = text;
  place.replaceChildren(sentence);
}

/** For everybody: why what was asked for was not done. */
export function refuse(text: string): void {
  Notification.warning(`conv_magic: ${text}`, { autoClose: 6000 });
}

function makePlace(): HTMLElement {
  const place = document.createElement("div");
  place.id = ID;
  place.setAttribute("role", "status");
  Object.assign(place.style, { position: "fixed", width: "1px", height: "1px", overflow: "hidden", clipPath: "inset(50%)" });
  return place;
}
