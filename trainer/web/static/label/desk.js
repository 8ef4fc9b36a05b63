// The picture that is worked on: it is opened, changed, kept, answered, and the next one comes.

import { Worked } from "./clock.js";
import { markOf, next, opened } from "./editor.js";
import { sheetOf, wireOf } from "./labels.js";
import { $, counted, described, say, sayLater, spelt } from "./say.js";

/** @typedef {import("./api.js").Item} Item */
/** @typedef {import("./editor.js").Action} Action */
/** @typedef {{api: import("./api.js").Api, queue: import("./queue.js").Queue, pictures: import("./pictures.js").Pictures, stage: import("./stage.js").Stage, panel: import("./panel.js").Panel, strip: import("./strip.js").Strip, sender: import("./sender.js").Sender, writes: boolean, left: () => number|null}} Parts */

const HASTE_MS = 1500; // an answer that takes longer is waited for beside the next picture
const STATES = { boxes: "done", nothing: "done", unsure: "unsure", skip: "skipped" };
const UNTICKED = "vedette.label.unticked"; // classes of which a person did not want to say that all are marked

/** @param {string} set @returns {string[]} */
function unticked(set) {
  try {
    return JSON.parse(localStorage.getItem(`${UNTICKED} ${set}`) ?? "[]");
  } catch {
    return [];
  }
}

export class Desk {
  /** @type {Item|null} */
  item = null;
  state = opened({ marks: [], exhaustive: [] }, { width: 1, height: 1 });
  /** @type {"review"|"box"} */
  mode = "review";
  /** @type {"box"|"ignore"|null} */
  armed = null;
  category = "";
  /** @type {string[]} */
  categories = [];
  /** @type {ReadonlyArray<import("./labels.js").Mark>} */
  theirs = [];
  hidden = false;
  /** @type {string|null} made by keys a moment ago */
  made = null;
  worked = new Worked(() => performance.now());
  #turn = 0;
  #answering = false;
  /** @type {Map<string, string|null>} what the trainer says comes after an item */
  #after = new Map();
  /** @type {(item: Item) => void} */
  shown = () => {};
  listed = () => {};

  /** @param {Parts} parts */
  constructor(parts) {
    this.parts = parts;
    parts.sender.arrived = (id, version, after) => this.#arrived(id, version, after);
  }

  /** Whether anything may be changed here. */
  get open() {
    const { item, parts } = this;
    return item !== null && parts.writes && item.state === "open" && !this.#answering && !parts.sender.work(item.id)?.answer;
  }

