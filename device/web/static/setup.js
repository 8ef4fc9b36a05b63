// The settings: one step at a time, each saved by itself; a new start of the box is waited for here.

import { on } from "./page.js";
import { ask, during, made, say } from "./setup-ask.js";
import { areas } from "./setup-areas.js";
import { broker } from "./setup-broker.js";
import { cameras } from "./setup-camera.js";
import { Tile } from "./tile.js";

const STEPS = ["camera", "areas", "profile", "broker", "done", "password", "reset"];
const AGAIN_MS = 700;
const waiting = document.getElementById("waiting");
let box = null;
let tiles = null;

const step = () => (STEPS.includes(location.hash.slice(1)) ? location.hash.slice(1) : "camera");

function profiles({ profile }, told) {
  const list = document.querySelector('#profile [data-is="list"]');
  const known = JSON.stringify(profile);
  if (list.dataset.known === known) return;
  list.dataset.known = known;
  list.replaceChildren(...profile.known.map(({ name, words }) => {
    const input = made("input", { type: "radio", name: "profile", value: name });
    input.checked = name === profile.name;
    input.disabled = Boolean(profile.held);
    input.addEventListener("change", () => during(input, told, async () => {
      dispatchEvent(new CustomEvent("box", { detail: await ask("/profile", { name }) }));
      return `Saved: ${name}.`;
    }));
    return made("label", { class: "panel choice" }, input, made("span", { class: "what" }, made("b", { text: name }), made("span", { class: "quiet", text: words })));
  }));
  if (profile.held) say(told, `The profile is set elsewhere (${profile.held}) and cannot be changed here.`);
}

function done({ pending, cameras: all, running }) {
  document.querySelector('#done [data-is="pending"]').hidden = !pending;
  document.querySelector('#done [data-is="nothing"]').hidden = all.length > 0;
  document.querySelector('#done [data-is="running"]').hidden = !running.length;
}

function play() {
  if (tiles) return;
  tiles = [...document.querySelectorAll("#done .tile")].map((figure) => new Tile(figure));
  const paint = () => {
    for (const tile of tiles) tile.draw({ boxes: true, trails: true, zones: true });
    requestAnimationFrame(paint);
  };
  paint();
  setInterval(() => tiles.forEach((tile) => tile.tell()), 500);
  const known = new Map(tiles.map((tile, n) => [document.querySelectorAll("#done .tile")[n].dataset.camera, tile]));
  on("status", ({ cameras: all }) => all.forEach((camera) => known.get(camera.name)?.state(camera)));
}

function show() {
  const here = step();
  for (const name of STEPS) {
    document.getElementById(name).hidden = name !== here;
    document.querySelector(`.steps a[href="#${name}"]`).toggleAttribute("aria-current", name === here);
  }
  document.querySelector(`.steps a[href="#${here}"]`).setAttribute("aria-current", "step");
  if (!box) return;
  cameras(box, here === "camera");
  areas(box, here === "areas");
  broker(box, here === "broker");
  profiles(box, document.querySelector('#profile [data-is="told"]'));
  done(box);
  const made_ = { camera: box.cameras.length, areas: box.cameras.some((c) => c.masks.length + Object.keys(c.zones).length), profile: true, broker: box.broker };
  for (const [name, is] of Object.entries(made_)) document.querySelector(`.steps a[href="#${name}"]`).dataset.done = is ? "yes" : "no";
  document.getElementById("unsaved").hidden = !box.pending || here === "done";
  if (here === "done") play();
}

async function fresh() {
  box = await ask();
  show();
}

// The box is away for some seconds, and comes back as another process: with these logins, or without an owner.
async function comeBack(before) {
  waiting.showModal();
  for (;;) {
    await new Promise((next) => { setTimeout(next, AGAIN_MS); });
    const answer = await fetch("/api/v1/settings", { cache: "no-store" }).catch(() => null);
    if (answer?.status === 401 || answer?.status === 403) return location.assign("/setup");
    if (answer?.ok && (await answer.json()).boot !== before) return location.reload();
  }
}

for (const button of document.querySelectorAll('[data-is="restart"]')) {
  const told = button.closest("section, .panel").querySelector('[data-is="told"]');
  button.addEventListener("click", () => during(button, told, async () => {
    const { boot } = box;
    await ask("/restart", {});
    location.hash = "done";
    await comeBack(boot);
    return "";
  }));
}

document.querySelector("#password form").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target;
  during(form.querySelector(".primary"), form.querySelector('[data-is="told"]'), async () => {
    const { now, new: fresh_, again } = form.elements;
    const { said } = await ask("/password", { now: now.value, new: fresh_.value, again: again.value });
    form.reset();
    return said;
  });
});

const reset = document.querySelector("#reset form");
const asking = document.getElementById("really");
reset.addEventListener("submit", (event) => {
  event.preventDefault();
  say(reset.querySelector('[data-is="told"]'), "");
  document.querySelector('#really [data-is="lost"]').hidden = reset.elements.keep.checked;
  asking.showModal();
});
asking.addEventListener("close", () => {
  if (asking.returnValue !== "yes") return;
  during(reset.querySelector(".danger"), reset.querySelector('[data-is="told"]'), async () => {
    const { password, box: name, keep } = reset.elements;
    const { boot } = box;
    await ask("/reset", { password: password.value, box: name.value.trim(), keep_recordings: keep.checked });
    reset.reset();
    await comeBack(boot);
    return "";
  });
});

addEventListener("hashchange", () => {
  show();
  document.getElementById(step()).querySelector("h2").focus();
});
addEventListener("box", ({ detail }) => { box = detail; show(); });
show();
fresh().catch((error) => say(document.getElementById("trouble"), error.message, "failed"));
