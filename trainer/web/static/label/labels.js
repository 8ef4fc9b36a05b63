// What is said of a picture: as the wire has it, and as the editor works on it.

import { inside } from "./geometry.js";

/** @typedef {import("./geometry.js").Box} Box */
/** @typedef {"person"|"model"} Source who said it */
/** @typedef {{id: string, kind: "box"|"ignore", box: Box, category: string, source: Source, model: string|null, confidence: number|null}} Mark */
/** @typedef {{marks: ReadonlyArray<Mark>, exhaustive: ReadonlyArray<string>}} Sheet */
/** @typedef {{id: string, box: Box, category: string, source: Source, model: string|null, confidence: number|null}} WireBox */
/** @typedef {{boxes: WireBox[], exhaustive_for: string[], ignore: Box[]}} Wire */

/** An id that nobody else has. @returns {string} */
export function fresh() {
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // randomUUID is kept from pages without TLS
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {Wire} wire @param {import("./geometry.js").Size} size @returns {Sheet} */
export function sheetOf(wire, size) {
  const boxes = (wire.boxes ?? []).map((each) => /** @type {Mark} */ ({
    id: String(each.id), kind: "box", box: inside(each.box, size), category: each.category, source: each.source,
    model: each.model ?? null, confidence: each.confidence ?? null,
  }));
  const ignore = (wire.ignore ?? []).map((box) => /** @type {Mark} */ ({
    id: fresh(), kind: "ignore", box: inside(box, size), category: "", source: "person", model: null, confidence: null,
  }));
  return { marks: [...boxes, ...ignore], exhaustive: [...(wire.exhaustive_for ?? [])] };
}

/** @param {Sheet} sheet @returns {Wire} */
export function wireOf(sheet) {
  const boxes = sheet.marks.filter((mark) => mark.kind === "box");
  return {
    boxes: boxes.map(({ id, box, category, source, model, confidence }) => ({ id, box, category, source, model, confidence })),
    exhaustive_for: [...sheet.exhaustive],
    ignore: sheet.marks.filter((mark) => mark.kind === "ignore").map((mark) => mark.box),
  };
}

/** @param {Box} box */
const place = (box) => box.map((value) => value.toFixed(3)).join(" ");

/** Everything that counts, in one order. @param {Wire} wire @returns {string} */
function gist(wire) {
  const boxes = (wire.boxes ?? []).map((each) => `${each.id} ${place(each.box)} ${each.category} ${each.source}`).sort();
  return JSON.stringify([boxes, (wire.ignore ?? []).map(place).sort(), [...(wire.exhaustive_for ?? [])].sort()]);
}

/** A short name of what is said: two that say the same have the same. @param {Wire|null} wire @returns {string} */
export function print(wire) {
  if (wire === null) return "";
  let [a, b] = [0xdeadbeef, 0x41c6ce57];
  for (const letter of gist(wire)) {
    const code = /** @type {number} */ (letter.codePointAt(0));
    a = Math.imul(a ^ code, 2654435761);
    b = Math.imul(b ^ code, 1597334677);
  }
  return (a >>> 0).toString(36) + (b >>> 0).toString(36);
}

/** Whether two people said the same. @param {Wire|null} a @param {Wire|null} b @returns {boolean} */
export const same = (a, b) => a !== null && b !== null && gist(a) === gist(b);

/** Both people's marks: of a box that both have, mine. @param {Sheet} mine @param {Sheet} theirs @returns {Sheet} */
export function both(mine, theirs) {
  const known = new Set(mine.marks.flatMap((mark) => [mark.id, `${mark.kind} ${mark.category} ${place(mark.box)}`]));
  const more = theirs.marks.filter((mark) => !known.has(mark.id) && !known.has(`${mark.kind} ${mark.category} ${place(mark.box)}`));
  return { marks: [...mine.marks, ...more], exhaustive: mine.exhaustive.filter((name) => theirs.exhaustive.includes(name)) };
}
