// Pictures of items: fetched ahead of the person, decoded beside the page's own work, with smaller copies for drawing them small.

/** @typedef {{url: string, width: number, height: number}} Image */

const AHEAD = 5; // next items whose pictures are fetched
const DECODED = 2; // pictures kept decoded: one of 4000x3000 takes 64 MB
const SMALL_PX = 1400; // no smaller copy of what is as small as a screen

/** Largest first. @param {Blob} blob @returns {Promise<ImageBitmap[]>} */
async function decoded(blob) {
  const levels = [await createImageBitmap(blob)];
  for (let last = levels[0]; last.width > SMALL_PX; last = levels[levels.length - 1]) {
    const [resizeWidth, resizeHeight] = [Math.ceil(last.width / 2), Math.ceil(last.height / 2)];
    levels.push(await createImageBitmap(last, { resizeWidth, resizeHeight, resizeQuality: "medium" }));
  }
  return levels;
}

export class Pictures {
  /** @type {Map<string, Promise<Blob>>} */
  #blobs = new Map();
  /** @type {Map<string, Promise<ImageBitmap[]>>} */
  #levels = new Map();

  /** @param {string} url @returns {Promise<Blob>} */
  #blob(url) {
    const known = this.#blobs.get(url);
    if (known) return known;
    const asked = fetch(url, { credentials: "same-origin" }).then((response) => {
      if (!response.ok) throw new Error(`the trainer answered ${response.status}`);
      return response.blob();
    });
    this.#blobs.set(url, asked);
    asked.catch(() => this.#blobs.delete(url));
    return asked;
  }

  /** @param {string} url @returns {Promise<ImageBitmap[]>} largest first */
  get(url) {
    const known = this.#levels.get(url);
    this.#levels.delete(url);
    const levels = known ?? this.#blob(url).then(decoded);
    this.#levels.set(url, levels); // the newest is last
    levels.catch(() => this.#levels.delete(url));
    const [oldest] = this.#levels.keys();
    if (this.#levels.size > DECODED) this.#close(oldest);
    return levels;
  }

  /** @param {string} url */
  #close(url) {
    const levels = this.#levels.get(url);
    this.#levels.delete(url);
    levels?.then((each) => each.forEach((level) => level.close()), () => {});
  }

  /** What comes next; what is neither next nor shown is let go. @param {Image[]} images @param {string} shown */
  ahead(images, shown) {
    const wanted = images.slice(0, AHEAD).map((image) => image.url);
    for (const url of this.#blobs.keys()) if (url !== shown && !wanted.includes(url)) this.#blobs.delete(url);
    for (const url of wanted) this.#blob(url).catch(() => {}); // it is asked for again when it is shown
    if (wanted[0] && wanted[0] !== shown && !this.#levels.has(wanted[0])) {
      this.get(wanted[0]).catch(() => {});
      if (this.#levels.has(shown)) void this.get(shown); // stays the newest
    }
  }

  /** Of one that was fetched, small. @param {string} url @param {number} width @returns {Promise<ImageBitmap|null>} */
  async small(url, width) {
    const blob = await this.#blobs.get(url)?.catch(() => null);
    return blob ? createImageBitmap(blob, { resizeWidth: width, resizeQuality: "low" }).catch(() => null) : null;
  }
}
