// Beside the picture: its classes, its boxes, what approving says, and how the work stands. Only what changed is written again.

import { colourOf } from "./colours.js";
import { $, counted, described, made, moment, spelt } from "./say.js";

/** @typedef {import("./labels.js").Mark} Mark */
/** @typedef {{categories: string[], category: string, exhaustive: ReadonlyArray<string>, marks: ReadonlyArray<Mark>, selected: string|null, open: boolean}} Seen */

const SAVED = {
  saved: "Saved", waiting: "Unsaved changes", sending: "Saving", offline: "Offline, kept in this browser", out: "Logged out, kept in this browser",
  faster: "Somebody was faster", refused: "Refused by the trainer", full: "Not kept by this browser",
};
const GOOD = new Set(["saved", "waiting", "sending"]);

/** @param {string} colour */
function swatch(colour) {
  const dot = made("span", { class: "swatch", "aria-hidden": "true" });
  dot.style.backgroundColor = colour;
  return dot;
}

export class Panel {
  /** @type {Map<string, {mark: Mark, row: HTMLElement}>} */
  #rows = new Map();
  #classes = "";
  /** @type {(act: string, given?: any) => void} */
  meant = () => {};

  constructor() {
    $("boxes").addEventListener("click", (/** @type {MouseEvent} */ event) => {
      const row = /** @type {HTMLElement} */ (event.target).closest("[data-mark]");
      if (row) this.meant("select", /** @type {HTMLElement} */ (row).dataset.mark);
    });
    $("classes").addEventListener("click", (/** @type {MouseEvent} */ event) => {
      const button = /** @type {HTMLElement} */ (event.target).closest("[data-category]");
      if (button) this.meant("category", /** @type {HTMLElement} */ (button).dataset.category);
    });
    $("classes").addEventListener("change", (/** @type {Event} */ event) => {
      const box = /** @type {HTMLInputElement} */ (event.target);
      this.meant("exhaustive", { category: box.value, on: box.checked });
    });
  }

  /** @param {Seen} seen */
  show(seen) {
    this.#showClasses(seen);
    this.#showBoxes(seen);
    const boxes = seen.marks.filter((mark) => mark.kind === "box");
    const machine = boxes.filter((mark) => mark.source === "model").length;
    $("count").textContent = boxes.length ? `${boxes.length}${machine ? `, ${machine} by the machine` : ""}` : "none";
    const all = seen.exhaustive.length === seen.categories.length ? "everything of every class" : `all of ${seen.exhaustive.join(", ")}`;
    $("claim").textContent = seen.exhaustive.length ? `Approve says: ${all} is marked.` : "Approve says: these boxes are right; others may be missing.";
  }

  /** @param {Seen} seen */
  #showClasses({ categories, category, exhaustive, open }) {
    const key = JSON.stringify([categories, category, [...exhaustive].sort(), open]);
    if (key === this.#classes) return;
    this.#classes = key;
    const held = document.activeElement?.closest("#classes li");
    const [at, inside] = [held ? [...$("classes").children].indexOf(held) : -1, document.activeElement?.tagName.toLowerCase() ?? ""];
    $("classes").replaceChildren(...categories.map((name, n) => {
      const tick = /** @type {HTMLInputElement} */ (made("input", { type: "checkbox", value: name, "aria-label": `Every ${name} is marked` }));
      [tick.checked, tick.disabled] = [exhaustive.includes(name), !open];
      const keys = n < 9 ? [made("kbd", {}, String(n + 1))] : [];
      const button = made("button", { type: "button", "data-category": name, "aria-pressed": String(name === category) }, swatch(colourOf(categories, name)), made("span", { class: "name" }, name), ...keys);
      return made("li", {}, button, made("label", { title: `Every ${name} is marked` }, tick, made("span", { "aria-hidden": "true" }, "all")));
    }));
    /** @type {HTMLElement|null} */ ($("classes").children[at]?.querySelector(inside))?.focus();
  }

