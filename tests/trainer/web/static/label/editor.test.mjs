// The editor without a page: whatever is done, boxes stay in the picture and every step can be taken back.

import assert from "node:assert/strict";
import { test } from "node:test";
import { markOf, neighbour, next, opened } from "../label/editor.js";
import { SMALLEST_PX, between, handleAt, moved, resized } from "../label/geometry.js";
import { both, print, same, sheetOf, wireOf } from "../label/labels.js";

const SIZE = { width: 640, height: 480 };
const model = { id: "m0", box: [10, 10, 50, 60], category: "person", source: "model", model: "sha256:aa", confidence: 0.5 };
const wire = { boxes: [model], exhaustive_for: [], ignore: [[300, 300, 20, 20]] };
const begun = () => opened(sheetOf(wire, SIZE), SIZE);

/** The same numbers for the same seed. */
function chance(seed) {
  let state = seed;
  return (most) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 32) * most;
  };
}

function fits([x, y, w, h]) {
  return [x, y, w, h].every(Number.isFinite) && x >= 0 && y >= 0 && w >= SMALLEST_PX && h >= SMALLEST_PX && x + w <= SIZE.width && y + h <= SIZE.height;
}

function deed(roll, state, n) {
  const marks = state.sheet.marks;
  const id = marks.length ? marks[Math.floor(roll(marks.length))].id : "nobody";
  const box = [roll(1600) - 500, roll(1600) - 500, roll(1400) - 700, roll(1400) - 700];
  const way = { dx: roll(900) - 450, dy: roll(900) - 450, id };
  return [
    { act: "add", id: `b${n}`, kind: roll(1) < 0.8 ? "box" : "ignore", category: "car", box }, { act: "place", id, box },
    { act: "nudge", ...way, run: roll(1) < 0.5 ? "keys" : undefined }, { act: "grow", ...way, run: "keys" },
    { act: "relabel", id, category: roll(1) < 0.5 ? "car" : "person" }, { act: "remove", id }, { act: "select", id }, { act: "accept", id },
    { act: "exhaustive", category: "car", on: roll(1) < 0.5 }, { act: "undo" }, { act: "redo" }, { act: "acceptAll" },
  ][Math.floor(roll(12))];
}

test("boxes are inside the picture and have an area, whatever is done, and what is undone is as it was", () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const roll = chance(seed);
    let state = begun();
    for (let n = 0; n < 120; n += 1) {
      const before = state;
      state = next(state, deed(roll, state, n));
      for (const mark of state.sheet.marks) assert.ok(fits(mark.box), `seed ${seed}, step ${n}: ${mark.box}`);
      assert.equal(new Set(state.sheet.marks.map((mark) => mark.id)).size, state.sheet.marks.length);
      assert.ok(state.selected === null || markOf(state), "what is chosen is there");
      if (state.past.length === before.past.length + 1 && state.future.length === 0 && before.sheet !== state.sheet && before.future.length === 0) {
        assert.deepEqual(next(state, { act: "undo" }).sheet, before.sheet);
        assert.deepEqual(next(next(state, { act: "undo" }), { act: "redo" }).sheet, state.sheet);
      }
    }
    while (state.past.length) state = next(state, { act: "undo" });
    assert.deepEqual(wireOf(state.sheet), wireOf(begun().sheet));
  }
});

test("a machine's box that is touched in any way is a person's, and keeps which model it came from", () => {
  for (const action of [{ act: "place", box: [1, 1, 9, 9] }, { act: "nudge", dx: 1, dy: 0 }, { act: "relabel", category: "car" }, { act: "accept" }]) {
    const mark = markOf(next(begun(), { id: "m0", ...action }), "m0");
    assert.equal(mark.source, "person", action.act);
    assert.equal(mark.model, "sha256:aa");
  }
  assert.equal(markOf(next(begun(), { act: "select", id: "m0" })).source, "model");
});

