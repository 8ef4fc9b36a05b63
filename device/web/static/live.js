// The live page: tiles of cameras, one of them large, and the events as they come.

import { on } from "./page.js";
import { reload, show } from "./rows.js";
import { Tile } from "./tile.js";

const figures = [...document.querySelectorAll(".tile")];
const tiles = new Map(figures.map((figure) => [figure.dataset.camera, new Tile(figure)]));
const latest = document.getElementById("latest");
const snapshot = document.getElementById("snapshot");
const layers = { boxes: true, trails: true, zones: true, ...JSON.parse(localStorage.getItem("layers") ?? "{}") };

function choose(chosen) {
  for (const figure of figures) figure.toggleAttribute("data-large", figure === chosen);
  snapshot.href = `/api/v1/snapshot/${encodeURIComponent(chosen.dataset.camera)}.jpg`;
}

for (const figure of figures) figure.querySelector(".choose")?.addEventListener("click", () => choose(figure));

for (const button of document.querySelectorAll("[data-layer]")) {
  const { layer } = button.dataset;
  button.setAttribute("aria-pressed", String(layers[layer]));
  button.addEventListener("click", () => {
    layers[layer] = !layers[layer];
    button.setAttribute("aria-pressed", String(layers[layer]));
    localStorage.setItem("layers", JSON.stringify(layers));
  });
}

document.getElementById("full").addEventListener("click", () => {
  if (document.fullscreenElement) document.exitFullscreen();
  else document.querySelector(".stage").requestFullscreen();
});

on("event", (event) => show(latest, event));
on("missed", () => reload(latest));
on("status", ({ cameras }) => cameras.forEach((camera) => tiles.get(camera.name)?.state(camera)));

function paint() {
  for (const tile of tiles.values()) tile.draw(layers);
  requestAnimationFrame(paint);
}
paint();
setInterval(() => tiles.forEach((tile) => tile.tell()), 500);
