// What the settings ask of the box, and how its answers are said.

const API = "/api/v1/settings";

export async function ask(path = "", body = undefined) {
  const options = body === undefined ? {} : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(API + path, options).catch(() => { throw new Error("The box does not answer. Is it switched on?"); });
  if (answer.status === 401) location.href = `/login?next=${encodeURIComponent("/settings")}`;
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(typeof said.detail === "string" ? said.detail : `The box refuses this (${answer.status}).`);
  return said;
}

// The picture of a camera as the box sees it now; null while there is none.
export async function picture(camera) {
  const answer = await fetch(`${API}/picture?camera=${encodeURIComponent(camera)}`);
  if (answer.status === 204) return null;
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).detail ?? "There is no picture.");
  return URL.createObjectURL(await answer.blob());
}

export function say(element, text, state = "idle") {
  element.dataset.state = state;
  element.textContent = text;
}

// Runs what a button is for: the button waits, the outcome is said beside it.
export async function during(button, told, work, words = "One moment …") {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true"); // it keeps the focus, which `disabled` would take from it
  say(told, words);
  try {
    const done = await work();
    if (typeof done === "string") say(told, done, "ok");
  } catch (error) {
    say(told, error.message, "failed");
  } finally {
    button.removeAttribute("aria-disabled");
  }
}

// An element with text in it: names are typed by people, and are never taken for markup.
export function made(tag, { text = "", ...more } = {}, ...inside) {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  for (const [key, value] of Object.entries(more)) element.setAttribute(key, value);
  element.append(...inside);
  return element;
}
