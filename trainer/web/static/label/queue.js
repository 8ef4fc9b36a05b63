// The queue as this page knows it: the items asked for, where we are among them, and what is known of those ahead.

/** @typedef {import("./api.js").Item} Item */
/** @typedef {{state: string, reason: string, set: string}} Filter */

const PAGE = 50;
const AHEAD = 5;

export class Queue {
  #api;
  /** @type {Item[]} */
  items = [];
  /** @type {string|null} */
  #cursor = null;
  /** @type {Map<string, Item>} whole items that were read ahead */
  #read = new Map();

  /** @param {import("./api.js").Api} api @param {Filter} filter */
  constructor(api, filter) {
    this.#api = api;
    this.filter = filter;
  }

  async load() {
    const page = await this.#api.items({ ...this.filter, limit: PAGE });
    [this.items, this.#cursor] = [page.items, page.next];
  }

  /** @returns {Promise<boolean>} whether there was more */
  async more() {
    if (this.#cursor === null) return false;
    const page = await this.#api.items({ ...this.filter, limit: PAGE, after: this.#cursor });
    const known = new Set(this.items.map((item) => item.id));
    this.items = [...this.items, ...page.items.filter((item) => !known.has(item.id))];
    this.#cursor = page.next;
    return page.items.length > 0;
  }

  /** Whether all that is asked for is known. */
  get whole() {
    return this.#cursor === null;
  }

  /** @param {string} id */
  at(id) {
    return this.items.findIndex((item) => item.id === id);
  }

  /** @param {Item} item as it is now */
  know(item) {
    const at = this.at(item.id);
    if (at >= 0) this.items = this.items.with(at, { ...this.items[at], state: item.state, version: item.version });
  }

  /** The item so many places on; at the end of what is known, more is asked for. @param {string} id @param {number} by @returns {Promise<string|null>} */
  async beside(id, by) {
    const wanted = this.at(id) + by;
    while (wanted >= this.items.length) if (!(await this.more().catch(() => false))) break;
    if (!this.items.length) return null;
    return this.items[Math.min(Math.max(wanted, 0), this.items.length - 1)].id;
  }

  /** Items after this one that wait for an answer, then those before it. @param {string} id @returns {Item[]} */
  waiting(id) {
    const at = this.at(id);
    return [...this.items.slice(at + 1), ...this.items.slice(0, Math.max(at, 0))].filter((item) => item.state === this.filter.state);
  }

  /** Read whole, for when the trainer goes away. @param {Item[]} items */
  ahead(items) {
    for (const { id } of items.slice(0, AHEAD)) {
      if (this.#read.has(id)) continue;
      this.#api.item(id).then((item) => this.#read.set(id, item), () => {});
    }
  }

  /** As the trainer has it; without the trainer, as it was read ahead. @param {string} id @returns {Promise<Item>} */
  async item(id) {
    try {
      const item = await this.#api.item(id);
      this.#read.set(id, item);
      while (this.#read.size > 4 * AHEAD) this.#read.delete(/** @type {string} */ (this.#read.keys().next().value));
      this.know(item);
      return item;
    } catch (error) {
      const known = this.#read.get(id);
      if (known && /** @type {import("./api.js").Refusal} */ (error).why === "offline") return known;
      throw error;
    }
  }
}
