// The keys: one table, from which the editor hears and the help is written. Two maps: looking through pictures, and working on a box.

/** @typedef {"review"|"box"} Mode */
/** @typedef {{act: string, say: string, review: string[], box: string[]}} Row */

/** @type {ReadonlyArray<Row>} what is first in a list is what the page shows */
export const TABLE = [
  { act: "approve", say: "Approve: the boxes are right, next picture", review: ["enter", "a"], box: [] },
  { act: "nothing", say: "Nothing here, next picture", review: ["0"], box: [] },
  { act: "unsure", say: "Unsure: somebody else shall look, next picture", review: ["u"], box: [] },
  { act: "skip", say: "Skip: of no use, next picture", review: ["s"], box: [] },
  { act: "ahead", say: "Next picture, undecided", review: ["j", "arrowright", "."], box: ["j", "."] },
  { act: "back", say: "Picture before", review: ["k", "arrowleft", ","], box: ["k", ","] },
  { act: "farAhead", say: "Ten pictures on", review: ["shift+arrowright"], box: [] },
  { act: "farBack", say: "Ten pictures back", review: ["shift+arrowleft"], box: [] },
  { act: "reopen", say: "Open an answered picture again", review: ["o"], box: [] },
  { act: "nextBox", say: "Next box", review: ["arrowdown", "b"], box: ["b"] },
  { act: "previousBox", say: "Box before", review: ["arrowup", "shift+b"], box: ["shift+b"] },
  { act: "edit", say: "Work on the box with the arrows", review: ["e"], box: [] },
  { act: "done", say: "Done with the box", review: [], box: ["enter", "e"] },
  { act: "away", say: "Let go; a box just made is taken back", review: ["escape"], box: ["escape"] },
  { act: "newBox", say: "New box", review: ["n", "w"], box: ["n", "w"] },
  { act: "newIgnore", say: "New region to ignore", review: ["i"], box: ["i"] },
  { act: "remove", say: "Delete the box", review: ["d", "delete", "backspace"], box: ["delete", "backspace"] },
  { act: "accept", say: "Accept the machine's box", review: ["y"], box: ["y"] },
  { act: "category", say: "Class of the box and of new ones", review: ["1", "2", "3", "4", "5", "6", "7", "8", "9"], box: ["1", "2", "3", "4", "5", "6", "7", "8", "9"] },
  { act: "classes", say: "Choose a class by its name", review: ["l"], box: ["l"] },
  { act: "copy", say: "Copy the boxes of the camera's picture before", review: ["c"], box: ["c"] },
  { act: "left", say: "Move left", review: ["alt+arrowleft"], box: ["arrowleft", "alt+arrowleft"] },
  { act: "right", say: "Move right", review: ["alt+arrowright"], box: ["arrowright", "alt+arrowright"] },
  { act: "up", say: "Move up", review: ["alt+arrowup"], box: ["arrowup", "alt+arrowup"] },
  { act: "down", say: "Move down", review: ["alt+arrowdown"], box: ["arrowdown", "alt+arrowdown"] },
  { act: "narrower", say: "Narrower", review: ["alt+shift+arrowleft"], box: ["shift+arrowleft", "alt+shift+arrowleft"] },
  { act: "wider", say: "Wider", review: ["alt+shift+arrowright"], box: ["shift+arrowright", "alt+shift+arrowright"] },
  { act: "lower", say: "Lower", review: ["alt+shift+arrowup"], box: ["shift+arrowup", "alt+shift+arrowup"] },
  { act: "taller", say: "Taller", review: ["alt+shift+arrowdown"], box: ["shift+arrowdown", "alt+shift+arrowdown"] },
  { act: "undo", say: "Undo", review: ["ctrl+z"], box: ["ctrl+z"] },
  { act: "redo", say: "Redo", review: ["ctrl+shift+z", "ctrl+y"], box: ["ctrl+shift+z", "ctrl+y"] },
  { act: "nearer", say: "Zoom in", review: ["+", "="], box: ["+", "="] },
  { act: "further", say: "Zoom out", review: ["-"], box: ["-"] },
  { act: "fit", say: "Whole picture", review: ["f"], box: ["f"] },
  { act: "hide", say: "Hide the boxes, show them again", review: ["h"], box: ["h"] },
  { act: "help", say: "These keys", review: ["?", "f1"], box: ["?", "f1"] },
];

const WORDS = {
  arrowleft: "←", arrowright: "→", arrowup: "↑", arrowdown: "↓", escape: "Esc", enter: "Enter", delete: "Del", backspace: "Backspace", space: "Space",
  ctrl: "Ctrl", shift: "Shift", alt: "Alt",
};

/** A key as a person reads it. @param {string} key */
export function readable(key) {
  if (key === "+") return "+";
  return key.split("+").map((part) => WORDS[part] ?? part.toUpperCase()).join(" ");
}

/**
 * The name of what was pressed: `ctrl+shift+z`, `alt+arrowup`, `?`. Shift belongs to the name of letters and named keys only: of `?` it is a part.
 * @param {{key: string, ctrlKey: boolean, metaKey: boolean, altKey: boolean, shiftKey: boolean}} event @returns {string}
 */
export function named({ key, ctrlKey, metaKey, altKey, shiftKey }) {
  const low = key === " " ? "space" : key.toLowerCase();
  const own = low.length > 1 || low !== key.toUpperCase() || key !== key.toLowerCase();
  return `${ctrlKey || metaKey ? "ctrl+" : ""}${altKey ? "alt+" : ""}${shiftKey && own ? "shift+" : ""}${low}`;
}

/** The table with a person's own keys. @param {Record<string, string[]>} own `mode act` to keys @returns {Row[]} */
export function mapped(own) {
  const of = (/** @type {Row} */ row, /** @type {Mode} */ mode) => (Array.isArray(own[`${mode} ${row.act}`]) ? own[`${mode} ${row.act}`] : row[mode]);
  return TABLE.map((row) => ({ ...row, review: of(row, "review"), box: of(row, "box") }));
}

/**
 * What a pressed key means, and which of the row's keys it was.
 * @param {ReadonlyArray<Row>} rows @param {Mode} mode @param {Parameters<typeof named>[0] & {code?: string}} event @returns {{act: string, at: number}|null}
 */
export function meant(rows, mode, event) {
  const digit = /^Digit(\d)$/.exec(event.code ?? ""); // keyboards on which digits need Shift
  const names = [named(event), ...(digit && !event.shiftKey && !event.ctrlKey && !event.altKey && !event.metaKey ? [digit[1]] : [])];
  for (const name of names) {
    const row = rows.find((each) => each[mode].includes(name));
    if (row) return { act: row.act, at: row[mode].indexOf(name) };
  }
  return null;
}

/**
 * A person's key for an action; what had the key loses it, and a second key of an action stays.
 * @param {Record<string, string[]>} own @param {Mode} mode @param {string} act @param {number} at @param {string} key @returns {Record<string, string[]>}
 */
export function rebound(own, mode, act, at, key) {
  const result = { ...own };
  for (const row of mapped(own)) {
    if (row.act !== act && row[mode].includes(key)) result[`${mode} ${row.act}`] = row[mode].filter((each) => each !== key);
  }
  const keys = [...(mapped(own).find((row) => row.act === act)?.[mode] ?? [])];
  keys[at] = key;
  result[`${mode} ${act}`] = [...new Set(keys.filter(Boolean))];
  return result;
}
