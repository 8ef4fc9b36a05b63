// Times in the visitor's own zone and words.

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export function shown(date) {
  return date.toDateString() === new Date().toDateString() ? clock.format(date) : full.format(date);
}

export function localise(root = document) {
  for (const element of root.querySelectorAll("time[datetime]:not([data-local])")) {
    const date = new Date(element.dateTime);
    if (Number.isNaN(date.getTime())) continue;
    element.title = `${full.format(date)} (${element.dateTime})`;
    element.textContent = shown(date);
    element.dataset.local = "";
  }
}

export function timeElement(iso) {
  const element = document.createElement("time");
  element.dateTime = iso;
  const date = new Date(iso);
  element.title = full.format(date);
  element.textContent = shown(date);
  element.dataset.local = "";
  return element;
}

// Of media time: the wall clock may have been set in between.
export function lasted(startNs, endNs) {
  const s = (endNs - startNs) / 1e9;
  if (s < 10) return `${s.toFixed(1)} s`;
  if (s < 60) return `${Math.round(s)} s`;
  return `${Math.floor(s / 60)} min ${Math.floor(s % 60)} s`;
}
