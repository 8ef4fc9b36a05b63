// The labelling page put together: who hears what, and where the first picture comes from.

import { Api } from "./api.js";
import { Contest } from "./contest.js";
import { DEEDS, classify, list, pick } from "./deeds.js";
import { Desk } from "./desk.js";
import { Keys } from "./help.js";
import { fresh } from "./labels.js";
import { meant } from "./keys.js";
import { Panel } from "./panel.js";
import { Pictures } from "./pictures.js";
import { Queue } from "./queue.js";
import { $, say, spelt } from "./say.js";
import { Sender } from "./sender.js";
import { Shelf, tabName } from "./shelf.js";
import { Stage } from "./stage.js";
import { Strip } from "./strip.js";

const root = $("label");
const asked = new URLSearchParams(location.search);
const csrf = /** @type {HTMLMetaElement} */ (document.querySelector("meta[name=csrf]"));

/** The page read again: after another login its token is another. @returns {Promise<boolean>} whether it is another */
async function renewed() {
  const response = await fetch("/label", { credentials: "same-origin", redirect: "manual" });
  if (!response.ok) return false;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const [token, person] = [page.querySelector("meta[name=csrf]")?.getAttribute("content"), page.getElementById("label")?.dataset.person];
  if (!token || person !== root.dataset.person || token === csrf.content) return false; // another person's login is not this one's
  csrf.content = token;
  return true;
}

const api = new Api(() => csrf.content, renewed);
const queue = new Queue(api, { state: asked.get("state") ?? "open", reason: asked.get("reason") ?? "", set: asked.get("set") ?? "" });
const [pictures, panel, keys, stage] = [new Pictures(), new Panel(), new Keys(), new Stage($("stage"))];
const strip = new Strip(pictures);
const { tab, living } = await tabName();
const shelf = new Shelf(localStorage, root.dataset.person, tab);
const clock = { now: () => Date.now(), later: (/** @type {() => void} */ act, /** @type {number} */ ms) => setTimeout(act, ms), forget: (/** @type {number} */ timer) => clearTimeout(timer) };
/** @type {any} */
let stats = null;

/** How many are left of those that are asked for; null: not known. */
function left() {
  const { state, reason, set } = queue.filter;
  const unsent = state === "open" ? queue.items.filter((item) => item.state === "open" && sender.work(item.id)?.answer).length : 0;
  if (queue.whole) return queue.items.filter((item) => item.state === state).length - unsent;
  if (!stats || set) return null;
  return (reason ? stats.reasons[reason]?.[state] ?? 0 : stats.states[state] ?? 0) - unsent;
}

const sender = new Sender(api, shelf, clock, (told) => {
  panel.saved(told, sender.contested.some((id) => id !== desk.item?.id));
  contest.look();
  refresh();
});
const desk = new Desk({ api, queue, pictures, stage, panel, strip, sender, writes: root.dataset.role !== "viewer", left });
const contest = new Contest(desk);
const refresh = () => strip.count(left(), desk.worked.seconds, queue.filter.state);

async function counts() {
  stats = await api.stats().catch(() => stats);
  if (!stats) return;
  fill("reason", Object.keys(stats.reasons), spelt);
  fill("set", Object.keys(stats.sets), (name) => name);
  refresh();
}

/** @param {"reason"|"set"} name @param {string[]} values @param {(value: string) => string} words */
function fill(name, values, words) {
  const select = /** @type {HTMLSelectElement} */ ($("filters").elements[name]);
  const known = new Set([...select.options].map((option) => option.value));
  for (const value of new Set([...values, queue.filter[name]])) if (value && !known.has(value)) select.add(new Option(words(value), value));
  select.value = queue.filter[name];
}

/** @param {string} act @param {import("./deeds.js").How} how */
function act(act, how) {
  desk.worked.alive();
  if (act === "help") return keys.open();
  if (act === "classes") return pick(desk);
  if (act === "seeBoth") return contest.seeBoth();
  if (act === "takeTheirs") return contest.take();
  if (act === "keepMine") return contest.keep("mine");
  if (act === "keepBoth") return contest.keep("both");
  return DEEDS[act]?.(desk, how);
}

