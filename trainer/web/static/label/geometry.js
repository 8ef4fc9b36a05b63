// Boxes as [x, y, width, height] in pixels of the picture: always inside it, never without an area.

/** @typedef {[number, number, number, number]} Box x, y, width, height in pixels of the picture, parts of pixels included */
/** @typedef {{width: number, height: number}} Size */

export const SMALLEST_PX = 1;
const PARTS = 64; // of a pixel are kept: sums of such numbers are exact, so that x + width never passes the border by a rounding

/** @param {number} value */
const kept = (value) => Math.round(value * PARTS) / PARTS;

/**
 * Two ends inside 0..most, at least the smallest box apart.
 * @param {number} a @param {number} b @param {number} most @returns {[number, number]}
 */
function span(a, b, most) {
  const low = Math.min(Math.max(kept(Math.min(a, b)), 0), most - SMALLEST_PX);
  const high = Math.max(Math.min(kept(Math.max(a, b)), most), low + SMALLEST_PX);
  return [low, high];
}

/**
 * The box between two corners, whichever they are.
 * @param {number} x1 @param {number} y1 @param {number} x2 @param {number} y2 @param {Size} size @returns {Box}
 */
export function between(x1, y1, x2, y2, size) {
  const [left, right] = span(x1, x2, size.width);
  const [top, bottom] = span(y1, y2, size.height);
  return [left, top, right - left, bottom - top];
}

/** A box of anyone, brought inside. @param {Box} box @param {Size} size @returns {Box} */
export const inside = ([x, y, w, h], size) => between(x, y, x + w, y + h, size);

/** Of its size, elsewhere; the border stops it. @param {Box} box @param {number} dx @param {number} dy @param {Size} size @returns {Box} */
export function moved([x, y, w, h], dx, dy, size) {
  const left = Math.min(Math.max(x + dx, 0), size.width - w);
  const top = Math.min(Math.max(y + dy, 0), size.height - h);
  return between(left, top, left + w, top + h, size);
}

/**
 * One side or corner drawn to another place; over the other side it turns round, as hands expect.
 * @param {Box} box @param {string} handle letters of n, s, w, e @param {number} dx @param {number} dy @param {Size} size @returns {Box}
 */
export function resized([x, y, w, h], handle, dx, dy, size) {
  const left = x + (handle.includes("w") ? dx : 0);
  const right = x + w + (handle.includes("e") ? dx : 0);
  const top = y + (handle.includes("n") ? dy : 0);
  const bottom = y + h + (handle.includes("s") ? dy : 0);
  return between(left, top, right, bottom, size);
}

/** Right and bottom side by keys: stops at the smallest box. @param {Box} box @param {number} dx @param {number} dy @param {Size} size @returns {Box} */
export function grown([x, y, w, h], dx, dy, size) {
  return between(x, y, x + Math.max(w + dx, SMALLEST_PX), y + Math.max(h + dy, SMALLEST_PX), size);
}

/** @param {Box} box @returns {Array<[string, number, number]>} name and place of each handle, corners first */
export function handles([x, y, w, h]) {
  const [mx, my, right, bottom] = [x + w / 2, y + h / 2, x + w, y + h];
  return [["nw", x, y], ["ne", right, y], ["se", right, bottom], ["sw", x, bottom], ["n", mx, y], ["e", right, my], ["s", mx, bottom], ["w", x, my]];
}

/**
 * The handle under a point: a corner, else a side.
 * @param {Box} box @param {number} px @param {number} py @param {number} reach pixels of the picture @returns {string|null}
 */
export function handleAt([x, y, w, h], px, py, reach) {
  if (px < x - reach || px > x + w + reach || py < y - reach || py > y + h + reach) return null;
  const [nearX, nearY] = [Math.min(reach, w / 3), Math.min(reach, h / 3)]; // a small box keeps a middle to be moved by
  const row = py <= y + nearY ? "n" : py >= y + h - nearY ? "s" : "";
  const column = px <= x + nearX ? "w" : px >= x + w - nearX ? "e" : "";
  return row + column || null;
}

/** @param {Box} box @param {number} px @param {number} py */
export const holds = ([x, y, w, h], px, py) => px >= x && py >= y && px <= x + w && py <= y + h;

/**
 * What lies under a point, the smallest first.
 * @template {{box: Box}} T @param {ReadonlyArray<T>} marks @param {number} px @param {number} py @param {number} reach @returns {T[]}
 */
export function under(marks, px, py, reach) {
  const wide = ({ box: [x, y, w, h] }) => holds([x - reach, y - reach, w + 2 * reach, h + 2 * reach], px, py);
  return marks.filter(wide).sort((a, b) => a.box[2] * a.box[3] - b.box[2] * b.box[3]);
}
