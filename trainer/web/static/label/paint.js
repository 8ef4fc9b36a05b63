// Draws on canvases: the picture, the marks on it, and the one mark that hands are on. It is given everything and keeps nothing.

import { CLASSES, IGNORED, THEIRS, colourOf } from "./colours.js";
import { handles } from "./geometry.js";
import { seen, toScreen } from "./view.js";

/** @typedef {import("./view.js").View} View */
/** @typedef {import("./geometry.js").Size} Size */
/** @typedef {import("./labels.js").Mark} Mark */
/** @typedef {CanvasRenderingContext2D} Pen */

const DASH = [7, 5];
const TAG_PX = 340; // the longest tag, about
const MANY = 150; // that cost too much while the picture moves
const NAMED = 60; // more marks than that, and only the chosen one carries its name
const FONT = "600 12px system-ui, sans-serif";

/**
 * The part that is seen, from the copy whose pixels are nearest to the screen's: the cost is that of the screen, not of the picture.
 * @param {Pen} pen @param {ReadonlyArray<ImageBitmap>} levels largest first @param {View} view @param {Size} size @param {Size} screen @param {number} sharp
 */
export function drawPicture(pen, levels, view, size, screen, sharp) {
  pen.clearRect(0, 0, screen.width, screen.height);
  const wanted = size.width * view.scale * sharp;
  const level = [...levels].reverse().find((each) => each.width >= wanted) ?? levels[0];
  const [x, y, w, h] = seen(view, size, screen);
  if (!level || w <= 0 || h <= 0) return;
  const [fx, fy] = [level.width / size.width, level.height / size.height];
  pen.imageSmoothingEnabled = view.scale * sharp < 4; // near by, pixels are seen as pixels
  pen.drawImage(level, x * fx, y * fy, w * fx, h * fy, ...toScreen(view, [x, y, w, h]));
}

/** @param {Pen} pen @param {Path2D} path @param {string} colour @param {number[]} dash @param {number} width */
function stroked(pen, path, colour, dash, width) {
  pen.setLineDash([]);
  pen.lineWidth = width + 2;
  pen.strokeStyle = "rgb(0 0 0 / .45)";
  pen.stroke(path);
  pen.setLineDash(dash);
  pen.lineWidth = width;
  pen.strokeStyle = colour;
  pen.stroke(path);
}

/** @param {Pen} pen @param {string} text @param {number} x @param {number} y top of the box @param {string} colour @param {Size} screen */
function tagged(pen, text, x, y, colour, screen) {
  pen.font = FONT;
  const width = pen.measureText(text).width + 10;
  const left = Math.min(Math.max(0, x - 1), screen.width - width);
  const top = y >= 19 ? y - 18 : y + 1;
  pen.fillStyle = colour;
  pen.fillRect(left, top, width, 17);
  pen.fillStyle = "#08110f";
  pen.fillText(text, left + 5, top + 12.5);
}

/** @param {Mark} mark */
export const worded = (mark) => (mark.kind === "ignore" ? "ignore" : mark.source === "model" && mark.confidence !== null ? `${mark.category} ${Math.round(mark.confidence * 100)}%` : mark.category);

/** All of one look in one path: five hundred boxes are some strokes. @param {ReadonlyArray<Mark>} marks @param {View} view @param {(mark: Mark) => string} look */
function grouped(marks, view, look) {
  /** @type {Map<string, Path2D>} */
  const paths = new Map();
  for (const mark of marks) {
    const key = look(mark);
    if (!paths.has(key)) paths.set(key, new Path2D());
    /** @type {Path2D} */ (paths.get(key)).rect(...toScreen(view, mark.box));
  }
  return paths;
}

/** Hundreds of boxes for a moment: one thin line each. @param {Pen} pen @param {ReadonlyArray<Mark>} marks @param {View} view @param {ReadonlyArray<string>} categories */
function outlined(pen, marks, view, categories) {
  pen.setLineDash([]);
  pen.lineWidth = 1;
  for (const [colour, path] of grouped(marks, view, (mark) => (mark.kind === "ignore" ? IGNORED : colourOf(categories, mark.category)))) {
    pen.strokeStyle = colour;
    pen.stroke(path);
  }
}