/** Whether the element has its own use of keys. @param {KeyboardEvent} event */
function busy(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  if (document.querySelector("dialog[open]") || target.closest("select, textarea, input:not([type=checkbox])")) return true;
  return (event.key === "Enter" || event.key === " ") && target.closest("button, a, input, summary") !== null;
}

addEventListener("keydown", (event) => {
  if (busy(event)) return;
  if (event.key === " ") event.preventDefault(); // space and drag moves the picture, and not the page
  const found = meant(keys.rows, desk.mode, event);
  if (!found) return;
  event.preventDefault();
  void act(found.act, { at: found.at, fine: event.altKey, pointer: false });
});
root.ownerDocument.addEventListener("click", (event) => {
  const button = /** @type {HTMLElement} */ (event.target).closest("[data-act]");
  if (button) void act(/** @type {HTMLElement} */ (button).dataset.act ?? "", { at: 0, fine: false, pointer: event.detail > 0 });
});

stage.meant = (intent) => {
  desk.worked.alive();
  if (intent.do === "select") desk.do({ act: "select", id: intent.id });
  if (intent.do === "place") desk.do({ act: "place", id: intent.id, box: intent.box });
  if (intent.do !== "add") return;
  if (intent.kind === "box" && !desk.category) return void DEEDS.newBox(desk, { at: 0, fine: false, pointer: true });
  [desk.armed, desk.mode] = [null, "review"];
  desk.do({ act: "add", id: fresh(), kind: intent.kind, category: desk.category, box: intent.box });
  desk.draw();
};
panel.meant = (deed, given) => {
  if (deed === "select") desk.do({ act: "select", id: given });
  if (deed === "category") classify(desk, given);
  if (deed === "exhaustive") desk.tick(given.category, given.on);
};
strip.meant = (id) => void desk.show(id);
desk.listed = () => strip.show(queue.items, desk.item?.id ?? "", (id) => sender.work(id) !== null);
desk.shown = (item) => {
  desk.listed();
  if (location.pathname !== `/label/${item.id}`) history.pushState(null, "", `/label/${item.id}${location.search}`);
  if (document.activeElement === document.body || document.activeElement === null) $("stage").focus({ preventScroll: true });
  queueMicrotask(() => contest.look());
};

$("picker-text").addEventListener("input", () => list(desk));
$("picker").addEventListener("submit", (/** @type {SubmitEvent} */ event) => {
  const name = /** @type {HTMLButtonElement|null} */ (event.submitter)?.value;
  if (name) classify(desk, name);
});
$("filters").addEventListener("change", () => {
  const wanted = new URLSearchParams(/** @type {any} */ (new FormData($("filters"))));
  for (const [name, value] of [...wanted]) if (!value || (name === "state" && value === "open")) wanted.delete(name);
  location.assign(`/label${wanted.size ? `?${wanted}` : ""}`);
});
addEventListener("popstate", () => {
  const id = location.pathname.split("/")[2];
  if (id) void desk.show(decodeURIComponent(id));
});
document.addEventListener("visibilitychange", () => (document.hidden ? desk.worked.away() : desk.worked.alive()));
addEventListener("pointermove", () => desk.worked.alive(), { passive: true });
addEventListener("online", () => sender.retry());
addEventListener("pagehide", () => void sender.flush());
addEventListener("beforeunload", (event) => { if (root.dataset.saved === "full") event.preventDefault(); });
setInterval(refresh, 1000);
setInterval(counts, 60_000);

async function begin() {
  sender.take(shelf.all(await living()));
  if (sender.unsent) await Promise.race([sender.flush(), new Promise((done) => setTimeout(done, 2000))]);
  $("filters").elements.state.value = queue.filter.state;
  await queue.load();
  void counts();
  const id = root.dataset.item || (await first());
  if (id) return desk.show(id);
  desk.notice("Nothing waits to be labelled.");
  root.dataset.state = "empty";
}

/** What the trainer hands out, so that two people begin with two pictures. */
async function first() {
  const whole = queue.filter.state === "open" && !queue.filter.reason && !queue.filter.set;
  const told = whole && desk.parts.writes ? await api.next().catch(() => null) : null;
  return told?.next ?? queue.items[0]?.id ?? null;
}

async function started() {
  try {
    await begin();
  } catch (error) {
    desk.notice(`${/** @type {Error} */ (error).message}; trying again`);
    say("trying again");
    setTimeout(started, 2000);
  }
}
await started();
