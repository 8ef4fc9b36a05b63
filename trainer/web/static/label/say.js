// Words for people: what a screen reader says, times and places, and the small things all parts of the page need.

/** @param {string} id @returns {any} */
export const $ = (id) => document.getElementById(id);

/** An element with text in it. @param {string} tag @param {Record<string, string>} given attributes @param {...(Node|string)} inside @returns {HTMLElement} */
export function made(tag, given, ...inside) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) element.setAttribute(name, value);
  element.append(...inside);
  return element;
}

let turn = 0;
/** Aloud, politely: two elements by turns, so that the same words twice are said twice. @param {string} text */
export function say(text) {
  turn += 1;
  const [now, before] = turn % 2 ? [$("said-1"), $("said-2")] : [$("said-2"), $("said-1")];
  before.textContent = "";
  now.textContent = text;
}

let later = 0;
/** After the last of many. @param {() => string} text */
export function sayLater(text) {
  clearTimeout(later);
  later = window.setTimeout(() => say(text()), 400);
}

/** @param {number} count @param {string} one @param {string} [many] */
export const counted = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;

/** Text, or microseconds since 1970. @param {string|number|null|undefined} t @returns {number} milliseconds */
export const instant = (t) => (typeof t === "number" ? t / 1000 : Date.parse(t ?? ""));

/** @param {string|number|null|undefined} t */
export function moment(t) {
  const when = new Date(instant(t));
  if (Number.isNaN(when.getTime())) return "";
  const today = when.toDateString() === new Date().toDateString();
  return when.toLocaleString([], today ? { timeStyle: "medium" } : { dateStyle: "medium", timeStyle: "short" });
}

/** @param {string} reason */
export const spelt = (reason) => reason.replaceAll("_", " ");

/** @param {import("./labels.js").Mark} mark @param {number} at from 0 @param {number} of */
export function described(mark, at, of) {
  const [x, y, w, h] = mark.box.map(Math.round);
  const what = mark.kind === "ignore" ? "region to ignore" : `${mark.category}, ${mark.source === "model" ? "by the machine, not accepted" : "by a person"}`;
  return `${at + 1} of ${of}: ${what}; left ${x}, top ${y}, ${w} wide, ${h} high`;
}
