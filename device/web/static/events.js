// The page of events: new ones come in at the top where the first page is shown and they fit the filters.

import { on } from "./page.js";
import { reload, show } from "./rows.js";

const list = document.getElementById("latest");
const { camera, label, kind } = list.dataset;
const fits = (event) => (!camera || event.camera === camera) && (!label || event.label === label) && (!kind || event.kind === kind);

if ("live" in list.dataset) {
  on("event", (event) => fits(event) && show(list, event));
  on("missed", () => reload(list, `&${new URLSearchParams(Object.entries({ camera, label, kind }).filter(([, value]) => value))}`));
}
