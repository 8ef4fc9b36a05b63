// What every page has: colours, local times, parts that are asked for again while somebody looks.

const EVERY_MS = 2000;
const SLOWEST_MS = 30000;

export const csrf = document.querySelector('meta[name="csrf"]')?.content ?? "";

export function localise(root = document) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    const time = new Date(element.dateTime);
    if (Number.isNaN(time.getTime()) || element.dataset.said) continue;
    element.dataset.said = "local";
    element.title = element.textContent;
    element.textContent = time.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
  }
}

function colours() {
  const root = document.documentElement;
  const next = { "": "light", light: "dark", dark: "" }[root.dataset.theme ?? ""];
  if (next) root.dataset.theme = next; else delete root.dataset.theme;
  localStorage.setItem("colours", next);
}

// An element with data-follow="ADDRESS" holds what the server says there, asked again every other second while it is seen.
function follow(element) {
  let tag = "";
  let pause = EVERY_MS;
  async function ask() {
    if (!document.hidden && !element.contains(document.activeElement)) {
      try {
        const answer = await fetch(element.dataset.follow, { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" });
        if (answer.status === 401) return location.reload();
        if (answer.ok) {
          tag = answer.headers.get("ETag") ?? "";
          const came = document.createElement("template"); // which takes rows of a table too
          came.innerHTML = await answer.text();
          element.replaceChildren(came.content);
          localise(element);
          if (answer.headers.get("X-Over")) return;
        }
        pause = EVERY_MS;
      } catch {
        pause = Math.min(SLOWEST_MS, pause * 2);
      }
    }
    setTimeout(ask, pause);
  }
  setTimeout(ask, pause);
}

document.getElementById("theme")?.addEventListener("click", colours);
for (const form of document.querySelectorAll("form[data-ask]")) {
  form.addEventListener("submit", (event) => { if (!confirm(form.dataset.ask)) event.preventDefault(); });
}
document.querySelectorAll("[data-follow]").forEach(follow);
localise();
const menu = document.querySelector(".nav"), here = menu?.querySelector("[aria-current]");
if (here) menu.scrollLeft = here.offsetLeft - menu.offsetLeft - (menu.clientWidth - here.clientWidth) / 2; // a phone shows a part of it
