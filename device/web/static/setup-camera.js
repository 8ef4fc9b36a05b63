// The step of the cameras: found, typed, tried and saved.

import { ask, during, made, picture, say } from "./setup-ask.js";

const section = document.getElementById("camera");
const form = section.querySelector("form");
const told = section.querySelector('[data-is="told"]');
const preview = section.querySelector('[data-is="preview"]');
const kept = section.querySelector('[data-is="kept"]');
const EVERY_MS = 700;
let box = null;
let watching = 0;

const kind = () => form.elements.kind.value;

function shape() {
  for (const part of form.querySelectorAll("[data-for]")) {
    part.hidden = part.dataset.for !== kind();
    for (const field of part.querySelectorAll("input, select")) field.disabled = part.hidden;
  }
}

function given() {
  const { elements } = form;
  const plain = { name: elements.name.value.trim(), kind: kind() };
  if (!plain.name) throw new Error("Give the camera a name.");
  if (plain.kind === "usb") return { ...plain, address: elements.device.value };
  if (plain.kind === "test") return plain;
  const password = elements.password.value;
  return { ...plain, address: elements.address.value.trim(), user: elements.user.value, password: password || null, transport: elements.transport.value };
}

// The picture as long as this step is looked at.
async function watch(name) {
  const mine = ++watching;
  while (mine === watching && !section.hidden) {
    const address = await picture(name).catch(() => null);
    if (!address) break;
    const before = preview.src;
    preview.src = address;
    if (before) URL.revokeObjectURL(before);
    await new Promise((next) => { setTimeout(next, EVERY_MS); });
  }
}

async function attempt() {
  const asked = given();
  const { ok, text, mend, width, height } = await ask("/camera/try", asked);
  if (!ok) throw new Error(`${text}${mend ? `. What to do: ${mend}.` : ""}`);
  preview.hidden = false;
  preview.alt = `Picture of camera ${asked.name}, as it is now`;
  watch(asked.name);
  return `It works: ${text}, ${width} × ${height}.`;
}

form.querySelector('[data-is="try"]').addEventListener("click", ({ currentTarget }) => {
  preview.hidden = true;
  watching += 1;
  during(currentTarget, told, attempt, "The box tries the camera …");
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  during(form.querySelector(".primary"), told, async () => {
    const asked = given();
    const state = await ask("/camera", asked);
    form.elements.password.value = "";
    dispatchEvent(new CustomEvent("box", { detail: state }));
    return `Camera ${asked.name} is saved.`;
  });
});

form.addEventListener("change", ({ target }) => target.name === "kind" && shape());

function edit(camera) {
  const { elements } = form;
  elements.kind.value = camera.kind === "other" ? "rtsp" : camera.kind;
  elements.name.value = camera.name;
  elements.address.value = camera.kind === "rtsp" ? camera.address : "";
  elements.user.value = camera.user;
  elements.password.value = "";
  elements.password.placeholder = camera.has_password ? "kept as it is" : "";
  elements.transport.value = camera.transport;
  if (camera.kind === "usb") elements.device.value = camera.address;
  shape();
  elements.name.focus();
}

function card(camera) {
  const where = camera.kind === "test" ? "test picture" : camera.address || camera.use;
  const change = made("button", { type: "button", class: "small", text: "Change", "aria-label": `Change camera ${camera.name}` });
  change.addEventListener("click", () => edit(camera));
  const remove = made("button", { type: "button", class: "small", text: "Remove", "aria-label": `Remove camera ${camera.name}` });
  remove.addEventListener("click", () => {
    if (remove.dataset.sure !== "yes") {
      remove.dataset.sure = "yes";
      remove.textContent = "Really remove?";
      return;
    }
    during(remove, told, async () => {
      dispatchEvent(new CustomEvent("box", { detail: await ask("/camera/remove", { name: camera.name }) }));
      return `Camera ${camera.name} is removed. What was recorded stays.`;
    });
  });
  const about = made("span", { class: "what" }, made("b", { text: camera.name }), made("span", { class: "meta wrap", text: where }));
  if (camera.held) about.append(made("span", { class: "meta wrap", text: `Set elsewhere too: ${camera.held}` }));
  return made("li", { class: "panel kept" }, about, made("span", { class: "deeds" }, change, remove));
}

async function look() {
  const found = await ask("/cameras").catch(() => []);
  const choice = form.elements.device;
  choice.replaceChildren(...found.map(({ id, name, fault }) => made("option", { value: id, text: `${name} (${fault || id})` })));
  section.querySelector('[data-is="none"]').hidden = found.length > 0;
  choice.hidden = !found.length;
  if (found.length && !box.cameras.length && !form.elements.address.value) form.elements.kind.value = "usb";
  shape();
}

section.querySelector('[data-is="again"]').addEventListener("click", look);

let looked = false;
export function cameras(state, here) {
  box = state;
  kept.replaceChildren(...state.cameras.map(card));
  if (!form.elements.name.value && !state.cameras.length) form.elements.name.value = "front";
  if (here && !looked) {
    looked = true;
    look();
  }
  if (!here) watching += 1;
  shape();
}