  /** @param {Seen} seen */
  #showBoxes({ categories, marks, selected }) {
    const known = new Set(marks.map((mark) => mark.id));
    for (const [id, { row }] of this.#rows) if (!known.has(id)) { row.remove(); this.#rows.delete(id); }
    const rows = marks.map((mark) => {
      const before = this.#rows.get(mark.id);
      const row = before?.row ?? made("li", {}, made("button", { type: "button", "data-mark": mark.id }));
      if (before?.mark !== mark) this.#write(/** @type {HTMLElement} */ (row.firstChild), mark, categories);
      this.#rows.set(mark.id, { mark, row });
      const [button, chosen] = [/** @type {HTMLElement} */ (row.firstChild), mark.id === selected];
      if (chosen !== button.hasAttribute("aria-current")) chosen ? button.setAttribute("aria-current", "true") : button.removeAttribute("aria-current");
      if (chosen && before && !button.matches(":hover, :focus")) this.#scrolled(row);
      return row;
    });
    const list = $("boxes");
    if (rows.length !== list.children.length || rows.some((row, n) => row !== list.children[n])) list.replaceChildren(...rows);
  }

  /** Inside its list only: the page stays where it is. @param {HTMLElement} row */
  #scrolled(row) {
    const list = $("boxes");
    if (list.scrollHeight <= list.clientHeight) return;
    if (row.offsetTop < list.scrollTop) list.scrollTop = row.offsetTop;
    else if (row.offsetTop + row.offsetHeight > list.scrollTop + list.clientHeight) list.scrollTop = row.offsetTop + row.offsetHeight - list.clientHeight;
  }

  /** @param {HTMLElement} button @param {Mark} mark @param {string[]} categories */
  #write(button, mark, categories) {
    const [, , w, h] = mark.box.map(Math.round);
    const who = mark.kind === "ignore" ? "ignore" : mark.source === "model" ? `machine${mark.confidence === null ? "" : ` ${Math.round(mark.confidence * 100)}%`}` : "person";
    button.className = mark.source === "model" ? "machine" : "";
    button.setAttribute("aria-label", described(mark, 0, 1).replace("1 of 1: ", ""));
    const colour = mark.kind === "ignore" ? "#8b9aa8" : colourOf(categories, mark.category);
    button.replaceChildren(swatch(colour), made("span", { class: "name" }, mark.category || "region"), made("small", {}, `${w}×${h}`), made("small", { class: "who" }, who));
  }

  /** @param {import("./api.js").Item} item */
  head(item) {
    $("reason").textContent = spelt(item.reason);
    $("where").textContent = [item.camera, item.device, moment(item.t)].filter(Boolean).join(" · ");
  }

  /** @param {import("./sender.js").Told} told @param {boolean} elsewhere somebody was faster on a picture that is not the one shown */
  saved({ state, unsent, said }, elsewhere) {
    $("saved").dataset.state = GOOD.has(state) ? "ok" : state === "offline" || state === "out" ? "degraded" : "failed";
    $("label").dataset.saved = state;
    $("saved-text").textContent = SAVED[state] + (unsent > 1 ? `, ${unsent} unsent` : "");
    this.note("offline", state === "offline" || state === "full", state === "full" ? said : `The trainer does not answer. ${counted(unsent, "picture")} not sent yet, kept in this browser; it is sent as soon as the trainer is back. You can go on.`);
    this.note("out", state === "out");
    this.note("refused", state === "refused", `The trainer did not take it: ${said}. It is kept in this browser.`);
    this.note("elsewhere", elsewhere);
  }

  /** @param {string} id @param {boolean} on @param {string} [text] */
  note(id, on, text) {
    const note = $(id);
    const words = note.querySelector("p");
    if (text !== undefined && words.textContent !== text) words.textContent = text;
    if (note.hidden === on) note.hidden = !on;
  }
}
