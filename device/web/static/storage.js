// The storage page: its figures as they become, without losing the reader's place.

import "./page.js";
import { localise } from "./time.js";

const EVERY_MS = 10_000;

async function refresh() {
  if (document.visibilityState !== "visible") return;
  const answer = await fetch(location.pathname + location.search, { headers: { accept: "text/html" } });
  if (!answer.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const old of document.querySelectorAll("[data-fresh]")) {
    const now = fresh.getElementById(old.id);
    if (!now || old.contains(document.activeElement) || old.dataset.was === now.innerHTML) continue;
    const was = now.innerHTML;
    old.replaceChildren(...now.childNodes);
    old.dataset.was = was;
    localise(old);
  }
}

setInterval(() => refresh().catch(() => {}), EVERY_MS); // the strip says when the box cannot be reached
