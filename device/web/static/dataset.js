// The data set's pages: what is drawn can be hidden, the arrow keys turn the page, and a list that is behind is looked at again.

import "./page.js";

const HIDDEN = "hidden layers";
const EVERY_MS = 2000;

const hidden = new Set(JSON.parse(sessionStorage.getItem(HIDDEN) ?? "[]"));

function layers() {
  for (const button of document.querySelectorAll("[data-layer]")) {
    const off = hidden.has(button.dataset.layer);
    button.setAttribute("aria-pressed", String(!off));
    document.body.classList.toggle(`without-${button.dataset.layer}`, off);
  }
}

for (const button of document.querySelectorAll("[data-layer]")) {
  button.addEventListener("click", () => {
    const { layer } = button.dataset;
    if (!hidden.delete(layer)) hidden.add(layer);
    sessionStorage.setItem(HIDDEN, JSON.stringify([...hidden]));
    layers();
  });
}
layers();

addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || event.target.closest?.("input, select, textarea")) return;
  const rel = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
  document.querySelector(rel ? `a[rel="${rel}"]` : "no-such")?.click();
});

const behind = document.getElementById("behind");
if (behind && Number(behind.dataset.read) < Number(behind.dataset.lines)) {
  const timer = setInterval(async () => {
    const answer = await fetch("/api/v1/dataset").catch(() => null);
    if (!answer?.ok) return;
    const { lines_read: read, lines, trouble } = await answer.json();
    behind.textContent = trouble ? `The list is behind: ${trouble}` : `Being listed: ${read.toLocaleString()} of ${lines.toLocaleString()} lines`;
    if (read < lines) return;
    clearInterval(timer);
    behind.textContent = `${lines.toLocaleString()} lines of the manifest; load the page again for all filters`;
  }, EVERY_MS);
}
