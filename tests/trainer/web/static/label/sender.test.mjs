// Work on its way to the trainer: killed servers, lost answers, somebody faster, a browser that forgets nothing.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Api, Refusal } from "../label/api.js";
import { print } from "../label/labels.js";
import { Sender } from "../label/sender.js";
import { Shelf } from "../label/shelf.js";

const labels = (x) => ({ boxes: [{ id: "b", box: [x, 0, 9, 9], category: "car", source: "person", model: null, confidence: null }], exhaustive_for: [], ignore: [] });

/** A browser's storage; `room` bytes, then it refuses as browsers do. */
class Store {
  constructor(room = Infinity) { this.map = new Map(); this.room = room; }
  get length() { return this.map.size; }
  key(n) { return [...this.map.keys()][n] ?? null; }
  getItem(key) { return this.map.get(key) ?? null; }
  removeItem(key) { this.map.delete(key); }
  setItem(key, value) { if (value.length > this.room) throw new Error("QuotaExceededError"); this.map.set(key, value); }
}

/** The trainer's rules about versions and idempotency keys; `fate` says what happens to the next requests. */
class Trainer {
  version = 3; draftNow = null; by = "lea"; state = "open"; keys = new Map(); asked = []; fate = [];
  #begin(version) {
    if (this.state !== "open") throw new Refusal("refused", "it is done; reopen it", null, 409);
    if (version !== this.version) throw new Refusal("faster", "late", { version: this.version, by: this.by, at: "2026-11-22T00:00:00Z", draft: this.draftNow }, 412);
  }
  #end(result) {
    if (this.fate.shift() === "killed after") throw new Refusal("offline", "broke off");
    return result;
  }
  async draft(id, version, body) {
    this.asked.push(["draft", version, print(body), body.seconds]);
    if (this.fate[0] === "killed before") { this.fate.shift(); throw new Refusal("offline", "no answer"); }
    this.#begin(version);
    [this.draftNow, this.version, this.by] = [body, this.version + 1, "lea"];
    return this.#end({ version: this.version });
  }
  async answer(id, version, key, body) {
    this.asked.push(["answer", version, key]);
    if (this.fate[0] === "killed before") { this.fate.shift(); throw new Refusal("offline", "no answer"); }
    if (this.keys.has(key)) return this.#end({ version: this.keys.get(key), next: "n" });
    this.#begin(version);
    [this.draftNow, this.version, this.state] = [body, this.version + 1, "done"];
    this.keys.set(key, this.version);
    return this.#end({ version: this.version, next: "n" });
  }
}

function desk(store = new Store(), trainer = new Trainer()) {
  const timers = new Map();
  let now = 1000;
  let number = 0;
  const clock = { now: () => now, later: (act, ms) => { timers.set((number += 1), { act, due: now + ms }); return number; }, forget: (n) => timers.delete(n) };
  const told = [];
  const shelf = new Shelf(store, "lea", "t1");
  const sender = new Sender(trainer, shelf, clock, (each) => told.push(each));
  const pass = async (ms) => {
    now += ms;
    for (const [n, { act, due }] of [...timers]) if (due <= now && timers.delete(n)) act();
    for (let n = 0; n < 50; n += 1) await Promise.resolve();
  };
  return { sender, trainer, shelf, store, told, pass, last: () => told.at(-1) };
}

test("many changes in a row are one draft, a moment after the last; before that they are in the browser", async () => {
  const { sender, trainer, store, pass, last } = desk();
  for (let x = 0; x < 5; x += 1) { sender.edit("i", 3, labels(x), x); await pass(300); }
  assert.equal(trainer.asked.length, 0);
  assert.equal(store.length, 1);
  await pass(700);
  assert.deepEqual(trainer.asked.map(([what, version]) => [what, version]), [["draft", 3]]);
  assert.deepEqual([last().state, store.length, trainer.draftNow.boxes[0].box[0]], ["saved", 0, 4]);
});

