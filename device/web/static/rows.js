// The list of events: a row for each, changed in place as the event goes on.

import { patient } from "./page.js";
import { lasted, timeElement } from "./time.js";
import { details, title as name } from "./titles.js";

function make(tag, className, ...content) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...content);
  return element;
}

function picture(event) {
  const image = make("img");
  image.alt = "";
  image.width = 320;
  image.height = 180;
  image.src = `/api/v1/events/${event.id}/picture.jpg?width=320&wait_s=3`; // it is written a moment after the event is told
  patient(image);
  return make("span", "shot", image);
}

function tags(event) {
  const over = event.life === "end" && event.end;
  const lasting = make("span", over ? "lasting" : "lasting now", over ? lasted(event.start_pts_ns, event.pts_ns) : "now");
  return make("span", "meta tags", lasting, ...[...event.entered, ...details(event)].map((text) => make("span", "tag", text)));
}

function title(event) {
  return make("span", "title", name(event), " ", make("small", "", `${Math.round(event.confidence * 100)} %`));
}

function row(event) {
  const what = make("span", "what", title(event), make("span", "meta", event.camera, " · ", timeElement(event.start)), tags(event));
  const link = make("a", "", picture(event), what);
  link.href = `/events/${event.id}`;
  const item = make("li", "row fresh", link);
  item.dataset.event = event.id;
  return item;
}

export function show(list, event) {
  let item = list.querySelector(`[data-event="${CSS.escape(event.id)}"]`);
  if (!item) {
    item = row(event);
    list.prepend(item);
    document.getElementById("no-events")?.setAttribute("hidden", "");
    while (list.children.length > Number(list.dataset.limit)) list.lastElementChild.remove();
  } else if (item.dataset.life !== "end") {
    item.querySelector(".title").replaceWith(title(event));
    item.querySelector(".tags").replaceWith(tags(event));
    if (event.life === "end") refresh(item.querySelector("img"), event);
  }
  item.dataset.life = event.life;
}

// The picture of an event that has ended is its best view: not the one the browser kept.
function refresh(image, event) {
  if (!image) return;
  setTimeout(() => { image.src = `/api/v1/events/${event.id}/picture.jpg?width=320&end=1`; }, 700);
}

export async function reload(list, query = "") {
  const answer = await fetch(`/api/v1/events?limit=${list.dataset.limit}${query}`);
  if (!answer.ok) return;
  const { events } = await answer.json();
  for (const event of events.reverse()) show(list, event);
}
