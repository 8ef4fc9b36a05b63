// Which part of the picture is seen: screen = picture * scale + offset, in CSS pixels. Values, never changed in place.

/** @typedef {{scale: number, x: number, y: number}} View */
/** @typedef {import("./geometry.js").Size} Size */

const LARGEST = 40; // screen pixels for one of the picture
const LEFT_PX = 48; // of the picture always stay in sight

/** The whole picture, in the middle. @param {Size} size @param {Size} screen @returns {View} */
export function fitting(size, screen) {
  const scale = Math.min(screen.width / size.width, screen.height / size.height) || 1;
  return { scale, x: (screen.width - size.width * scale) / 2, y: (screen.height - size.height * scale) / 2 };
}

/** @param {View} view @param {Size} size @param {Size} screen @returns {View} */
function held(view, size, screen) {
  const [w, h] = [size.width * view.scale, size.height * view.scale];
  const x = Math.min(Math.max(view.x, LEFT_PX - w), screen.width - LEFT_PX);
  const y = Math.min(Math.max(view.y, LEFT_PX - h), screen.height - LEFT_PX);
  return { scale: view.scale, x, y };
}

/**
 * Nearer or further; the point of the picture under (px, py) stays there.
 * @param {View} view @param {number} factor @param {number} px @param {number} py @param {Size} size @param {Size} screen @returns {View}
 */
export function zoomed(view, factor, px, py, size, screen) {
  const least = Math.min(fitting(size, screen).scale, 1) / 2;
  const scale = Math.min(Math.max(view.scale * factor, least), LARGEST);
  const ratio = scale / view.scale;
  return held({ scale, x: px - (px - view.x) * ratio, y: py - (py - view.y) * ratio }, size, screen);
}

/** @param {View} view @param {number} dx @param {number} dy @param {Size} size @param {Size} screen @returns {View} */
export const panned = (view, dx, dy, size, screen) => held({ scale: view.scale, x: view.x + dx, y: view.y + dy }, size, screen);

/** @param {View} view @param {number} x @param {number} y @returns {[number, number]} */
export const toPicture = (view, x, y) => [(x - view.x) / view.scale, (y - view.y) / view.scale];

/** @param {View} view @param {import("./geometry.js").Box} box @returns {import("./geometry.js").Box} */
export const toScreen = (view, [x, y, w, h]) => [x * view.scale + view.x, y * view.scale + view.y, w * view.scale, h * view.scale];

/** The part of the picture that is on the screen. @param {View} view @param {Size} size @param {Size} screen @returns {import("./geometry.js").Box} */
export function seen(view, size, screen) {
  const [x1, y1] = toPicture(view, 0, 0);
  const [x2, y2] = toPicture(view, screen.width, screen.height);
  const [left, top] = [Math.max(0, x1), Math.max(0, y1)];
  return [left, top, Math.max(0, Math.min(size.width, x2) - left), Math.max(0, Math.min(size.height, y2) - top)];
}

/**
 * A box that is out of sight is brought into it.
 * @param {View} view @param {import("./geometry.js").Box} box @param {Size} size @param {Size} screen @returns {View}
 */
export function showing(view, box, size, screen) {
  const [x, y, w, h] = toScreen(view, box);
  const out = x + w < 0 || y + h < 0 || x > screen.width || y > screen.height;
  return out ? panned(view, screen.width / 2 - x - w / 2, screen.height / 2 - y - h / 2, size, screen) : view;
}
