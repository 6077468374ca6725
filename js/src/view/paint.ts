/** Times a person notices, where the browser's own tools show them (https://www.w3.org/TR/user-timing/). */

/** Note how long it took from `start` until the page was painted. */
export function measurePaint(name: string, start: number): void {
  requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      performance.measure(`conv-magic: ${name}`, { start });
      port1.close();
    };
    port2.postMessage(null); // a task of its own comes after the painting of this frame
  });
}
