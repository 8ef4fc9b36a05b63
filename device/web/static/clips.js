// The pages with clips: one this browser cannot play says so instead of staying black; those of one recording play in step.

import "./page.js";

for (const video of document.querySelectorAll("video[data-type]")) {
  if (video.canPlayType(video.dataset.type)) continue;
  const words = document.createElement("p");
  words.className = "empty";
  words.textContent = "This browser cannot play this kind of video. Download it and open it in a player.";
  video.replaceWith(words);
}
await import("./together.js"); // after those that cannot be played are out of it
