// The sheet of keys, written from the table of keys; each key can be changed there.

import { mapped, named, readable, rebound } from "./keys.js";
import { $, made, say } from "./say.js";

const KEPT = "vedette.label.keys";
const MODES = /** @type {const} */ (["review", "box"]);
const ALONE = new Set(["control", "shift", "alt", "meta", "altgraph", "capslock", "dead", "process", "tab", "ctrl+control", "shift+shift", "alt+alt"]);

export class Keys {
  /** @type {Record<string, string[]>} a person's own */
  #own = {};
  /** @type {{mode: "review"|"box", act: string, at: number}|null} that waits for its new key */
  #waits = null;
  rows = mapped({});

  constructor() {
    try {
      this.#take(JSON.parse(localStorage.getItem(KEPT) ?? "{}"));
    } catch {
      localStorage.removeItem(KEPT);
    }
    $("keys").addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.#pressed(event), true);
    $("keys").addEventListener("close", () => { this.#waits = null; });
    $("keys-default").addEventListener("click", () => {
      this.#take({});
      localStorage.removeItem(KEPT);
      this.#write();
      say("Keys as they were");
    });
  }

  /** @param {Record<string, string[]>} own */
  #take(own) {
    this.#own = own && typeof own === "object" ? own : {};
    this.rows = mapped(this.#own);
    this.hint();
  }

  /** The first key of each action, on the buttons that do it. */
  hint() {
    for (const row of this.rows) {
      const key = row.review[0] ?? row.box[0];
      for (const button of document.querySelectorAll(`[data-act="${row.act}"]`)) {
        const kbd = button.querySelector("kbd");
        if (kbd) kbd.textContent = key ? readable(key) : "";
        button.setAttribute("title", `${row.say}${key ? ` (${readable(key)})` : ""}`);
      }
    }
  }

  open() {
    this.#write();
    $("keys").showModal();
  }

  #write() {
    const rows = this.rows.map((row) => made("tr", {}, made("th", { scope: "row" }, row.say), ...MODES.map((mode) => made("td", {}, ...this.#cells(row, mode)))));
    $("keys-rows").replaceChildren(...rows);
  }

  /** @param {import("./keys.js").Row} row @param {"review"|"box"} mode */
  #cells(row, mode) {
    const cells = row[mode].map((key, at) => this.#button(row, mode, at, readable(key)));
    return cells.length ? cells : [this.#button(row, mode, 0, "–")];
  }

  /** @param {import("./keys.js").Row} row @param {"review"|"box"} mode @param {number} at @param {string} text */
  #button(row, mode, at, text) {
    const button = made("button", { type: "button", class: "key", "aria-label": `${row.say}: ${text}; change this key` }, text);
    button.addEventListener("click", () => {
      for (const other of document.querySelectorAll("#keys .waits")) other.classList.remove("waits");
      button.classList.add("waits");
      this.#waits = { mode, act: row.act, at };
      say(`Press the new key for: ${row.say}`);
    });
    return button;
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (!this.#waits) return;
    const key = named(event);
    if (ALONE.has(key) || ALONE.has(event.key.toLowerCase())) return;
    event.preventDefault();
    event.stopPropagation();
    const { mode, act, at } = this.#waits;
    this.#waits = null;
    if (event.key !== "Escape") {
      this.#take(rebound(this.#own, mode, act, at, key));
      localStorage.setItem(KEPT, JSON.stringify(this.#own));
      say(`${readable(key)} it is`);
    }
    this.#write();
    /** @type {HTMLElement|null} */ ($("keys-rows").querySelectorAll("tr")[this.rows.findIndex((row) => row.act === act)]?.querySelectorAll("td")[MODES.indexOf(mode)]?.querySelector("button"))?.focus();
  }
}
