// Fingers, mouse, keys and the clock of work, without a page.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Worked } from "../label/clock.js";
import { DEEDS } from "../label/deeds.js";
import { Hand } from "../label/gestures.js";
import { TABLE, mapped, meant, named, readable, rebound } from "../label/keys.js";
import { fitting, seen, toPicture, zoomed } from "../label/view.js";

const SIZE = { width: 640, height: 480 };
const SCREEN = { width: 320, height: 240 };
const view = fitting(SIZE, SCREEN);
const mark = (id, box) => ({ id, kind: "box", box, category: "car", source: "person", model: null, confidence: null });
const world = (more = {}) => ({ view, size: SIZE, screen: SCREEN, marks: [mark("a", [100, 100, 200, 200]), mark("b", [150, 150, 40, 40])], selected: null, armed: null, open: true, ...more });
const at = (x, y, id = 1, touch = false) => ({ id, x: x / 2, y: y / 2, touch, pan: false }); // in pixels of the picture

function drag(hand, from, to, where) {
  return [...hand.down(at(...from), where), ...hand.move(at(...to), where), ...hand.up(at(...to), where)].filter((each) => each.do !== "quiet");
}

test("a drag over nothing, or over what is not chosen, draws; out of the picture it stops at the border", () => {
  assert.deepEqual(drag(new Hand(), [400, 300], [500, 400], world()).at(-1), { do: "add", kind: "box", box: [400, 300, 100, 100] });
  assert.deepEqual(drag(new Hand(), [160, 160], [120, 120], world()).at(-1), { do: "add", kind: "box", box: [120, 120, 40, 40] });
  assert.deepEqual(drag(new Hand(), [600, 400], [900, 900], world()).at(-1).box, [600, 400, 40, 80]);
  assert.equal(drag(new Hand(), [400, 300], [500, 400], world({ armed: "ignore" })).at(-1).kind, "ignore");
});

test("a drag on the chosen box moves it, on its corner resizes it, and armed it draws all the same", () => {
  const chosen = world({ selected: "a" });
  assert.deepEqual(drag(new Hand(), [220, 220], [230, 240], chosen).at(-1), { do: "place", id: "a", box: [110, 120, 200, 200] });
  assert.deepEqual(drag(new Hand(), [300, 300], [320, 330], chosen).at(-1), { do: "place", id: "a", box: [100, 100, 220, 230] });
  assert.equal(drag(new Hand(), [220, 220], [240, 260], world({ selected: "a", armed: "box" })).at(-1).do, "add");
});

test("a click chooses the smallest, once more the one below it, and beside everything nothing", () => {
  const click = (x, y, where) => drag(new Hand(), [x, y], [x + 2, y + 2], where);
  assert.deepEqual(click(170, 170, world()), [{ do: "select", id: "b" }]);
  assert.deepEqual(click(170, 170, world({ selected: "b" })), [{ do: "select", id: "a" }]);
  assert.deepEqual(click(500, 400, world({ selected: "b" })), [{ do: "select", id: null }]);
});

test("one finger draws; a second one makes it a pinch, and the one that stays draws nothing", () => {
  const hand = new Hand();
  hand.down(at(400, 300, 1, true), world());
  assert.equal(hand.move(at(460, 360, 1, true), world())[0].do, "preview");
  assert.deepEqual(hand.down(at(500, 400, 2, true), world()), [{ do: "quiet" }]);
  const zoom = hand.move(at(600, 470, 2, true), world())[0];
  assert.equal(zoom.do, "view");
  assert.ok(zoom.view.scale > view.scale);
  assert.deepEqual(hand.up(at(600, 470, 2, true), world()), []);
  assert.deepEqual(hand.move(at(300, 300, 1, true), world()), []);
  assert.deepEqual(hand.up(at(300, 300, 1, true), world()), []);
  assert.equal(hand.busy, false);
  assert.equal(drag(hand, [400, 300], [500, 400], world()).at(-1).do, "add");
});

test("a finger that the system takes away has done nothing, and who may not change anything moves the picture", () => {
  const hand = new Hand();
  hand.down(at(400, 300), world());
  hand.move(at(500, 400), world());
  assert.deepEqual(hand.cancel(1), [{ do: "quiet" }]);
  assert.deepEqual(hand.up(at(500, 400), world()), []);
  assert.ok(drag(new Hand(), [220, 220], [300, 300], world({ selected: "a", open: false })).every((each) => each.do === "view"));
});

test("the point under the pointer stays where it is while the picture is zoomed, and the picture never leaves the screen", () => {
  let now = view;
  for (const factor of [1.5, 1.5, 3, 0.5, 8, 0.01]) {
    const before = toPicture(now, 100, 90);
    const then = zoomed(now, factor, 100, 90, SIZE, SCREEN);
    if (then.scale > view.scale) for (const n of [0, 1]) assert.ok(Math.abs(toPicture(then, 100, 90)[n] - before[n]) < 1e-6);
    now = then;
    const [, , w, h] = seen(now, SIZE, SCREEN);
    assert.ok(w > 0 && h > 0);
  }
});

const pressed = (key, more = {}) => ({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...more });

test("no key means two things at once, and every action of the table is done by somebody", () => {
  for (const mode of ["review", "box"]) {
    const keys = TABLE.flatMap((row) => row[mode]);
    assert.equal(new Set(keys).size, keys.length, mode);
  }
  assert.deepEqual(TABLE.map((row) => row.act).filter((act) => !DEEDS[act] && !["help", "classes"].includes(act)), []);
});

test("keys are found by their names, digits also where they need Shift, and a Mac's command key is Ctrl", () => {
  const rows = mapped({});
  assert.equal(meant(rows, "review", pressed("Enter")).act, "approve");
  assert.equal(meant(rows, "box", pressed("Enter")).act, "done");
  assert.equal(meant(rows, "review", pressed("?", { shiftKey: true })).act, "help");
  assert.equal(meant(rows, "review", pressed("Z", { metaKey: true, shiftKey: true })).act, "redo");
  assert.deepEqual(meant(rows, "review", pressed("&", { code: "Digit1" })), { act: "category", at: 0 });
  assert.deepEqual(meant(rows, "box", pressed("ArrowLeft", { altKey: true, shiftKey: true })), { act: "narrower", at: 1 });
  assert.equal(meant(rows, "review", pressed("q")), null);
  assert.deepEqual([named(pressed("+", { shiftKey: true })), readable("ctrl+shift+z"), readable("alt+arrowup")], ["+", "Ctrl Shift Z", "Alt ↑"]);
});

test("a person's key takes the place of the old one, and what had it loses it", () => {
  const own = rebound({}, "review", "skip", 0, "a");
  const rows = mapped(own);
  assert.equal(meant(rows, "review", pressed("a")).act, "skip");
  assert.equal(meant(rows, "review", pressed("s")), null);
  assert.equal(meant(rows, "review", pressed("Enter")).act, "approve");
  assert.equal(meant(mapped({ "review skip": "not a list" }), "review", pressed("s")).act, "skip");
});

test("only time with signs of life in it counts as work", () => {
  let now = 0;
  const worked = new Worked(() => now);
  now += 5000; worked.alive();
  now += 3_600_000; worked.alive(); // went for lunch with the page open
  now += 2000; worked.away();
  now += 60_000; worked.alive();
  now += 1500;
  assert.equal(worked.seconds, 5 + 30 + 2 + 1.5);
});
