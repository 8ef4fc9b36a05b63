// What each action of the table of keys, and each button, does.

import { markOf, neighbour } from "./editor.js";
import { fresh } from "./labels.js";
import { $, counted, instant, say } from "./say.js";
import { seen } from "./view.js";

/** @typedef {import("./desk.js").Desk} Desk */
/** @typedef {{at: number, fine: boolean, pointer: boolean}} How which of the action's keys; with Alt; by mouse or finger */

const STEP_PX = 8; // of the screen, for an arrow
/** @type {Record<string, [string, number, number]>} */
const ARROWS = {
  left: ["nudge", -1, 0], right: ["nudge", 1, 0], up: ["nudge", 0, -1], down: ["nudge", 0, 1],
  narrower: ["grow", -1, 0], wider: ["grow", 1, 0], lower: ["grow", 0, -1], taller: ["grow", 0, 1],
};

/** In the middle of what is seen. @param {Desk} desk @returns {boolean} */
function begin(desk) {
  const { stage } = desk.parts;
  const [x, y, w, h] = seen(stage.view, desk.state.size, stage.screen);
  const id = fresh();
  const done = desk.do({ act: "add", id, kind: desk.armed ?? "box", category: desk.category, box: [x + w * 0.4, y + h * 0.4, w * 0.2, h * 0.2] });
  if (done) [desk.armed, desk.made] = [null, id];
  desk.draw();
  return done;
}

/** @param {Desk} desk @param {string} act @param {How} how */
function arrow(desk, act, how) {
  if (desk.armed && !begin(desk)) return;
  const mark = markOf(desk.state);
  if (!mark) return say("No box is chosen: arrow down or B chooses one, N makes one");
  const [deed, dx, dy] = ARROWS[act];
  const step = how.fine ? 1 : Math.max(1, Math.round(STEP_PX / desk.parts.stage.view.scale));
  desk.do({ act: deed, id: mark.id, dx: dx * step, dy: dy * step, run: "keys" });
  const now = markOf(desk.state);
  if (now) desk.parts.stage.reveal(now);
}

/** @param {Desk} desk @param {"box"|"ignore"} kind */
function arm(desk, kind) {
  if (!desk.open) return desk.do({ act: "add" });
  if (kind === "box" && !desk.category) return desk.hint("This data set has no classes yet: name them: vedette-trainer review fill SET --classes person,car.");
  desk.armed = desk.armed === kind ? null : kind;
  desk.mode = desk.armed ? "box" : "review";
  say(desk.armed ? "Draw it, or press an arrow: it begins in the middle" : "No new box");
  desk.draw();
}

/** @param {Desk} desk @param {number} by */
function choose(desk, by) {
  const id = neighbour(desk.state, by);
  if (!id) return say("There is no box");
  desk.do({ act: "select", id });
  const mark = markOf(desk.state);
  if (mark) desk.parts.stage.reveal(mark);
}

/** @param {Desk} desk @param {number} by */
async function walk(desk, by) {
  if (!desk.item) return;
  const id = await desk.parts.queue.beside(desk.item.id, by);
  if (id && id !== desk.item.id) await desk.show(id);
  else say(by > 0 ? "That is the last one" : "That is the first one");
}

/** @param {Desk} desk */
function away(desk) {
  if (desk.made && desk.made === desk.state.selected && desk.mode === "box") desk.do({ act: "remove", id: desk.made });
  const held = desk.mode === "box" || desk.armed;
  [desk.mode, desk.armed, desk.made] = ["review", null, null];
  if (!held) desk.do({ act: "select", id: null });
  desk.draw();
}

/** @param {Desk} desk @param {string} category */
export function classify(desk, category) {
  desk.category = category;
  const mark = markOf(desk.state);
  if (mark && mark.kind === "box" && desk.open) desk.do({ act: "relabel", id: mark.id, category });
  say(category);
  desk.draw();
}

/** The boxes of the picture before, of the same camera: in a scene that stands still most of them fit. @param {Desk} desk */
async function copy(desk) {
  const { item } = desk;
  if (!item || !desk.open) return void desk.do({ act: "paste", marks: [] });
  const from = await before(desk, item);
  if (desk.item?.id !== item.id) return;
  if (!from) return desk.hint(`There is no answered picture of ${item.camera} before this one.`);
  const wide = (item.image.width / from.image.width) || 1;
  const high = (item.image.height / from.image.height) || 1;
  const boxes = (from.labels?.boxes ?? []).filter((each) => desk.categories.includes(each.category));
  const marks = boxes.map((each) => ({ id: fresh(), kind: "box", category: each.category, model: null, confidence: null, box: each.box.map((value, n) => value * (n % 2 ? high : wide)) }));
  if (!marks.length) return desk.hint("The picture before has no boxes.");
  desk.do({ act: "paste", marks });
  say(`${counted(marks.length, "box", "boxes")} copied`);
}

