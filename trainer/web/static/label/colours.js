// Colours of classes on a picture: bright, and told apart by those who do not see red and green as two.

export const CLASSES = ["#ffb000", "#2dd4bf", "#7aa8ff", "#f472b6", "#c5f23d", "#ff8a4c", "#c99bff", "#ff7f8a"];
export const IGNORED = "#cbd5d5";
export const THEIRS = "#ff4de1";

/** @param {ReadonlyArray<string>} categories @param {string} name */
export function colourOf(categories, name) {
  const at = categories.indexOf(name);
  return CLASSES[(at < 0 ? categories.length : at) % CLASSES.length];
}
