// The step in which zones and masks are drawn: which camera, which area, and what is saved of them.

import { ask, during, made, picture, say } from "./setup-ask.js";
import { Drawing } from "./setup-draw.js";

const section = document.getElementById("areas");
const find = (name) => section.querySelector(`[data-is="${name}"]`);
const [camera, board, image, list, told, hint] = ["camera", "board", "image", "list", "told", "hint"].map(find);
const drawing = new Drawing(board, changed);
let box = null; // its state
let shown = ""; // the camera whose areas are on the board

function changed() {
  list.replaceChildren(...drawing.areas.map((area, number) => {
    const button = made("button", { type: "button", text: Drawing.title(area), "aria-pressed": number === drawing.chosen });
    button.addEventListener("click", () => drawing.choose(number));
    return made("li", {}, button, made("span", { class: "meta", text: `${area.points.length} corners` }));
  }));
  const { area } = drawing;
  for (const name of ["add", "remove"]) find(name).disabled = !area;
  find("less").disabled = !area?.points.length;
  find("undo").disabled = !drawing.changes;
  const short = area && area.points.length < 3;
  hint.textContent = !area ? "Choose what to draw, then its corners."
    : short ? "Click or tap the corners in the picture, one after the other; or press “Add a corner”."
    : "Drag a corner, or move it by the arrow keys. A click beside an edge adds one.";
}

function areasOf({ zones, masks, ignored }) {
  return [
    ...Object.entries(zones).map(([name, points]) => ({ kind: "zone", name, points })),
    ...masks.map((points) => ({ kind: "mask", name: "", points })),
    ...ignored.map((points) => ({ kind: "ignored", name: "", points })),
  ];
}

async function show() {
  const found = box.cameras.find(({ name }) => name === camera.value);
  if (!found) return;
  shown = found.name;
  drawing.load(structuredClone(areasOf(found)));
  const notes = [
    found.held ? `Some of it is set elsewhere (${found.held}) and cannot be changed here.` : "",
    found.copied ? "Clips of this camera are copied and show what its masks hide (record.masked: copy)." : "",
  ];
  say(told, notes.filter(Boolean).join(" "));
  image.alt = `Picture of camera ${shown}`;
  say(hint, "The box looks through the camera …");
  try {
    const address = await picture(shown);
    if (address) image.src = address;
  } catch (error) {
    say(told, error.message, "failed");
  }
  changed();
}

function freeName() {
  const taken = new Set(drawing.areas.map(({ name }) => name));
  let number = 1;
  while (taken.has(`zone ${number}`)) number += 1;
  return `zone ${number}`;
}

find("begin").addEventListener("click", () => {
  const kind = section.querySelector('[name="kind"]:checked').value;
  const typed = find("name").value.trim();
  if (kind === "zone" && drawing.areas.some(({ name }) => name === typed && typed)) return say(told, `There is a zone ${typed} already.`, "failed");
  drawing.begin(kind, kind === "zone" ? typed || freeName() : "");
  find("name").value = "";
  say(told, "");
  return board.scrollIntoView({ block: "nearest" });
});
find("less").addEventListener("click", () => drawing.less());
find("add").addEventListener("click", () => drawing.add());
find("remove").addEventListener("click", () => drawing.remove());
find("undo").addEventListener("click", () => drawing.undo());
camera.addEventListener("change", show);

find("save").addEventListener("click", ({ currentTarget }) => during(currentTarget, told, async () => {
  const short = drawing.areas.find(({ points }) => points.length < 3);
  if (short) throw new Error(`${Drawing.title(short)} has fewer than three corners: add some, or remove it.`);
  const of = (kind) => drawing.areas.filter((area) => area.kind === kind);
  const plain = ({ points }) => ({ points });
  const zones = Object.fromEntries(of("zone").map((area) => [area.name, plain(area)]));
  const given = { zones, masks: of("mask").map(plain), ignored: of("ignored").map(plain) };
  box = await ask("/areas", { camera: shown, given });
  dispatchEvent(new CustomEvent("box", { detail: box }));
  return "Saved.";
}));

export function areas(state, here) {
  box = state;
  const names = state.cameras.map(({ name }) => name);
  section.querySelector(".empty").hidden = names.length > 0;
  find("form").hidden = !names.length;
  if (names.join("\n") !== [...camera.options].map(({ value }) => value).join("\n")) {
    const before = camera.value;
    camera.replaceChildren(...names.map((name) => made("option", { value: name, text: name })));
    if (names.includes(before)) camera.value = before;
  }
  find("ignoring").hidden = !state.profile.gate;
  if (here && camera.value && camera.value !== shown) show();
}
