// Brings work to the trainer: drafts a moment after the last change, answers at once, again and again until they are acknowledged.

import { fresh, print } from "./labels.js";
import { Refusal } from "./api.js";

/** @typedef {import("./labels.js").Wire} Wire */
/** @typedef {import("./shelf.js").Work} Work */
/** @typedef {import("./api.js").Theirs} Theirs */
/** @typedef {{state: "saved"|"waiting"|"sending"|"offline"|"out"|"faster"|"refused"|"full", unsent: number, said: string}} Told */
/** @typedef {{now: () => number, later: (act: () => void, ms: number) => any, forget: (timer: any) => void}} Clock */

const QUIET_MS = 600; // after the last change
const MOST_SENT = 64;
const AGAIN_MS = [1000, 2000, 4000, 8000, 15_000];

/** The same work on top of another version. @param {Work} work @param {number} version @returns {Work} */
const again = (work, version) => ({ ...work, version, sent: [], answer: work.answer && { ...work.answer, key: fresh() } });

export class Sender {
  #api;
  #shelf;
  #clock;
  #told;
  /** @type {Map<string, Work>} */
  #works = new Map();
  /** @type {Map<string, Theirs>} items on which somebody was faster, until the person has chosen */
  #faster = new Map();
  /** @type {Map<string, string>} items that the trainer refuses, and why */
  #refused = new Map();
  /** @type {any} */
  #timer = null;
  /** @type {Promise<void>|null} */
  #running = null;
  /** @type {Map<string, number>} seconds of an item that the trainer has */
  #paid = new Map();
  #failures = 0;
  /** @type {Told["state"]} */
  #trouble = "saved";
  #said = "";
  /** @type {(item: string, version: number, next: string|null|undefined) => void} */
  arrived = () => {};

  /** @param {import("./api.js").Api} api @param {import("./shelf.js").Shelf} shelf @param {Clock} clock @param {(told: Told) => void} told */
  constructor(api, shelf, clock, told) {
    this.#api = api;
    this.#shelf = shelf;
    this.#clock = clock;
    this.#told = told;
  }

  /** What was left by an earlier life of the page. @param {Work[]} works */
  take(works) {
    for (const work of works) {
      this.#works.set(work.item, work);
      this.#paid.set(work.item, -work.seconds); // a new life counts from nothing; these come on top
    }
    if (works.length) this.#soon(0);
    this.#tell();
  }

  /** @param {string} item */
  work(item) {
    return this.#works.get(item) ?? null;
  }

  /** @param {string} item */
  theirs(item) {
    return this.#faster.get(item) ?? null;
  }

  /** Why the trainer does not take it. @param {string} item */
  refused(item) {
    return this.#refused.get(item) ?? null;
  }

  get unsent() {
    return this.#works.size;
  }

