// Work that the trainer has not acknowledged yet, kept in this browser: written before anything is sent, taken away when it has arrived.

/** @typedef {import("./labels.js").Wire} Wire */
/**
 * @typedef {object} Work
 * @property {string} item @property {number} version of the item that the work began from
 * @property {Wire} labels as they are now @property {string[]} sent prints of what was sent and perhaps arrived
 * @property {{answer: string, key: string}|null} answer given, not yet acknowledged
 * @property {number} seconds that the trainer does not know yet @property {number} at wall clock, milliseconds
 */

const PREFIX = "vedette.label.work";

export class Shelf {
  #store;
  #owner;
  #tab;

  /** @param {Storage} store @param {string} owner name of the person @param {string} tab this one's name */
  constructor(store, owner, tab) {
    this.#store = store;
    this.#owner = owner;
    this.#tab = tab;
  }

  /** @param {string} item @param {string} [tab] */
  #key(item, tab = this.#tab) {
    return [PREFIX, this.#owner, tab, item].map(encodeURIComponent).join(" ");
  }

  /** @param {Work} work throws when the browser keeps nothing */
  put(work) {
    this.#store.setItem(this.#key(work.item), JSON.stringify(work));
  }

  /** @param {string} item */
  drop(item) {
    this.#store.removeItem(this.#key(item));
  }

  /** Keys of this person's work, of any tab. @returns {Array<{key: string, tab: string, item: string}>} */
  #keys() {
    const found = [];
    for (let n = 0; n < this.#store.length; n += 1) {
      const key = /** @type {string} */ (this.#store.key(n));
      const [prefix, owner, tab, item] = key.split(" ").map(decodeURIComponent);
      if (prefix === PREFIX && owner === this.#owner && item !== undefined) found.push({ key, tab, item });
    }
    return found;
  }

  /** @param {string} key @returns {Work|null} */
  #read(key) {
    try {
      const work = JSON.parse(this.#store.getItem(key) ?? "null");
      return work && Array.isArray(work.labels?.boxes) && Array.isArray(work.sent) && Number.isFinite(work.version) ? work : null;
    } catch {
      return null; // not ours after all
    }
  }

  /**
   * What lies here, oldest first: of this tab, and of tabs that are gone, which become this tab's own.
   * @param {Set<string>} living names of other tabs that still work on theirs @returns {Work[]}
   */
  all(living) {
    /** @type {Map<string, Work>} */
    const works = new Map();
    for (const { key, tab, item } of this.#keys()) {
      const work = tab === this.#tab || !living.has(tab) ? this.#read(key) : null;
      if (!work) continue;
      const known = works.get(item);
      if (!known || known.at < work.at) works.set(item, work);
    }
    for (const work of works.values()) this.put(work);
    for (const { key, tab, item } of this.#keys()) {
      if (tab !== this.#tab && !living.has(tab) && works.has(item)) this.#store.removeItem(key);
    }
    return [...works.values()].sort((a, b) => a.at - b.at);
  }
}

/** A name for this tab, the same after a reload, and which others live. @returns {Promise<{tab: string, living: () => Promise<Set<string>>}>} */
export async function tabName() {
  const fresh = () => Math.random().toString(36).slice(2, 10);
  const held = (/** @type {string} */ name) => new Promise((done) => {
    navigator.locks.request(`${PREFIX} ${name}`, { ifAvailable: true }, (lock) => {
      done(lock !== null);
      return lock ? new Promise(() => {}) : undefined; // for as long as the tab lives
    });
  });
  let tab = sessionStorage.getItem(PREFIX) ?? fresh();
  if (!navigator.locks) return { tab, living: async () => new Set() }; // a page without TLS on another host
  if (!(await held(tab))) { // a tab that was doubled has the other's name
    tab = fresh();
    await held(tab);
  }
  sessionStorage.setItem(PREFIX, tab);
  const names = async () => ((await navigator.locks.query()).held ?? []).map((lock) => (lock.name ?? "").split(" ")[1] ?? "");
  return { tab, living: async () => new Set((await names()).filter((name) => name !== tab)) };
}
