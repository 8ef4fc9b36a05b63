// The editor as a state machine: a state and an action give the next state. No page, no clock, nothing changed in place.

import { grown, inside, moved } from "./geometry.js";

/** @typedef {import("./labels.js").Mark} Mark */
/** @typedef {import("./labels.js").Sheet} Sheet */
/** @typedef {import("./geometry.js").Box} Box */
/**
 * @typedef {object} State
 * @property {import("./geometry.js").Size} size of the picture
 * @property {Sheet} sheet what is said of it
 * @property {string|null} selected id of a mark
 * @property {ReadonlyArray<Step>} past @property {ReadonlyArray<Step>} future
 * @property {string} run steps of one run are undone together
 */
/** @typedef {{sheet: Sheet, selected: string|null, said: string}} Step */
/** @typedef {{act: string, [key: string]: any}} Action */

const STEPS = 1000; // that can be undone

/** @param {Sheet} sheet @param {import("./geometry.js").Size} size @returns {State} */
export const opened = (sheet, size) => ({ size, sheet, selected: null, past: [], future: [], run: "" });

/** @param {State} state @param {string|null} [id] @returns {Mark|undefined} */
export const markOf = (state, id = state.selected) => state.sheet.marks.find((mark) => mark.id === id);

/** What a person changed or agreed to is a person's. @param {Mark} mark @param {Partial<Mark>} change @returns {Mark} */
const touched = (mark, change) => ({ ...mark, ...change, source: "person" });

/** @param {Sheet} sheet @param {string} id @param {(mark: Mark) => Mark} change @returns {Sheet} */
const changed = (sheet, id, change) => ({ ...sheet, marks: sheet.marks.map((mark) => (mark.id === id ? change(mark) : mark)) });

/** The sheet that an action makes, or the same one when it changes nothing. @type {Record<string, (state: State, action: Action) => Sheet>} */
const CHANGES = {
  add: ({ sheet, size }, { id, kind, box, category }) => {
    const mark = { id, kind, box: inside(box, size), category: kind === "ignore" ? "" : category, source: "person", model: null, confidence: null };
    return { ...sheet, marks: [...sheet.marks, /** @type {Mark} */ (mark)] };
  },
  place: ({ sheet, size }, { id, box }) => changed(sheet, id, (mark) => touched(mark, { box: inside(box, size) })),
  nudge: ({ sheet, size }, { id, dx, dy }) => changed(sheet, id, (mark) => touched(mark, { box: moved(mark.box, dx, dy, size) })),
  grow: ({ sheet, size }, { id, dx, dy }) => changed(sheet, id, (mark) => touched(mark, { box: grown(mark.box, dx, dy, size) })),
  relabel: ({ sheet }, { id, category }) => changed(sheet, id, (mark) => (mark.kind === "ignore" ? mark : touched(mark, { category }))),
  accept: ({ sheet }, { id }) => changed(sheet, id, (mark) => (mark.source === "person" ? mark : touched(mark, {}))),
  acceptAll: ({ sheet }) => ({ ...sheet, marks: sheet.marks.map((mark) => (mark.source === "person" ? mark : touched(mark, {}))) }),
  remove: ({ sheet }, { id }) => ({ ...sheet, marks: sheet.marks.filter((mark) => mark.id !== id) }),
  clear: ({ sheet }) => ({ ...sheet, marks: sheet.marks.filter((mark) => mark.kind === "ignore") }),
  paste: ({ sheet, size }, { marks }) => ({ ...sheet, marks: [...sheet.marks, ...marks.map((mark) => touched(mark, { box: inside(mark.box, size) }))] }),
  exhaustive: ({ sheet }, { category, on }) => {
    const others = sheet.exhaustive.filter((name) => name !== category);
    return { ...sheet, exhaustive: on ? [...others, category] : others };
  },
  replace: (_, { sheet }) => sheet,
};

/** @param {Sheet} a @param {Sheet} b */
function equal(a, b) {
  const marks = a.marks.length === b.marks.length && a.marks.every((mark, n) => mark === b.marks[n] || JSON.stringify(mark) === JSON.stringify(b.marks[n]));
  return marks && a.exhaustive.length === b.exhaustive.length && a.exhaustive.every((name) => b.exhaustive.includes(name));
}

/** What is selected afterwards. @param {State} state @param {Action} action @param {Sheet} sheet */
function choice(state, action, sheet) {
  const wanted = action.act === "add" ? action.id : action.act === "place" ? action.id : state.selected;
  return sheet.marks.some((mark) => mark.id === wanted) ? wanted : null;
}

/** @param {State} state @param {Action} action @returns {State} */
function edited(state, action) {
  const change = CHANGES[action.act];
  if (!change) throw new Error(`the editor knows no ${action.act}`);
  const sheet = change(state, action);
  if (equal(sheet, state.sheet)) return state;
  const run = action.run ? `${action.run} ${action.id}` : "";
  const goesOn = run !== "" && run === state.run && state.past.length > 0;
  const step = { sheet: state.sheet, selected: state.selected, said: action.said ?? action.act };
  const past = goesOn ? state.past : [...state.past, step].slice(-STEPS);
  return { ...state, sheet, selected: choice(state, action, sheet), past, future: [], run };
}

/** @param {State} state @param {"past"|"future"} from @param {"past"|"future"} to @returns {State} */
function stepped(state, from, to) {
  const step = state[from][state[from].length - 1];
  if (!step) return state;
  const back = { sheet: state.sheet, selected: state.selected, said: step.said };
  const found = step.sheet.marks.some((mark) => mark.id === step.selected);
  return { ...state, sheet: step.sheet, selected: found ? step.selected : null, run: "", [from]: state[from].slice(0, -1), [to]: [...state[to], back] };
}

/** The next or the one before, round and round; from left to right as one reads. @param {State} state @param {number} by @returns {string|null} */
export function neighbour(state, by) {
  const row = (/** @type {Mark} */ mark) => Math.round((mark.box[1] / state.size.height) * 20);
  const order = [...state.sheet.marks].sort((a, b) => row(a) - row(b) || a.box[0] - b.box[0] || (a.id < b.id ? -1 : 1));
  if (!order.length) return null;
  const at = order.findIndex((mark) => mark.id === state.selected);
  return order[at < 0 ? (by > 0 ? 0 : order.length - 1) : (at + by + order.length) % order.length].id;
}

/** @param {State} state @param {Action} action @returns {State} */
export function next(state, action) {
  if (action.act === "undo") return stepped(state, "past", "future");
  if (action.act === "redo") return stepped(state, "future", "past");
  if (action.act !== "select") return edited(state, action);
  const selected = markOf(state, action.id) ? action.id : null;
  return selected === state.selected ? state : { ...state, selected, run: "" };
}
