// The picture on the page: three canvases one on another, drawn at most once a frame and only where something changed.

import { Hand } from "./gestures.js";
import { drawChosen, drawMarks, drawPicture } from "./paint.js";
import { fitting, panned, showing, zoomed } from "./view.js";

/** @typedef {import("./labels.js").Mark} Mark */
/** @typedef {import("./geometry.js").Size} Size */
/**
 * @typedef {object} Scene what is to be seen
 * @property {Size} size @property {ReadonlyArray<Mark>} marks @property {string|null} selected @property {ReadonlyArray<string>} categories
 * @property {ReadonlyArray<Mark>} theirs @property {"box"|"ignore"|null} armed @property {boolean} open @property {boolean} hidden
 */

const SETTLED_MS = 120; // without a change of the view the picture stands still
const WHEEL = 0.0016; // of a zoom for a pixel of the wheel

export class Stage {
  /** @type {Scene} */
  #scene = { size: { width: 1, height: 1 }, marks: [], selected: null, categories: [], theirs: [], armed: null, open: false, hidden: false };
  /** @type {ReadonlyArray<ImageBitmap>} */
  #levels = [];
  #hand = new Hand();
  /** @type {Record<"picture"|"marks"|"chosen", CanvasRenderingContext2D>} */
  #pens;
  #view = { scale: 1, x: 0, y: 0 };
  #screen = { width: 1, height: 1 };
  #sharp = 1;
  #fits = true; // until the person zooms
  /** @type {{id: string|null, kind: "box"|"ignore", box: import("./geometry.js").Box}|null} */
  #preview = null;
  #dirty = new Set(["picture", "marks", "chosen"]);
  #asked = 0;
  /** @type {[number, number, number, number]} */
  #wet = [0, 0, 0, 0];
  #space = false;
  #moving = 0; // the timer that runs while the picture moves
  /** @type {ReadonlyArray<Mark>} marks that hands are not on */
  #still = [];
  /** @type {(intent: import("./gestures.js").Intent) => void} */
  meant = () => {};
  drawn = { picture: 0, marks: 0, chosen: 0 }; // how often each was, for who looks at what drawing costs