/**
 * @param {Pen} pen @param {ReadonlyArray<Mark>} marks @param {View} view @param {Size} screen @param {ReadonlyArray<string>} categories
 * @param {ReadonlyArray<Mark>} theirs what the other one said, while both are looked at @param {boolean} swift while the picture moves
 */
export function drawMarks(pen, marks, view, screen, categories, theirs, swift) {
  pen.clearRect(0, 0, screen.width, screen.height);
  if (swift && marks.length > MANY) return outlined(pen, marks, view, categories);
  const boxes = marks.filter((mark) => mark.kind === "box");
  for (const path of grouped(marks.filter((mark) => mark.kind === "ignore"), view, () => "").values()) {
    pen.fillStyle = "rgb(120 130 130 / .5)";
    pen.fill(path);
    stroked(pen, path, IGNORED, [2, 4], 1.5);
  }
  for (const [key, path] of grouped(boxes, view, (mark) => `${mark.source === "model" ? "1" : "0"}${colourOf(categories, mark.category)}`)) {
    stroked(pen, path, key.slice(1), key[0] === "1" ? DASH : [], 2);
  }
  for (const path of grouped(theirs, view, () => "").values()) stroked(pen, path, THEIRS, [2, 3], 3);
  for (const mark of theirs) named(pen, mark, `theirs: ${worded(mark)}`, view, screen, THEIRS);
  if (marks.length > NAMED) return;
  for (const mark of marks) named(pen, mark, worded(mark), view, screen, mark.kind === "ignore" ? IGNORED : colourOf(categories, mark.category));
}

/** @param {Pen} pen @param {Mark} mark @param {string} text @param {View} view @param {Size} screen @param {string} colour */
function named(pen, mark, text, view, screen, colour) {
  const [x, y, w, h] = toScreen(view, mark.box);
  if (x + w > 0 && y + h > 0 && x < screen.width && y < screen.height) tagged(pen, text, x, y, colour, screen);
}

/**
 * The mark that hands are on. Gives the part of the canvas that was drawn on, which is all that has to be wiped next time.
 * @param {Pen} pen @param {Mark} mark @param {View} view @param {Size} screen @param {ReadonlyArray<string>} categories
 * @param {boolean} grips whether handles are shown
 * @returns {[number, number, number, number]}
 */
export function drawChosen(pen, mark, view, screen, categories, grips) {
  const colour = mark.kind === "ignore" ? IGNORED : mark.category ? colourOf(categories, mark.category) : CLASSES[0];
  const [x, y, w, h] = toScreen(view, mark.box);
  const path = new Path2D();
  path.rect(x, y, w, h);
  pen.fillStyle = mark.kind === "ignore" ? "rgb(120 130 130 / .5)" : "rgb(255 255 255 / .08)";
  pen.fill(path);
  stroked(pen, path, "#ffffff", [], 4);
  stroked(pen, path, colour, mark.source === "model" ? DASH : [], 2);
  if (grips) for (const [, gx, gy] of handles([x, y, w, h])) grip(pen, gx, gy, colour);
  const [, , pw, ph] = mark.box;
  tagged(pen, `${worded(mark)} · ${Math.round(pw)}×${Math.round(ph)}`, x, y, colour, screen);
  const left = Math.min(x, screen.width - TAG_PX) - 12;
  return [left, y - 32, Math.max(x + w, Math.max(x, 0) + TAG_PX) + 12 - left, h + 64];
}

/** @param {Pen} pen @param {number} x @param {number} y @param {string} colour */
function grip(pen, x, y, colour) {
  pen.setLineDash([]);
  pen.fillStyle = "#ffffff";
  pen.strokeStyle = colour;
  pen.lineWidth = 2;
  pen.beginPath();
  pen.rect(x - 4, y - 4, 8, 8);
  pen.fill();
  pen.stroke();
}
