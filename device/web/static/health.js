// The health page: the states in words as they change, and the last ten minutes as plots.

import { on } from "./page.js";
import { Plot } from "./plot.js";
import { localise } from "./time.js";

const KEPT = 300;
const parent = document.getElementById("plots");
const plots = new Map();
const store = { t: [], series: new Map() };

function take({ t_ms: t, series }) {
  const before = store.t.length;
  store.t.push(...t);
  for (const { camera, group, name, values } of series) {
    const key = JSON.stringify([camera, group, name]);
    if (!store.series.has(key)) store.series.set(key, { camera, group, name, values: Array(before).fill(null) });
    store.series.get(key).values.push(...values);
  }
  for (const one of store.series.values()) while (one.values.length < store.t.length) one.values.push(null);
  const over = Math.max(0, store.t.length - KEPT);
  store.t.splice(0, over);
  for (const one of store.series.values()) one.values.splice(0, over);
}

const words = (name) => name.replaceAll("_", " ").replace(/^./, (letter) => letter.toUpperCase());

function plot(key, title, unit, series) {
  if (!plots.has(key)) plots.set(key, new Plot(parent, title, unit));
  plots.get(key).set(store.t, series);
}

// Stages: one plot a camera and stage group would be many; the three percentiles of each stage go together.
function draw() {
  document.getElementById("no-plots").hidden = store.t.length > 0;
  const all = [...store.series.values()];
  const cameras = new Set(all.map(({ camera }) => camera));
  const several = cameras.size > 1;
  for (const camera of cameras) {
    const series = all.filter((one) => one.group === "fps" && one.camera === camera);
    if (series.length) plot(`fps ${camera}`, several ? `Frames, ${camera}` : "Frames", "per s", series);
  }
  const named = ({ camera, name }) => (several ? `${camera} ${name}` : name);
  for (const [group, title, unit, name] of [["age", "Age of the newest frame", "ms", ({ camera }) => camera], ["drops", "Dropped", "per s", named]]) {
    const series = all.filter((one) => one.group === group).map((one) => ({ name: name(one), values: one.values }));
    if (series.length) plot(group, title, unit, series);
  }
  const stages = new Map();
  for (const one of all.filter(({ group }) => group === "stage")) {
    const [, stage, rank] = one.name.match(/^(.*) (p\d+)$/);
    const key = `${one.camera} ${stage}`;
    if (!stages.has(key)) stages.set(key, { title: cameras.size > 1 && one.camera ? `${stage}, ${one.camera}` : stage, series: [] });
    stages.get(key).series.push({ name: rank, values: one.values });
  }
  const order = (key) => (key.includes("capture_to_result") ? 0 : 1);
  for (const [key, { title, series }] of [...stages].sort(([a], [b]) => order(a) - order(b))) {
    plot(`stage ${key}`, `Time: ${title.replaceAll("_", " ")}`, "ms", series);
  }
  const depths = all.filter(({ group }) => group === "depth");
  for (const name of new Set(depths.map((one) => one.name))) {
    const series = depths.filter((one) => one.name === name).map((one) => ({ name: one.camera || "all", values: one.values }));
    plot(`depth ${name}`, words(name), "", series);
  }
}

async function trends() {
  const answer = await fetch(`/api/v1/health/trends?after=${store.t.at(-1) ?? 0}`);
  if (answer.ok) {
    take(await answer.json());
    draw();
  }
}

const bytes = (count) => (count === null || count === undefined ? "–" : count >= 1e9 ? `${(count / 1e9).toFixed(1)} GB` : `${Math.round(count / 1e6)} MB`);
const long = (s) => (s >= 86400 ? `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h` : s >= 3600 ? `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min` : `${Math.floor(s / 60)} min ${Math.floor(s % 60)} s`);
const box = (name, text) => { document.querySelector(`[data-box="${name}"]`).textContent = text; };

async function system() {
  const answer = await fetch("/api/v1/health");
  if (!answer.ok) return;
  const { system: now, outbox, wear, alerts } = await answer.json();
  standing(alerts ?? []);
  if (wear) {
    const worn = Object.entries(wear.disks).filter(([, disk]) => disk.used_percent !== null);
    box("written", wear.per_day_bytes === null ? "known in an hour" : bytes(wear.per_day_bytes));
    box("wear", worn.map(([name, disk]) => `${name} ${disk.used_percent} %`).join(", ") || "not told");
  }
  if (now) {
    box("uptime", long(now.uptime_s));
    box("memory", bytes(now.rss_bytes));
    box("cpu", `${Math.round(now.cpu_percent)} % of a core`);
    box("disk", bytes(now.disk_free_bytes));
    const slowed = now.throttled?.length ? ", slowed" : "";
    box("temperature", now.temperature_c === null ? "not known" : `${now.temperature_c.toFixed(0)} °C${slowed}`);
  }
  box("outbox", outbox ? `${outbox.depth} waiting` : "none");
}

// What is pushed, as the box words it; a box to which nothing is pushed shows nothing.
const pushed = document.getElementById("pushed");
async function follow() {
  if (pushed.hidden || document.hidden) return;
  const answer = await fetch("/health/pushed");
  if (answer.ok) {
    pushed.innerHTML = await answer.text();
    localise(pushed);
  }
}

// What stands, the worst first, with what to do.
const LEVELS = { info: "idle", warning: "degraded", critical: "failed" };
function standing(alerts) {
  const list = document.getElementById("alerts");
  list.replaceChildren(...alerts.map(({ id, level, text, mend }) => {
    const item = document.createElement("li");
    item.dataset.name = id;
    item.dataset.state = LEVELS[level] ?? "degraded";
    item.innerHTML = '<span class="dot"></span><b></b><span class="say"></span><span class="why"></span>';
    item.querySelector("b").textContent = level;
    item.querySelector(".say").textContent = text.split("; ")[0];
    item.querySelector(".why").textContent = mend;
    return item;
  }));
  document.getElementById("alerts-panel").hidden = !alerts.length;
}

function states(list, items) {
  for (const { name, state, text, reason } of items) {
    let item = list.querySelector(`[data-name="${CSS.escape(name)}"]`);
    if (!item) {
      if (!list.querySelector("[data-name]")) list.replaceChildren();
      item = document.createElement("li");
      item.dataset.name = name;
      item.innerHTML = '<span class="dot"></span><b></b><span class="say"></span><span class="why"></span>';
      item.querySelector("b").textContent = name;
      list.append(item);
    }
    item.dataset.state = state;
    item.querySelector(".say").textContent = text ?? state;
    item.querySelector(".why").textContent = reason;
  }
}

on("status", ({ cameras, parts }) => {
  states(document.getElementById("cameras"), cameras);
  states(document.getElementById("parts"), parts);
  const count = (wanted) => [...cameras, ...parts].filter(({ state }) => state === wanted).length;
  const wrong = count("failed"), less = count("degraded");
  const verdict = document.getElementById("verdict");
  verdict.dataset.state = wrong ? "failed" : less ? "degraded" : "ok";
  verdict.lastElementChild.textContent = wrong ? `${wrong} thing${wrong > 1 ? "s need" : " needs"} attention`
    : less ? `${less} thing${less > 1 ? "s are" : " is"} degraded` : "All is well";
});

const round = (work) => work().catch(() => {}); // the strip says when the box cannot be reached
round(trends);
round(system);
setInterval(() => round(trends), 2000);
setInterval(() => round(system), 4000);
setInterval(() => round(follow), 2000);
