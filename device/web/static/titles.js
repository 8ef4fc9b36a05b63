// What an event is called, and the few words of its data beside it: as device/web/titles.py has it.

const GENERAL = new Set(["object"]);
const UNSAID = new Set(["reason", "text"]);
const MOST = 4, LONGEST = 60;

const plain = (word) => word.replaceAll("_", " ");

export function title(event) {
  return GENERAL.has(event.kind) ? event.label ?? event.kind : plain(event.kind);
}

export function details(event) {
  const found = [];
  if (!GENERAL.has(event.kind) && event.label && plain(event.label) !== title(event)) found.push(plain(event.label));
  const all = Object.entries(event.data ?? {});
  const chosen = all.filter(([key]) => !UNSAID.has(key));
  for (const [key, value] of chosen.length ? chosen : all.filter(([key]) => key === "text")) {
    if (typeof value === "string" && value) found.push(`${key} ${value}`);
    else if (typeof value === "number") found.push(`${key} ${Number(value.toPrecision(6))}`);
  }
  return found.map((text) => { const letters = [...text]; return letters.length <= LONGEST ? text : `${letters.slice(0, LONGEST - 1).join("")}…`; }).slice(0, MOST);
}
