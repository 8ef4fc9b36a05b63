// The visitor's choice of colours, set before anything is painted. A plain script: modules come too late for that.
"use strict";
(() => {
  const kept = localStorage.getItem("colours");
  if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept;
})();