test("key presses in a row are one step to undo, until something else is done", () => {
  let state = next(begun(), { act: "select", id: "m0" });
  for (let n = 0; n < 5; n += 1) state = next(state, { act: "nudge", id: "m0", dx: 2, dy: 0, run: "keys" });
  state = next(state, { act: "relabel", id: "m0", category: "car" });
  for (let n = 0; n < 5; n += 1) state = next(state, { act: "nudge", id: "m0", dx: 2, dy: 0, run: "keys" });
  assert.equal(state.past.length, 3);
  state = next(state, { act: "undo" });
  assert.deepEqual([markOf(state).box[0], markOf(state).category], [20, "car"]);
  assert.equal(markOf(next(next(state, { act: "undo" }), { act: "undo" })).box[0], 10);
});

test("what changes nothing is no step", () => {
  const state = begun();
  for (const action of [{ act: "relabel", id: "m9", category: "car" }, { act: "remove", id: "m9" }, { act: "undo" }, { act: "redo" }, { act: "select", id: "m9" }]) assert.equal(next(state, action), state);
  assert.throws(() => next(state, { act: "dance" }), /knows no dance/);
});

test("there and back over the wire is the same, to the last bit", () => {
  const roll = chance(7);
  for (let n = 0; n < 500; n += 1) {
    const sheet = { marks: [{ ...model, kind: "box", box: between(roll(640), roll(480), roll(640), roll(480), SIZE) }], exhaustive: ["car"] };
    const again = sheetOf(JSON.parse(JSON.stringify(wireOf(sheet))), SIZE);
    assert.deepEqual(wireOf(again), wireOf(sheet));
    assert.equal(print(wireOf(again)), print(wireOf(sheet)));
  }
});

test("order and the noise of floats do not make labels differ, a person's touch and a place do", () => {
  const other = { ...model, id: "m1" };
  assert.ok(same({ ...wire, boxes: [model, other] }, { ...wire, boxes: [other, { ...model, box: [10 + 1e-9, 10, 50, 60] }] }));
  assert.ok(!same(wire, { ...wire, boxes: [{ ...model, source: "person" }] }));
  assert.ok(!same(wire, { ...wire, boxes: [{ ...model, box: [11, 10, 50, 60] }] }));
  assert.ok(!same(wire, { ...wire, ignore: [] }));
});

test("both people's marks: none is lost, none is there twice, and only what both say is complete", () => {
  const mine = { marks: [{ ...model, kind: "box", box: [1, 1, 9, 9] }], exhaustive: ["car", "person"] };
  const theirs = sheetOf({ boxes: [model, { ...model, id: "x", box: [100, 100, 9, 9] }], exhaustive_for: ["car"], ignore: [[3, 3, 5, 5]] }, SIZE);
  const all = both(mine, theirs);
  assert.deepEqual(all.marks.map((mark) => mark.box), [[1, 1, 9, 9], [100, 100, 9, 9], [3, 3, 5, 5]]);
  assert.deepEqual(all.exhaustive, ["car"]);
  assert.equal(both(all, theirs).marks.length, 3);
});

test("a corner that is drawn over the other one turns the box round", () => {
  assert.deepEqual(resized([100, 100, 50, 50], "se", -80, -70, SIZE), [70, 80, 30, 20]);
  assert.deepEqual(resized([100, 100, 50, 50], "n", 5, -30, SIZE), [100, 70, 50, 80]);
  assert.deepEqual(moved([600, 400, 40, 80], 50, 50, SIZE), [600, 400, 40, 80]);
});

test("handles: corners, sides, and a middle to move by even in a small box", () => {
  const box = [100, 100, 60, 40];
  assert.deepEqual([[100, 100], [160, 140], [130, 97], [97, 120], [130, 120], [60, 120]].map(([x, y]) => handleAt(box, x, y, 6)), ["nw", "se", "n", "w", null, null]);
  assert.equal(handleAt([100, 100, 9, 9], 104.5, 104.5, 6), null);
});

test("from box to box as one reads, round and round", () => {
  let state = opened(sheetOf({ boxes: [[400, 300], [30, 302], [200, 10]].map(([x, y], n) => ({ ...model, id: `b${n}`, box: [x, y, 9, 9] })), exhaustive_for: [], ignore: [] }, SIZE), SIZE);
  const seen = [];
  for (let n = 0; n < 4; n += 1) {
    state = next(state, { act: "select", id: neighbour(state, 1) });
    seen.push(state.selected);
  }
  assert.deepEqual(seen, ["b2", "b1", "b0", "b2"]);
  assert.equal(neighbour(state, -1), "b0");
});
