// Somebody was faster: the person is told who, sees both, and chooses; whichever is chosen, the other stays with the trainer.

import { next } from "./editor.js";
import { both, sheetOf } from "./labels.js";
import { $, counted, moment, say } from "./say.js";

/** @typedef {import("./desk.js").Desk} Desk */
/** @typedef {import("./api.js").Theirs} Theirs */

/** @param {Theirs} theirs */
const who = (theirs) => theirs.by || "Somebody";

/** What one sees of a mark. @param {import("./labels.js").Mark} mark */
const looks = (mark) => `${mark.kind} ${mark.category} ${mark.box}`;

/** Once for each time that somebody was faster. */
export class Contest {
  #told = "";

  /** @param {Desk} desk */
  constructor(desk) {
    this.desk = desk;
    $("faster").addEventListener("cancel", (/** @type {Event} */ event) => {
      event.preventDefault();
      this.seeBoth();
    });
  }

  get #theirs() {
    const { item, parts } = this.desk;
    return item ? parts.sender.theirs(item.id) : null;
  }

  /** After every word of the sender and every picture that is opened. */
  look() {
    const theirs = this.#theirs;
    const key = theirs ? `${this.desk.item?.id} ${theirs.version}` : "";
    if (!theirs) {
      if ($("faster").open) $("faster").close();
      this.desk.parts.panel.note("both", false);
    }
    if (key === this.#told) return;
    this.#told = key;
    if (theirs) this.#ask(theirs);
  }

  /** @param {Theirs} theirs */
  #ask(theirs) {
    const mine = this.desk.state.sheet.marks.filter((mark) => mark.kind === "box").length;
    $("faster-title").textContent = `${who(theirs)} was faster`;
    $("faster-text").textContent = `While you worked on this picture, ${who(theirs)} changed it (${moment(theirs.at)}). Theirs has ${counted(theirs.draft?.boxes.length ?? 0, "box", "boxes")}, yours ${mine}.`;
    if (!$("faster").open) $("faster").showModal();
    say($("faster-text").textContent);
  }

  seeBoth() {
    const theirs = this.#theirs;
    $("faster").close();
    if (!theirs?.draft) return;
    const mine = new Set(this.desk.state.sheet.marks.map(looks));
    this.desk.theirs = sheetOf(theirs.draft, this.desk.state.size).marks.filter((mark) => !mine.has(looks(mark)));
    this.desk.parts.panel.note("both", true, `You see both: what ${who(theirs)} has and you have not is dotted in magenta. Nothing is sent until you choose.`);
    this.desk.draw();
    /** @type {HTMLElement} */ ($("both").querySelector("button")).focus();
  }

  /** The item as it is now, opened again where somebody has answered it. @param {Theirs} theirs @returns {Promise<number>} the version to build on */
  async #ground(theirs) {
    const { desk } = this;
    const item = await desk.parts.api.item(/** @type {any} */ (desk.item).id);
    if (item.state === "open") return item.version;
    const { version } = await desk.parts.api.reopen(item.id, item.version);
    return version;
  }

  /** @param {"mine"|"both"} whose */
  async keep(whose) {
    const [theirs, { desk }, id] = [this.#theirs, this, this.desk.item?.id];
    if (!theirs || !id) return;
    const version = await this.#ground(theirs).catch((error) => desk.hint(`${error.message}; yours is kept in this browser, choose again in a moment.`));
    if (version === undefined || desk.item?.id !== id) return;
    desk.item = { ...desk.item, version, state: "open" };
    desk.parts.sender.settle(id, "mine", version);
    this.#close();
    if (whose === "both" && theirs.draft) desk.do({ act: "replace", sheet: both(desk.state.sheet, sheetOf(theirs.draft, desk.state.size)) });
    say(whose === "both" ? "All marks of both are kept" : "Yours is kept");
  }

  /** Theirs comes into the editor as a step that can be undone. */
  async take() {
    const [theirs, { desk }, id] = [this.#theirs, this, this.desk.item?.id];
    if (!theirs || !id) return;
    const item = await desk.parts.queue.item(id).catch(() => null);
    if (desk.item?.id !== id) return;
    const said = item?.draft ?? (item?.version === theirs.version ? item.labels : null) ?? theirs.draft ?? { boxes: [], exhaustive_for: [], ignore: [] };
    desk.item = item ?? { ...desk.item, version: theirs.version };
    desk.state = next(desk.state, { act: "replace", sheet: sheetOf(said, desk.state.size), said: "their boxes" });
    desk.parts.sender.settle(id, "theirs", theirs.version);
    this.#close();
    say(`You have ${who(theirs)}'s boxes; undo brings yours back`);
  }

  #close() {
    this.desk.theirs = [];
    $("faster").close();
    this.desk.parts.panel.note("both", false);
    this.desk.draw();
    $("stage").focus({ preventScroll: true });
  }
}