  /** @param {string} id */
  async show(id) {
    const turn = (this.#turn += 1);
    this.worked.away();
    const item = await this.parts.queue.item(id).catch((refusal) => this.#absent(id, turn, refusal));
    if (!item || turn !== this.#turn) return;
    this.#begin(item);
    const levels = await this.parts.pictures.get(item.image.url).catch((error) => /** @type {Error} */ (error));
    if (turn !== this.#turn) return;
    if (levels instanceof Error) return void this.#absent(id, turn, levels);
    this.parts.stage.put(levels);
    this.worked = new Worked(() => performance.now());
    $("notice").hidden = true;
    $("label").dataset.state = "ready";
    this.parts.queue.ahead(this.parts.queue.waiting(id));
    this.parts.pictures.ahead(this.parts.queue.waiting(id).map((each) => each.image), item.image.url);
    this.listed();
  }

  /** @param {string} id @param {number} turn @param {any} refusal @returns {null} */
  #absent(id, turn, refusal) {
    if (turn !== this.#turn) return null;
    const away = refusal.why === "offline" || refusal.why === "out" || refusal instanceof TypeError;
    this.notice(away ? "The trainer does not answer; this picture comes when it is back." : `This picture cannot be shown: ${refusal.message}`);
    $("label").dataset.state = "absent";
    if (away) setTimeout(() => { if (turn === this.#turn) void this.show(id); }, 2000);
    return null;
  }

  /** @param {string} text */
  notice(text) {
    $("notice").hidden = false;
    $("notice").textContent = text;
    say(text);
  }

  /** @param {Item} item */
  #begin(item) {
    const work = this.parts.sender.work(item.id);
    const said = work?.labels ?? item.draft ?? item.labels ?? { boxes: [], exhaustive_for: [], ignore: [] };
    this.categories = (item.categories ?? []).map((each) => (typeof each === "string" ? each : each.name));
    let sheet = sheetOf(said, item.image);
    const untouched = !work && !item.draft && (item.labels?.answer ?? null) === null;
    if (untouched && !sheet.exhaustive.length) sheet = { ...sheet, exhaustive: this.categories.filter((name) => !unticked(item.set).includes(name)) };
    this.item = item;
    this.state = opened(sheet, item.image);
    [this.theirs, this.mode, this.armed, this.made] = [[], "review", null, null];
    if (!this.categories.includes(this.category)) this.category = this.categories[0] ?? "";
    this.parts.stage.put([]);
    this.notice("Loading the picture");
    $("label").dataset.item = item.id;
    $("label").dataset.state = "loading";
    this.parts.stage.fit();
    this.parts.panel.head(item);
    this.shown(item);
    this.draw();
    const boxes = counted(sheet.marks.filter((mark) => mark.kind === "box").length, "box", "boxes");
    say(`${spelt(item.reason)}, ${item.camera}, ${boxes}. ${work ? "What you had not sent is here again." : ""}`);
  }

  /** @param {Action} action @returns {boolean} whether it changed anything */
  do(action) {
    if (action.act !== "select" && !this.open) {
      say(this.parts.writes ? "This picture is answered; open it again to change it" : "You may look, and not change anything");
      return false;
    }
    const before = this.state;
    this.state = next(before, action);
    if (this.state === before) return false;
    if (this.state.sheet !== before.sheet) this.#keep();
    if (this.state.selected !== before.selected || action.run) sayLater(() => this.described);
    this.draw();
    return true;
  }

  /** Of what was chosen. */
  get described() {
    const marks = this.state.sheet.marks;
    const at = marks.findIndex((mark) => mark.id === this.state.selected);
    return at < 0 ? "Nothing chosen" : described(marks[at], at, marks.length);
  }

  #keep() {
    const { item, state, parts, worked } = this;
    if (item) parts.sender.edit(item.id, item.version, wireOf(state.sheet), worked.seconds);
  }

  /** @param {string} category @param {boolean} on */
  tick(category, on) {
    const set = this.item?.set ?? "";
    const others = unticked(set).filter((name) => name !== category);
    localStorage.setItem(`${UNTICKED} ${set}`, JSON.stringify(on ? others : [...others, category]));
    this.do({ act: "exhaustive", category, on });
  }

  /** Everything that is to be seen, as it is now. */
  draw() {
    const { state, item, parts, categories, category, theirs, armed, hidden, open } = this;
    const { marks, exhaustive } = state.sheet;
    parts.stage.show({ size: state.size, marks, selected: state.selected, categories, theirs, armed, open, hidden });
    parts.panel.show({ categories, category: markOf(state)?.category || category, exhaustive, marks, selected: state.selected, open });
    $("label").dataset.mode = this.mode;
    $("label").dataset.marks = String(marks.length);
    $("stage").setAttribute("aria-label", item ? `${item.camera}: ${counted(marks.length, "mark")}` : "No picture");
    for (const button of document.querySelectorAll("[data-act=approve], [data-act=nothing], [data-act=unsure], [data-act=skip], .tools [data-act=newBox], .tools [data-act=newIgnore], [data-act=copy]")) /** @type {HTMLButtonElement} */ (button).disabled = !open;
    $("label").querySelector("[data-act=remove]").disabled = !open || !state.selected;
    $("label").querySelector("[data-act=undo]").disabled = !open || !state.past.length;
    $("label").querySelector("[data-act=redo]").disabled = !open || !state.future.length;
    for (const [act, on] of Object.entries({ newBox: armed === "box", newIgnore: armed === "ignore", hide: hidden })) $("label").querySelector(`[data-act=${act}]`).setAttribute("aria-pressed", String(on));
    const answered = item !== null && (item.state !== "open" || Boolean(parts.sender.work(item.id)?.answer));
    const waits = answered && item?.state === "open";
    parts.panel.note("closed", answered && !this.#answering, waits ? "Your answer waits to be sent." : `This picture is ${item?.state}.`);
    $("closed").querySelector("button").hidden = waits || !parts.writes;
  }

  /** @param {"boxes"|"nothing"|"unsure"|"skip"} answer */
  async answer(answer) {
    const { item } = this;
    if (!item || !this.open || this.parts.sender.theirs(item.id)) return;
    const people = this.state.sheet.marks.filter((mark) => mark.kind === "box" && mark.source === "person").length;
    if (answer === "nothing" && people) return this.hint(`There ${people === 1 ? "is a box" : `are ${people} boxes`} of a person here: delete, or approve.`);
    if (answer === "boxes") this.state = next(this.state, { act: "acceptAll" });
    if (answer === "nothing") this.state = next(this.state, { act: "clear" });
    if (answer === "boxes" && !wireOf(this.state.sheet).boxes.length) return this.hint("There is no box to approve: say that nothing is here, or draw one.");
    this.worked.away();
    this.#answering = true;
    this.draw();
    const wire = wireOf(this.state.sheet);
    if (answer === "nothing" && !wire.exhaustive_for.length) wire.exhaustive_for = this.categories;
    const sent = this.parts.sender.answer(item.id, item.version, wire, this.worked.seconds, answer);
    await Promise.race([sent, new Promise((done) => setTimeout(done, HASTE_MS))]);
    this.#answering = false;
    this.worked.alive();
    if (this.parts.sender.theirs(item.id) || this.parts.sender.refused(item.id)) return this.draw();
    this.parts.queue.know({ ...item, version: this.item?.version ?? item.version, state: STATES[answer] });
    await this.#go(item.id);
  }

  /** To what the trainer says is worth most now; where only some are looked at, to the next of those. @param {string} id */
  async #go(id) {
    const { queue } = this.parts;
    const whole = queue.filter.state === "open" && !queue.filter.reason && !queue.filter.set;
    if (!queue.waiting(id).length) await queue.load().catch(() => {});
    const waiting = queue.waiting(id).map((item) => item.id).filter((each) => each !== id && !this.parts.sender.work(each)?.answer);
    const told = whole ? this.#after.get(id) : undefined;
    const onward = told ?? waiting[0] ?? null;
    this.#after.clear();
    if (onward) {
      await this.show(onward);
      return this.parts.strip.tell(this.parts.left());
    }
    this.draw();
    this.notice("That was the last one: nothing is left to do.");
    $("label").dataset.state = "empty";
  }

  /** @param {string} id @param {number} version @param {string|null|undefined} after */
  #arrived(id, version, after) {
    if (after !== undefined) this.#after.set(id, after);
    if (this.item?.id === id) this.item = { ...this.item, version };
  }

  /** Something cannot be done: said aloud and shown for a while. @param {string} text */
  hint(text) {
    say(text);
    $("hint").textContent = text;
    $("hint").hidden = false;
    clearTimeout(this.#hinted);
    this.#hinted = window.setTimeout(() => { $("hint").hidden = true; }, 5000);
    this.draw();
  }

  #hinted = 0;
}