  /** @param {HTMLElement} element with three canvases in it */
  constructor(element) {
    this.element = element;
    const pens = [...element.querySelectorAll("canvas")].map((canvas) => /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")));
    this.#pens = { picture: pens[0], marks: pens[1], chosen: pens[2] };
    new ResizeObserver(() => this.#resize()).observe(element);
    const heard = { pointerdown: "down", pointermove: "move", pointerup: "up", pointercancel: "cancel" };
    for (const [event, deed] of Object.entries(heard)) element.addEventListener(event, (each) => this.#pointer(/** @type {PointerEvent} */ (each), deed));
    element.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    element.addEventListener("contextmenu", (event) => event.preventDefault());
    addEventListener("keydown", (event) => { if (event.key === " ") this.#space = true; });
    addEventListener("keyup", (event) => { if (event.key === " ") this.#space = false; });
    this.#resize();
  }

  #resize() {
    this.#sharp = window.devicePixelRatio || 1;
    this.#screen = { width: this.element.clientWidth || 1, height: this.element.clientHeight || 1 };
    for (const pen of Object.values(this.#pens)) {
      pen.canvas.width = Math.round(this.#screen.width * this.#sharp);
      pen.canvas.height = Math.round(this.#screen.height * this.#sharp);
      pen.setTransform(this.#sharp, 0, 0, this.#sharp, 0, 0);
    }
    this.look(this.#fits ? fitting(this.#scene.size, this.#screen) : this.#view);
  }

  /** Another picture. @param {ReadonlyArray<ImageBitmap>} levels */
  put(levels) {
    this.#levels = levels;
    this.#stain("picture");
  }

  /** @param {Scene} scene */
  show(scene) {
    const before = this.#scene;
    this.#scene = scene;
    if (scene.size.width !== before.size.width || scene.size.height !== before.size.height) {
      this.element.style.setProperty("--ratio", String(scene.size.width / scene.size.height));
      this.fit();
    }
    const still = scene.hidden ? [] : scene.marks.filter((mark) => mark.id !== scene.selected);
    const others = still.length !== this.#still.length || still.some((mark, n) => mark !== this.#still[n]);
    if (others || scene.theirs !== before.theirs || scene.categories !== before.categories) this.#stain("marks");
    this.#still = still;
    this.#stain("chosen");
    this.element.dataset.armed = scene.armed ?? "";
  }

  get view() {
    return this.#view;
  }

  get screen() {
    return this.#screen;
  }

  /** @param {import("./view.js").View} view */
  look(view) {
    this.#view = view;
    this.element.dataset.scale = view.scale.toFixed(4);
    clearTimeout(this.#moving);
    this.#moving = window.setTimeout(() => {
      this.#moving = 0;
      this.#stain("marks");
    }, SETTLED_MS);
    this.#stain("picture", "marks", "chosen");
  }

  fit() {
    this.#fits = true;
    this.look(fitting(this.#scene.size, this.#screen));
  }

  /** Around a mark, or the middle. @param {number} factor @param {Mark} [mark] */
  zoom(factor, mark) {
    this.#fits = false;
    const [x, y] = mark ? [mark.box[0] + mark.box[2] / 2, mark.box[1] + mark.box[3] / 2] : [null, null];
    const px = x === null ? this.#screen.width / 2 : x * this.#view.scale + this.#view.x;
    const py = y === null ? this.#screen.height / 2 : y * this.#view.scale + this.#view.y;
    this.look(zoomed(this.#view, factor, px, py, this.#scene.size, this.#screen));
  }

  /** @param {Mark} mark */
  reveal(mark) {
    const view = showing(this.#view, mark.box, this.#scene.size, this.#screen);
    if (view !== this.#view) this.look(view);
  }

  get #world() {
    const { size, marks, selected, armed, open, hidden } = this.#scene;
    return { view: this.#view, size, screen: this.#screen, marks: hidden ? [] : marks, selected, armed, open };
  }

  /** @param {PointerEvent} event @param {string} deed */
  #pointer(event, deed) {
    const point = { id: event.pointerId, x: event.offsetX, y: event.offsetY, touch: event.pointerType === "touch", pan: event.button === 1 || this.#space };
    if (deed === "down") {
      if (event.button > 1) return;
      this.element.setPointerCapture(event.pointerId);
      event.preventDefault(); // no text is chosen, no middle button scrolls
      this.element.focus({ preventScroll: true });
    }
    if (deed === "move" && !this.#hand.busy) this.element.style.cursor = this.#hand.cursor(point, this.#world);
    const intents = deed === "cancel" ? this.#hand.cancel(point.id) : this.#hand[/** @type {"down"|"move"|"up"} */ (deed)](point, this.#world);
    for (const intent of intents) this.#heard(intent);
  }

  /** @param {import("./gestures.js").Intent} intent */
  #heard(intent) {
    if (intent.do === "view") {
      this.#fits = false;
      this.look(intent.view);
    } else if (intent.do === "preview" || intent.do === "quiet") {
      const held = this.#preview?.id ?? null;
      this.#preview = intent.do === "quiet" ? null : { id: intent.id, kind: intent.kind, box: intent.box };
      if (held !== (this.#preview?.id ?? null)) this.#stain("marks");
      this.#stain("chosen");
    } else this.meant(intent);
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    event.preventDefault();
    this.#fits = false;
    const px = event.deltaMode === 1 ? 16 : 1;
    const { size } = this.#scene;
    if (event.shiftKey) this.look(panned(this.#view, -(event.deltaX || event.deltaY) * px, 0, size, this.#screen));
    else this.look(zoomed(this.#view, Math.exp(-event.deltaY * px * (event.ctrlKey ? 6 : 1) * WHEEL), event.offsetX, event.offsetY, size, this.#screen));
  }

  /** @param {Array<"picture"|"marks"|"chosen">} layers */
  #stain(...layers) {
    for (const layer of layers) this.#dirty.add(layer);
    this.#asked ||= requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#asked = 0;
    const { size, marks, selected, categories, theirs } = this.#scene;
    const dirty = this.#dirty;
    this.#dirty = new Set();
    for (const layer of dirty) this.drawn[layer] += 1;
    if (dirty.has("picture")) drawPicture(this.#pens.picture, this.#levels, this.#view, size, this.#screen, this.#sharp);
    if (dirty.has("marks")) drawMarks(this.#pens.marks, this.#still, this.#view, this.#screen, categories, theirs, this.#moving > 0);
    if (dirty.has("chosen")) this.#drawChosen(marks.find((mark) => mark.id === selected));
  }

  /** @param {Mark|undefined} mark */
  #drawChosen(mark) {
    const [x, y, w, h] = this.#wet;
    this.#pens.chosen.clearRect(x, y, w, h);
    this.#wet = [0, 0, 0, 0];
    const { kind, box, id } = this.#preview ?? { kind: "box", box: null, id: null };
    const fresh = { id: "", kind, box, category: "", source: "person", model: null, confidence: null };
    const shown = box ? (id && mark ? { ...mark, box, source: "person" } : fresh) : this.#scene.hidden ? undefined : mark;
    if (!shown) return;
    this.#wet = drawChosen(this.#pens.chosen, /** @type {Mark} */ (shown), this.#view, this.#screen, this.#scene.categories, !box && this.#scene.open);
  }
}
