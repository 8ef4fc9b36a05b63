// Seconds that a person worked on a picture: only while the page is seen and something is done now and then.

const IDLE_MS = 30_000; // without a sign of life nobody is counted as working

export class Worked {
  #now;
  #sum = 0;
  /** @type {number|null} */
  #last = null; // the sign of life before

  /** @param {() => number} now milliseconds that only grow @param {number} [seconds] worked before */
  constructor(now, seconds = 0) {
    this.#now = now;
    this.#sum = seconds * 1000;
    this.#last = now();
  }

  /** Key, pointer, or the picture has come. */
  alive() {
    const now = this.#now();
    if (this.#last !== null) this.#sum += Math.min(now - this.#last, IDLE_MS);
    this.#last = now;
  }

  /** The page is not seen any more. */
  away() {
    if (this.#last === null) return;
    this.alive();
    this.#last = null;
  }

  /** @returns {number} with a tenth */
  get seconds() {
    const open = this.#last === null ? 0 : Math.min(this.#now() - this.#last, IDLE_MS);
    return Math.round((this.#sum + open) / 100) / 10;
  }
}
