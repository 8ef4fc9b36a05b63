// What every page has: the strip with the state of the box, colours, local times, pictures that may come late, and the event stream.

import { lasting } from "./socket.js";
import { localise } from "./time.js";

const listeners = { event: [], status: [], missed: [] };
export const on = (type, listener) => listeners[type].push(listener);
const tell = (type, value) => listeners[type].forEach((listener) => listener(value));

const strip = document.getElementById("strip");
let seen = Number(strip?.dataset.seq ?? -1); // number of the last message

function fact(name, state, text) {
  const element = strip?.querySelector(`[data-fact="${name}"]`);
  if (!element) return;
  if (state) element.dataset.state = state;
  const label = element.querySelector(":scope > span:last-child");
  if (label && label.textContent !== text) label.textContent = text;
}

function badge({ state, text }) {
  const link = document.querySelector('.nav [data-fact="storage"]');
  if (!link) return;
  link.dataset.state = state;
  link.title = text;
}

function status(now) {
  fact("clock", now.clock.state, now.clock.text);
  fact("broker", now.broker.state, now.broker.text);
  badge(now.storage);
  tell("status", now);
}

function words(message) {
  if (message.type === "hello") {
    fact("page", "ok", "live");
    seen = message.seq;
  } else if (message.type === "event") {
    seen = message.seq;
    tell("event", message.event);
  } else if (message.type === "unsaved") {
    tell("event", message.event); // it comes again, with its number
  } else if (message.type === "status") {
    status(message);
  } else if (message.type === "missed") {
    tell("missed", message);
  }
}

// A picture is written beside the event, a moment later: ask again a few times before giving up.
export function patient(image, tries = 6) {
  const address = image.getAttribute("src");
  const late = () => {
    image.classList.add("absent");
    if (tries-- <= 0) return;
    setTimeout(() => { image.src = `${address}${address.includes("?") ? "&" : "?"}again=${tries}`; }, 1500);
  };
  image.addEventListener("error", late);
  image.addEventListener("load", () => image.classList.remove("absent"));
  if (image.complete && image.naturalWidth === 0 && image.loading !== "lazy") late();
}

document.getElementById("theme")?.addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("colours", root.dataset.theme);
  dispatchEvent(new Event("colours"));
});

const filters = document.getElementById("filters");
filters?.classList.add("live");
filters?.addEventListener("change", () => filters.requestSubmit());

localise();
document.querySelectorAll("img[data-picture]").forEach((image) => patient(image));
// A turn later, so that the modules of this page listen before the first word comes.
queueMicrotask(() => {
  lasting(() => `/api/v1/events/stream?after=${seen}`, {
    words,
    down: () => fact("page", "failed", "no connection, trying again"),
  });
});