/** @param {Desk} desk @param {import("./api.js").Item} item @returns {Promise<import("./api.js").Item|null>} */
async function before({ parts }, item) {
  try {
    const { items } = await parts.api.items({ state: "done", set: item.set, limit: 200 });
    const same = items.filter((each) => each.camera === item.camera && each.device === item.device && each.id !== item.id && instant(each.t) <= instant(item.t));
    const nearest = same.sort((a, b) => instant(b.t) - instant(a.t))[0];
    return nearest ? await parts.api.item(nearest.id) : null;
  } catch {
    return null;
  }
}

/** @param {Desk} desk */
async function reopen(desk) {
  const { item } = desk;
  if (!item || item.state === "open" || !desk.parts.writes) return;
  try {
    await desk.parts.api.reopen(item.id, item.version);
  } catch (error) {
    desk.hint(/** @type {Error} */ (error).message);
  }
  await desk.show(item.id);
}

/** @type {Record<string, (desk: Desk, how: How) => any>} */
export const DEEDS = {
  approve: (desk) => desk.answer("boxes"),
  nothing: (desk) => desk.answer("nothing"),
  unsure: (desk) => desk.answer("unsure"),
  skip: (desk) => desk.answer("skip"),
  ahead: (desk) => walk(desk, 1),
  back: (desk) => walk(desk, -1),
  farAhead: (desk) => walk(desk, 10),
  farBack: (desk) => walk(desk, -10),
  reopen,
  nextBox: (desk) => choose(desk, 1),
  previousBox: (desk) => choose(desk, -1),
  edit: (desk) => {
    if (!desk.state.selected) choose(desk, 1);
    if (desk.state.selected && desk.open) desk.mode = "box";
    desk.draw();
  },
  done: (desk) => {
    if (desk.armed && !begin(desk)) return;
    [desk.mode, desk.made] = ["review", null];
    desk.draw();
    say("Done with the box");
  },
  away,
  newBox: (desk) => arm(desk, "box"),
  newIgnore: (desk) => arm(desk, "ignore"),
  remove: (desk) => {
    if (!desk.state.selected) return;
    if (desk.do({ act: "remove", id: desk.state.selected })) [desk.mode, desk.made] = ["review", null];
    desk.draw();
  },
  accept: (desk) => desk.state.selected && desk.do({ act: "accept", id: desk.state.selected }),
  category: (desk, { at }) => desk.categories[at] && classify(desk, desk.categories[at]),
  copy,
  ...Object.fromEntries(Object.keys(ARROWS).map((act) => [act, (desk, how) => arrow(desk, act, how)])),
  undo: (desk) => desk.do({ act: "undo" }) && say("Undone"),
  redo: (desk) => desk.do({ act: "redo" }) && say("Done again"),
  nearer: (desk) => desk.parts.stage.zoom(1.25, markOf(desk.state)),
  further: (desk) => desk.parts.stage.zoom(0.8, markOf(desk.state)),
  fit: (desk) => desk.parts.stage.fit(),
  hide: (desk) => {
    desk.hidden = !desk.hidden;
    say(desk.hidden ? "Boxes hidden" : "Boxes shown");
    desk.draw();
  },
  again: (desk) => desk.parts.sender.retry(),
  contested: (desk) => desk.parts.sender.contested[0] && desk.show(desk.parts.sender.contested[0]),
};

/** Room on the page for the picker of classes. @param {Desk} desk */
export function pick(desk) {
  $("picker-text").value = "";
  list(desk);
  $("picker").showModal();
}

/** @param {Desk} desk */
export function list(desk) {
  const wanted = $("picker-text").value.toLowerCase();
  const names = desk.categories.filter((name) => name.toLowerCase().includes(wanted)).slice(0, 12);
  $("picker-list").replaceChildren(...names.map((name) => {
    const button = document.createElement("button");
    [button.value, button.textContent] = [name, name];
    const row = document.createElement("li");
    row.append(button);
    return row;
  }));
}
