// The step of the broker: what announces itself, what is typed, tried and saved. None is used before its owner saves it.

import { ask, during, made, say } from "./setup-ask.js";

const section = document.getElementById("broker");
const form = section.querySelector("form");
const [told, found, now] = ["told", "found", "now"].map((name) => section.querySelector(`[data-is="${name}"]`));
const { elements } = form;
let filled = false;

function shape() {
  const tls = elements.tls.checked;
  form.querySelector('[data-is="files"]').hidden = !tls;
  const usual = { true: "8883", false: "1883" };
  if (elements.port.value === usual[!tls]) elements.port.value = usual[tls];
}

// null: what is kept stays; the box says whether it is for the same broker.
async function text(input) {
  return input.files.length ? input.files[0].text() : null;
}

async function given() {
  if (!elements.host.value.trim()) throw new Error("Type the name or address of the broker.");
  const [ca, cert, key] = await Promise.all([elements.ca, elements.cert, elements.key].map(text));
  const plain = { host: elements.host.value.trim(), port: Number(elements.port.value), tls: elements.tls.checked ? "on" : "off" };
  return { ...plain, username: elements.username.value, password: elements.password.value || null, ca, cert, key };
}

form.querySelector('[data-is="try"]').addEventListener("click", ({ currentTarget }) => during(currentTarget, told, async () => {
  const { ok, text: words, mend } = await ask("/broker/try", await given());
  if (!ok) throw new Error(`${words}${mend ? `. What to do: ${mend}.` : ""}`);
  return `It works: ${words}.`;
}, "The box connects …"));

form.addEventListener("submit", (event) => {
  event.preventDefault();
  during(form.querySelector(".primary"), told, async () => {
    const state = await ask("/broker", await given());
    elements.password.value = "";
    dispatchEvent(new CustomEvent("box", { detail: state }));
    return "Saved.";
  });
});

section.querySelector('[data-is="remove"]').addEventListener("click", ({ currentTarget }) => during(currentTarget, told, async () => {
  filled = false;
  dispatchEvent(new CustomEvent("box", { detail: await ask("/broker/remove", {}) }));
  return "Events stay on this box from the next start on.";
}));

form.addEventListener("change", shape);

function offer(each) {
  const button = made("button", { type: "button", class: "small", text: "Take this one", "aria-label": `Take the broker ${each.name}` });
  button.addEventListener("click", () => {
    elements.host.value = each.host;
    elements.port.value = each.port;
    elements.tls.checked = each.tls;
    shape();
    elements.port.value = each.port;
    say(told, "Not saved yet: try it, then save it. Anybody on your network can announce a broker; take one you know.", "degraded");
    elements.host.focus();
  });
  const where = `${each.host}:${each.port}${each.tls ? ", encrypted" : ", not encrypted"}`;
  return made("li", { class: "panel kept" }, made("span", { class: "what" }, made("b", { text: each.name }), made("span", { class: "meta", text: where })), button);
}

async function look() {
  const brokers = await ask("/brokers").catch(() => []);
  found.replaceChildren(...brokers.map(offer));
  section.querySelector('[data-is="none"]').hidden = brokers.length > 0;
}

let looked = false;
export function broker(state, here) {
  const { broker: kept } = state;
  now.textContent = kept ? `Events go to ${kept.host}:${kept.port}${kept.tls === "on" ? ", encrypted" : ", not encrypted"}.` : "No broker: events stay on this box, and its page shows them.";
  section.querySelector('[data-is="remove"]').hidden = !kept;
  if (kept && !filled) {
    filled = true;
    elements.host.value = kept.host;
    elements.port.value = kept.port;
    elements.tls.checked = kept.tls === "on";
    elements.username.value = kept.username;
    elements.password.placeholder = kept.has_password ? "kept as it is" : "";
  }
  shape();
  if (here && !looked) {
    looked = true;
    look();
  }
}
