// What fingers and mouse mean: points come in, intents come out. No page and no canvas in it.

import { between, handleAt, holds, moved, resized, under } from "./geometry.js";
import { panned, toPicture, zoomed } from "./view.js";

/** @typedef {{id: number, x: number, y: number, touch: boolean, pan: boolean}} Point in CSS pixels of the canvas; `pan`: middle button or space */
/**
 * @typedef {object} World what the hand meets
 * @property {import("./view.js").View} view @property {import("./geometry.js").Size} size @property {import("./geometry.js").Size} screen
 * @property {ReadonlyArray<import("./labels.js").Mark>} marks @property {string|null} selected
 * @property {"box"|"ignore"|null} armed the next drag draws this, wherever it begins
 * @property {boolean} open whether anything may be changed
 */
/** @typedef {{do: "preview"|"add"|"place"|"select"|"view"|"quiet", [key: string]: any}} Intent */
/** @typedef {(point: Point, world: World) => Intent[]} Drag */

const STILL_PX = { mouse: 4, touch: 9 }; // less is a click
const REACH_PX = { mouse: 7, touch: 18 }; // around a handle

/** @param {Point} point */
const reachOf = (point) => (point.touch ? REACH_PX.touch : REACH_PX.mouse);

export class Hand {
  /** @type {Map<number, Point>} */
  #points = new Map();
  /** @type {Point|null} */
  #began = null;
  #dragging = false;
  /** @type {"none"|"draw"|"place"|"pan"|"pinch"|"over"} */
  #kind = "none";
  #handle = "";

  get busy() {
    return this.#points.size > 0;
  }

  /** @param {Point} point @param {World} world @returns {Intent[]} */
  down(point, world) {
    this.#points.set(point.id, point);
    if (this.#points.size > 2) return [];
    if (this.#points.size === 2) return this.#pinch();
    this.#began = point;
    this.#dragging = false;
    [this.#kind, this.#handle] = this.#meant(point, world);
    return [];
  }

  /** @returns {Intent[]} */
  #pinch() {
    this.#kind = "pinch"; // what one finger had begun was the first finger of two
    return [{ do: "quiet" }];
  }

  /** @param {Point} point @param {World} world @returns {["draw"|"place"|"pan", string]} */
  #meant(point, world) {
    if (point.pan || !world.open) return ["pan", ""];
    const mark = world.marks.find((each) => each.id === world.selected);
    if (world.armed || !mark) return ["draw", ""];
    const [x, y] = toPicture(world.view, point.x, point.y);
    const handle = handleAt(mark.box, x, y, reachOf(point) / world.view.scale);
    if (handle) return ["place", handle];
    return holds(mark.box, x, y) ? ["place", "move"] : ["draw", ""];
  }

  /** @param {Point} point @param {World} world @returns {Intent[]} */
  move(point, world) {
    const before = this.#points.get(point.id);
    if (!before || !this.#began) return [];
    this.#points.set(point.id, point);
    if (this.#kind === "pinch") return this.#zoom(before, point, world);
    const far = Math.hypot(point.x - this.#began.x, point.y - this.#began.y);
    this.#dragging ||= far > (point.touch ? STILL_PX.touch : STILL_PX.mouse);
    if (!this.#dragging) return [];
    if (this.#kind === "pan") return [{ do: "view", view: panned(world.view, point.x - before.x, point.y - before.y, world.size, world.screen) }];
    return this.#kind === "over" ? [] : [{ do: "preview", ...this.#shape(point, world) }];
  }

  /** Two fingers: the middle moves the picture, the distance scales it. @param {Point} before @param {Point} now @param {World} world @returns {Intent[]} */
  #zoom(before, now, world) {
    const other = [...this.#points.values()].find((point) => point.id !== now.id);
    if (!other) return [];
    const apart = (/** @type {Point} */ a) => Math.max(Math.hypot(a.x - other.x, a.y - other.y), 1);
    const [mx, my] = [(now.x + other.x) / 2, (now.y + other.y) / 2];
    const shifted = panned(world.view, (now.x - before.x) / 2, (now.y - before.y) / 2, world.size, world.screen);
    return [{ do: "view", view: zoomed(shifted, apart(now) / apart(before), mx, my, world.size, world.screen) }];
  }

  /** @param {Point} point @param {World} world */
  #shape(point, world) {
    const began = /** @type {Point} */ (this.#began);
    const [x1, y1] = toPicture(world.view, began.x, began.y);
    const [x2, y2] = toPicture(world.view, point.x, point.y);
    if (this.#kind === "draw") return { id: null, kind: world.armed ?? "box", box: between(x1, y1, x2, y2, world.size) };
    const mark = world.marks.find((each) => each.id === world.selected);
    if (!mark) return { id: null, kind: "box", box: between(x1, y1, x2, y2, world.size) };
    const shift = this.#handle === "move" ? moved(mark.box, x2 - x1, y2 - y1, world.size) : resized(mark.box, this.#handle, x2 - x1, y2 - y1, world.size);
    return { id: mark.id, kind: mark.kind, box: shift };
  }

  /** @param {Point} point @param {World} world @returns {Intent[]} */
  up(point, world) {
    if (!this.#points.has(point.id)) return [];
    const kind = this.#kind;
    this.#points.delete(point.id);
    if (kind === "pinch" || kind === "over") {
      this.#kind = this.#points.size ? "over" : "none"; // the finger that stays draws nothing
      return [];
    }
    if (!this.#dragging) return [{ do: "quiet" }, ...this.#click(point, world)];
    if (kind === "pan") return [];
    const shape = this.#shape(point, world);
    return [{ do: "quiet" }, shape.id === null ? { do: "add", kind: shape.kind, box: shape.box } : { do: "place", id: shape.id, box: shape.box }];
  }

  /** What lies there is selected, the smallest first; again, and the next one is. @param {Point} point @param {World} world @returns {Intent[]} */
  #click(point, world) {
    const [x, y] = toPicture(world.view, point.x, point.y);
    const found = under(world.marks, x, y, reachOf(point) / world.view.scale / 2);
    const at = found.findIndex((mark) => mark.id === world.selected);
    return [{ do: "select", id: found.length ? found[(at + 1) % found.length].id : null }];
  }

  /** Taken away by the system: nothing was done. @param {number} id @returns {Intent[]} */
  cancel(id) {
    this.#points.delete(id);
    this.#kind = this.#points.size ? "over" : "none";
    return [{ do: "quiet" }];
  }

  /** The shape of the cursor there. @param {Point} point @param {World} world */
  cursor(point, world) {
    const [kind, handle] = this.#meant(point, world);
    if (kind === "pan") return "grab";
    if (kind === "draw") return "crosshair";
    return { move: "move", n: "ns-resize", s: "ns-resize", e: "ew-resize", w: "ew-resize", nw: "nwse-resize", se: "nwse-resize" }[handle] ?? "nesw-resize";
  }
}