  /** Items on which somebody was faster. */
  get contested() {
    return [...this.#faster.keys()];
  }

  /** @param {string} item @param {number} version @param {Wire} labels @param {number} seconds worked on it since it was opened here */
  edit(item, version, labels, seconds) {
    this.#keep(item, version, labels, seconds, null);
    if (this.#trouble !== "offline") this.#soon(QUIET_MS);
  }

  /** Acknowledged: its version and the next item; else why not. @param {string} item @param {number} version @param {Wire} labels @param {number} seconds @param {string} answer */
  async answer(item, version, labels, seconds, answer) {
    this.#keep(item, version, labels, seconds, { answer, key: fresh() });
    return this.flush();
  }

  /** @param {string} item @param {number} version @param {Wire} labels @param {number} seconds @param {Work["answer"]} answer */
  #keep(item, version, labels, seconds, answer) {
    const before = this.#works.get(item);
    const unpaid = Math.max(0, Math.round((seconds - (this.#paid.get(item) ?? 0)) * 10) / 10);
    this.#refused.delete(item);
    this.#write({ item, version: before?.version ?? version, labels, sent: before?.sent ?? [], answer, seconds: unpaid, at: this.#clock.now() });
    this.#tell();
  }

  /** In this browser, before anywhere else. @param {Work} work */
  #write(work) {
    this.#works.set(work.item, work);
    try {
      this.#shelf.put(work);
      if (this.#trouble === "full") this.#trouble = "saved";
    } catch (error) {
      this.#trouble = "full";
      this.#said = `this browser keeps nothing (${/** @type {Error} */ (error).message}): do not close the page before it says "saved"`;
    }
  }

  /** The person has read what the other did. Mine: it is sent on top of `version`. Theirs: mine goes. @param {string} item @param {"mine"|"theirs"} whose @param {number} version */
  settle(item, whose, version) {
    const theirs = this.#faster.get(item);
    const work = this.#works.get(item);
    this.#faster.delete(item);
    if (!theirs || !work) return;
    if (whose === "mine") this.#write(again(work, version));
    else this.#gone(item);
    this.#tell();
    this.#soon(0);
  }

  /** @param {string} item */
  #gone(item) {
    this.#works.delete(item);
    this.#shelf.drop(item);
  }

  /** The person asks for it. */
  retry() {
    this.#refused.clear();
    this.#failures = 0;
    return this.flush();
  }

  /** @param {number} ms */
  #soon(ms) {
    this.#clock.forget(this.#timer);
    this.#timer = this.#clock.later(() => void this.flush(), ms);
  }

  /** Now: everything that may be sent, in the order in which it was done. @returns {Promise<void>} */
  async flush() {
    this.#clock.forget(this.#timer);
    while (this.#running) await this.#running;
    this.#running = this.#all().finally(() => { this.#running = null; });
    return this.#running;
  }

  async #all() {
    for (;;) {
      const work = [...this.#works.values()].find(({ item }) => !this.#faster.has(item) && !this.#refused.has(item));
      if (!work) break;
      this.#tell("sending");
      if (!(await this.#one(work))) return;
    }
    this.#trouble = this.#trouble === "full" && this.#works.size ? "full" : "saved";
    this.#tell();
  }

  /** @param {Work} work @returns {Promise<boolean>} whether to go on with the next */
  async #one(work) {
    const body = { ...work.labels, seconds: work.seconds };
    const trying = { ...work, sent: [...new Set([...work.sent, print(work.labels)])].slice(-MOST_SENT) };
    this.#write(trying);
    try {
      const got = work.answer
        ? await this.#api.answer(work.item, work.version, work.answer.key, { ...body, answer: work.answer.answer })
        : await this.#api.draft(work.item, work.version, body);
      this.#failures = 0;
      this.#acknowledged(trying, got.version, work.answer ? /** @type {any} */ (got).next : undefined);
      return true;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return this.#failed(trying, error);
    }
  }

  /** @param {Work} work @param {number} version @param {string|null|undefined} next */
  #acknowledged(work, version, next) {
    const now = this.#works.get(work.item);
    this.#paid.set(work.item, (this.#paid.get(work.item) ?? 0) + work.seconds);
    if (now && now !== work) this.#write({ ...now, version, sent: [], seconds: Math.max(0, now.seconds - work.seconds) }); // it went on meanwhile
    else this.#gone(work.item);
    this.arrived(work.item, version, next);
  }

  /** @param {Work} work @param {Refusal} error @returns {boolean} */
  #failed(work, error) {
    const theirs = error.theirs;
    if (error.why === "faster" && theirs) {
      const now = this.#works.get(work.item) ?? work;
      if (!work.sent.includes(print(theirs.draft))) this.#faster.set(work.item, theirs);
      else if (now.answer || print(now.labels) !== print(theirs.draft)) this.#write(again(now, theirs.version)); // it was I, and the answer was lost
      else this.#acknowledged(now, theirs.version, undefined);
      return true;
    }
    if (error.why === "refused" || error.why === "faster") {
      this.#refused.set(work.item, error.message);
      return true;
    }
    this.#trouble = /** @type {Told["state"]} */ (error.why);
    this.#said = error.message;
    this.#soon(AGAIN_MS[Math.min(this.#failures, AGAIN_MS.length - 1)]);
    this.#failures += 1;
    this.#tell();
    return false;
  }

  /** @param {Told["state"]} [doing] */
  #tell(doing) {
    const unsent = this.#works.size;
    const [faster] = this.#faster.keys();
    const [refused] = this.#refused.values();
    const trouble = this.#trouble !== "saved" ? this.#trouble : faster ? "faster" : refused ? "refused" : null;
    const said = this.#trouble !== "saved" ? this.#said : refused ?? "";
    this.#told({ state: trouble && doing !== "sending" ? trouble : trouble ?? doing ?? (unsent ? "waiting" : "saved"), unsent, said });
  }
}
