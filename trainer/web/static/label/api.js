// The trainer's REST, as this page needs it. Whatever fails becomes a Refusal with the reason why it failed.

/** @typedef {import("./labels.js").Wire} Wire */
/** @typedef {{version: number, by: string, at: string, draft: Wire|null, state?: string}} Theirs what somebody faster did */
/** @typedef {"offline"|"out"|"faster"|"refused"} Why */
/**
 * @typedef {object} Item
 * @property {string} id @property {string} set @property {{url: string, width: number, height: number}} image
 * @property {string} device @property {string} camera @property {string|number} t @property {string} reason @property {number} probability
 * @property {string} state @property {number} version
 * @property {Wire & {answer: string|null}} [labels] @property {Wire|null} [draft] @property {Array<string|{name: string}>} [categories]
 */

const PATIENCE_MS = 10_000;
const AWAY = new Set([408, 429, 500, 502, 503, 504]); // comes back by itself

export class Refusal extends Error {
  /** @param {Why} why @param {string} message @param {Theirs|null} [theirs] @param {number} [status] */
  constructor(why, message, theirs = null, status = 0) {
    super(message);
    this.why = why;
    this.theirs = theirs;
    this.status = status;
  }
}

/** What the server said, in one line. @param {any} body @param {Response} response */
function words(body, response) {
  const said = body?.detail ?? body?.message ?? body?.error;
  if (typeof said === "string") return said;
  if (Array.isArray(said) && said[0]?.msg) return said.map((each) => `${(each.loc ?? []).slice(1).join(".")}: ${each.msg}`).join("; ");
  return `the trainer answered ${response.status} ${response.statusText}`.trim();
}

export class Api {
  #token;
  #get;
  #fetch;

  /**
   * @param {() => string} token of this session against forged requests
   * @param {() => Promise<boolean>} renewed reads the page again: whether the session is alive and its token known
   * @param {typeof fetch} [fetching]
   */
  constructor(token, renewed, fetching = (...ask) => fetch(...ask)) {
    this.#token = token;
    this.#get = renewed;
    this.#fetch = fetching;
  }

  /** @param {string} path @param {RequestInit} options @returns {Promise<Response>} */
  async #once(path, options) {
    const headers = { Accept: "application/json", "X-CSRF-Token": this.#token(), ...(options.body ? { "Content-Type": "application/json" } : {}), ...options.headers };
    const signal = AbortSignal.timeout(PATIENCE_MS);
    try {
      return await this.#fetch(path, { credentials: "same-origin", redirect: "manual", signal, ...options, headers });
    } catch (error) {
      throw new Refusal("offline", `the trainer does not answer (${/** @type {Error} */ (error).message})`);
    }
  }

  /** @param {string} path @param {RequestInit} [options] @returns {Promise<any>} */
  async ask(path, options = {}) {
    let response = await this.#once(path, options);
    if ((response.status === 401 || response.status === 403) && (await this.#get().catch(() => false))) response = await this.#once(path, options);
    if (response.type === "opaqueredirect" || response.status === 401) throw new Refusal("out", "you are logged out", null, 401);
    if (AWAY.has(response.status)) throw new Refusal("offline", `the trainer answered ${response.status}`, null, response.status);
    let body = null;
    try {
      body = await response.json();
    } catch (error) {
      if (response.ok) throw new Refusal("offline", `the answer broke off (${/** @type {Error} */ (error).message})`);
    }
    if (response.status === 412) throw new Refusal("faster", words(body, response), body?.detail?.version === undefined ? body : body.detail, 412);
    if (!response.ok) throw new Refusal("refused", words(body, response), null, response.status);
    return body;
  }

  /** @param {Record<string, string|number>} filter @returns {Promise<{items: Item[], next: string|null}>} */
  items(filter) {
    const query = new URLSearchParams(Object.entries(filter).filter(([, value]) => value !== "").map(([key, value]) => [key, String(value)]));
    return this.ask(`/api/v1/review/items?${query}`);
  }

  /** @param {string} id @returns {Promise<Item>} */
  item(id) {
    return this.ask(`/api/v1/review/items/${encodeURIComponent(id)}`);
  }

  /** What to begin with, handed to nobody else for a while. @returns {Promise<{next: string|null}>} */
  next() {
    return this.ask("/api/v1/review/next", { method: "POST" });
  }

  stats() {
    return this.ask("/api/v1/review/stats");
  }

  /** @param {string} id @param {number} version @param {Wire & {seconds: number}} body @returns {Promise<{version: number}>} */
  draft(id, version, body) {
    const headers = { "If-Match": `"v${version}"` };
    return this.ask(`/api/v1/review/items/${encodeURIComponent(id)}/draft`, { method: "PUT", headers, body: JSON.stringify(body) });
  }

  /** @param {string} id @param {number} version @param {string} key @param {Wire & {answer: string, seconds: number}} body @returns {Promise<{version: number, next: string|null}>} */
  answer(id, version, key, body) {
    const headers = { "If-Match": `"v${version}"`, "Idempotency-Key": key };
    return this.ask(`/api/v1/review/items/${encodeURIComponent(id)}/answer`, { method: "POST", headers, body: JSON.stringify(body) });
  }

  /** @param {string} id @param {number} version @returns {Promise<{version: number}>} */
  reopen(id, version) {
    return this.ask(`/api/v1/review/items/${encodeURIComponent(id)}/reopen`, { method: "POST", headers: { "If-Match": `"v${version}"` } });
  }
}