test("a change while the one before is on its way goes on top of it", async () => {
  const { sender, trainer, pass } = desk();
  sender.arrived = () => { sender.arrived = () => {}; };
  sender.edit("i", 3, labels(1), 1);
  const going = sender.flush();
  sender.edit("i", 3, labels(2), 2);
  await going;
  await pass(5000);
  assert.deepEqual(trainer.asked.map(([, version]) => version), [3, 4]);
  assert.equal(trainer.draftNow.boxes[0].box[0], 2);
});

test("the trainer killed before or after it wrote: it is tried again, later and later, and what it has already is no conflict", async () => {
  for (const fate of ["killed before", "killed after"]) {
    const { sender, trainer, told, pass, last } = desk();
    trainer.fate = [fate, "killed before"];
    sender.edit("i", 3, labels(1), 1);
    await pass(700);
    assert.equal(last().state, "offline");
    sender.edit("i", 3, labels(2), 2); // one goes on working meanwhile
    await pass(1000);
    assert.equal(last().state, "offline");
    await pass(1500);
    assert.equal(trainer.asked.length, 2);
    await pass(600);
    assert.deepEqual([last().state, trainer.draftNow.boxes[0].box[0], sender.theirs("i")], ["saved", 2, null], fate);
    assert.ok(!told.some((each) => each.state === "faster"));
  }
});

test("an answer whose acknowledgement was lost is asked for again with its key, and given once", async () => {
  const { sender, trainer, pass, last } = desk();
  trainer.fate = ["killed after"];
  await sender.answer("i", 3, labels(1), 4, "boxes");
  assert.equal(last().state, "offline");
  await pass(1000);
  assert.equal(last().state, "saved");
  assert.deepEqual([trainer.version, trainer.keys.size], [4, 1]);
  assert.equal(new Set(trainer.asked.map(([, , key]) => key)).size, 1);
});

test("an answer after a draft whose acknowledgement was lost goes on top of that draft", async () => {
  const { sender, trainer, pass, last } = desk();
  trainer.fate = ["killed after"];
  sender.edit("i", 3, labels(1), 1);
  await pass(700);
  await sender.answer("i", 3, labels(2), 4, "boxes");
  await pass(5000);
  assert.deepEqual([last().state, trainer.state, trainer.version, trainer.draftNow.boxes[0].box[0]], ["saved", "done", 5, 2]);
});

test("somebody faster: nothing is sent until the person has chosen; mine goes on top of theirs, theirs takes mine away", async () => {
  for (const whose of ["mine", "theirs"]) {
    const { sender, trainer, store, pass, last } = desk();
    [trainer.version, trainer.draftNow, trainer.by] = [4, labels(50), "ada"];
    sender.edit("i", 3, labels(1), 1);
    await pass(700);
    assert.deepEqual([last().state, sender.theirs("i").by, store.length], ["faster", "ada", 1]);
    sender.edit("i", 3, labels(2), 2);
    await pass(60_000);
    assert.equal(trainer.asked.length, 1);
    sender.settle("i", whose, 4);
    await pass(10);
    assert.deepEqual([last().state, store.length, trainer.version], ["saved", 0, whose === "mine" ? 5 : 4]);
    assert.equal(trainer.draftNow.boxes[0].box[0], whose === "mine" ? 2 : 50);
  }
});

test("one item that is refused or contested does not hold up the others", async () => {
  const { sender, trainer, pass, last } = desk();
  const real = trainer.draft.bind(trainer);
  trainer.draft = async (id, ...more) => { if (id === "bad") throw new Refusal("refused", "box 1: is no class"); return real(id, ...more); };
  sender.edit("bad", 1, labels(1), 1);
  sender.edit("good", 3, labels(2), 1);
  await pass(700);
  assert.deepEqual([last().state, last().said, last().unsent, trainer.version], ["refused", "box 1: is no class", 1, 4]);
  trainer.draft = real;
  trainer.version = 1;
  await sender.retry();
  assert.equal(last().state, "saved");
});

