// The strip of the queue: what comes, why, and how much is left.

import { $, counted, made, say, spelt } from "./say.js";

const SHOWN = 12;
const SMALL_PX = 112;

export class Strip {
  /** @type {(id: string) => void} */
  meant = () => {};

  /** @param {import("./pictures.js").Pictures} pictures */
  constructor(pictures) {
    this.pictures = pictures;
    $("strip").addEventListener("click", (/** @type {MouseEvent} */ event) => {
      const button = /** @type {HTMLElement} */ (event.target).closest("[data-item]");
      if (button) this.meant(/** @type {HTMLElement} */ (button).dataset.item ?? "");
    });
  }

  /** Around the item that is open. @param {import("./api.js").Item[]} items @param {string} current @param {(id: string) => boolean} unsent */
  show(items, current, unsent) {
    const at = Math.max(0, items.findIndex((item) => item.id === current));
    const from = Math.max(0, Math.min(at - 2, items.length - SHOWN));
    const held = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.item : undefined;
    $("strip").replaceChildren(...items.slice(from, from + SHOWN).map((item) => this.#card(item, item.id === current, unsent(item.id))));
    if (held) /** @type {HTMLElement|null} */ ($("strip").querySelector(`[data-item="${CSS.escape(held)}"]`))?.focus();
  }

  /** @param {import("./api.js").Item} item @param {boolean} current @param {boolean} unsent */
  #card(item, current, unsent) {
    const canvas = /** @type {HTMLCanvasElement} */ (made("canvas", { width: String(SMALL_PX), height: "63", "aria-hidden": "true" }));
    void this.#paint(canvas, item);
    const state = unsent ? "not sent yet" : item.state === "open" ? "" : item.state;
    const button = made("button", { type: "button", "data-item": item.id, ...(current ? { "aria-current": "true" } : {}) }, canvas, made("b", {}, spelt(item.reason)), made("small", {}, [item.camera, state].filter(Boolean).join(" · ")));
    return made("li", {}, button);
  }

  /** @param {HTMLCanvasElement} canvas @param {import("./api.js").Item} item */
  async #paint(canvas, item) {
    const picture = await this.pictures.small(item.image.url, SMALL_PX * 2);
    if (!picture) return;
    canvas.width = picture.width;
    canvas.height = picture.height;
    canvas.getContext("2d")?.drawImage(picture, 0, 0);
    picture.close();
  }

  /** @param {number|null} left @param {number} seconds on this picture @param {string} state */
  count(left, seconds, state) {
    const what = { open: "left", done: "done", unsure: "unsure", skipped: "skipped" }[state] ?? state;
    const text = left === null ? "" : `${left} ${what}`;
    if ($("left").textContent !== text) $("left").textContent = text;
    const pace = `${Math.round(seconds)} s on this one`;
    if ($("pace").textContent !== pace) $("pace").textContent = pace;
  }

  /** @param {number|null} left */
  tell(left) {
    if (left !== null) say(`Next picture, ${counted(left, "picture")} left`);
  }
}