test("a new life of the page sends what the old one left, with what it knew of versions", async () => {
  const old = desk();
  old.trainer.fate = ["killed after"];
  old.sender.edit("i", 3, labels(1), 7);
  await old.pass(700);
  old.sender.edit("i", 3, labels(2), 9);
  const young = desk(old.store, old.trainer);
  young.sender.take(young.shelf.all(new Set()));
  assert.equal(young.sender.work("i").labels.boxes[0].box[0], 2);
  await young.pass(10);
  assert.deepEqual([young.last().state, old.trainer.draftNow.boxes[0].box[0], old.store.length], ["saved", 2, 0]);
});

test("work of another person, or of a tab that lives, is left alone; of a tab that is gone it is taken over", () => {
  const store = new Store();
  const work = (item, at) => ({ item, version: 1, labels: labels(at), sent: [], answer: null, seconds: 1, at });
  new Shelf(store, "ada", "t9").put(work("i", 1));
  new Shelf(store, "lea", "living").put(work("j", 2));
  new Shelf(store, "lea", "gone").put(work("k", 3));
  new Shelf(store, "lea", "gone too").put(work("k", 4));
  store.setItem("something else", "x");
  const mine = new Shelf(store, "lea", "t1");
  assert.deepEqual(mine.all(new Set(["living"])).map((each) => [each.item, each.at]), [["k", 4]]);
  assert.deepEqual(mine.all(new Set(["living"])).map((each) => each.item), ["k"]);
  assert.equal(store.length, 4);
});

test("a browser without room says so, and the work is sent all the same", async () => {
  const { sender, trainer, told, pass, last } = desk(new Store(20));
  sender.edit("i", 3, labels(1), 1);
  assert.equal(last().state, "full");
  assert.match(last().said, /do not close/);
  await pass(700);
  assert.deepEqual([last().state, trainer.version], ["saved", 4]);
  assert.ok(told.length > 2);
});

test("seconds are told once, however often a draft is sent", async () => {
  const { sender, trainer, pass } = desk();
  sender.edit("i", 3, labels(1), 10);
  await pass(700);
  sender.edit("i", 4, labels(2), 12.5);
  await pass(700);
  await sender.answer("i", 5, labels(2), 14, "boxes");
  assert.deepEqual(trainer.asked.map((each) => each[3]).slice(0, 2), [10, 2.5]);
});

const answering = (status, body, more = {}) => async () => ({ ok: status < 300, status, statusText: "", type: "basic", json: async () => body, ...more });

test("what the trainer says becomes one reason each", async () => {
  const reason = (...fate) => new Api(() => "t", async () => false, answering(...fate)).item("i").then(() => "fine", (error) => `${error.why}: ${error.message}`);
  assert.equal(await reason(200, {}), "fine");
  assert.equal(await reason(422, { detail: "box 1: outside" }), "refused: box 1: outside");
  assert.match(await reason(503, null), /^offline/);
  assert.match(await reason(401, null), /^out/);
  assert.match(await reason(0, null, { type: "opaqueredirect" }), /^out/);
  assert.match(await reason(200, null, { json: async () => { throw new SyntaxError("cut"); } }), /^offline: the answer broke off/);
  assert.match(await new Api(() => "t", async () => false, async () => { throw new TypeError("refused"); }).item("i").catch((error) => error.why), /offline/);
});

test("a token that is too old is renewed once, and what was asked is asked again", async () => {
  const tokens = [];
  let token = "old";
  const fetching = async (path, { headers }) => { tokens.push(headers["X-CSRF-Token"]); return answering(headers["X-CSRF-Token"] === "new" ? 200 : 403, { version: 2 })(); };
  const api = new Api(() => token, async () => { token = "new"; return true; }, fetching);
  assert.deepEqual(await api.draft("i", 1, { ...labels(1), seconds: 1 }), { version: 2 });
  assert.deepEqual(tokens, ["old", "new"]);
});
