// Boxes, trails and zones over a picture, drawn for the media time that is shown and not for the time they came.

const HUES = [172, 38, 285, 340, 205, 95, 20, 250];
const HOLD_S = 0.7; // a box is shown that long after the last look
const TRAIL_S = 2.5;
const KEEP_S = 20;

export const colour = (track, alpha = 1) => `hsl(${HUES[(track ?? 0) % HUES.length]} 85% 66% / ${alpha})`;

// The part of the element that the picture covers (object-fit: contain).
function placed(width, height, pictureWidth, pictureHeight) {
  const scale = Math.min(width / pictureWidth, height / pictureHeight) || 0;
  const w = pictureWidth * scale;
  const h = pictureHeight * scale;
  return { x: (width - w) / 2, y: (height - h) / 2, w, h };
}

const mixed = (a, b, part) => a.map((value, n) => value + (b[n] - value) * part);

export class Overlay {
  scenes = [];
  zones = {};
  layers = { boxes: true, trails: true, zones: true };
  drawn = 0;
  #canvas;
  #pen;

  constructor(canvas) {
    this.#canvas = canvas;
    this.#pen = canvas.getContext("2d");
  }

  add(scene) {
    if (scene.status !== "ok") return; // no answer is not "nothing there": what was seen last is held
    const { scenes } = this;
    if (scenes.length && scene.t < scenes[scenes.length - 1].t - 1) scenes.length = 0;
    let at = scenes.length;
    while (at && scenes[at - 1].t > scene.t) at -= 1;
    scenes.splice(at, 0, scene);
    while (scenes.length && scenes[0].t < scene.t - KEEP_S) scenes.shift();
  }

  // The boxes at `t`: between two looks a track's box is between its two places.
  at(t) {
    const { scenes } = this;
    let after = scenes.findIndex((scene) => scene.t > t + 1e-4);
    if (after < 0) after = scenes.length;
    const before = scenes[after - 1];
    if (!before || t - before.t > HOLD_S) return [];
    const next = scenes[after];
    if (!next || next.t - before.t > HOLD_S) return before.boxes;
    const part = (t - before.t) / (next.t - before.t);
    const later = new Map(next.boxes.filter((box) => box.track !== null).map((box) => [box.track, box.box]));
    return before.boxes.map((box) => (later.has(box.track) ? { ...box, box: mixed(box.box, later.get(box.track), part) } : box));
  }

  draw(t, pictureWidth, pictureHeight) {
    const canvas = this.#canvas;
    const pen = this.#pen;
    const sharp = window.devicePixelRatio || 1;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    if (canvas.width !== Math.round(width * sharp) || canvas.height !== Math.round(height * sharp)) {
      canvas.width = Math.round(width * sharp);
      canvas.height = Math.round(height * sharp);
    }
    pen.setTransform(sharp, 0, 0, sharp, 0, 0);
    pen.clearRect(0, 0, width, height);
    if (!pictureWidth) return;
    const place = placed(width, height, pictureWidth, pictureHeight);
    const found = this.at(t);
    if (this.layers.zones) this.#zones(place, found);
    if (this.layers.trails) this.#trails(place, found, t);
    if (this.layers.boxes) for (const box of found) this.#box(place, box);
    this.drawn = found.length;
  }

  #zones(place, found) {
    const pen = this.#pen;
    const busy = new Set(found.flatMap((box) => box.zones));
    for (const [name, corners] of Object.entries(this.zones)) {
      pen.beginPath();
      for (const [x, y] of corners) pen.lineTo(place.x + x * place.w, place.y + y * place.h);
      pen.closePath();
      pen.fillStyle = busy.has(name) ? "rgb(255 210 90 / .16)" : "rgb(255 255 255 / .05)";
      pen.fill();
      pen.setLineDash([6, 5]);
      pen.lineWidth = 1.5;
      pen.strokeStyle = busy.has(name) ? "rgb(255 210 90 / .95)" : "rgb(255 255 255 / .55)";
      pen.stroke();
      pen.setLineDash([]);
      const top = corners.reduce((a, b) => (b[1] < a[1] ? b : a));
      this.#label(name, place.x + top[0] * place.w + 4, place.y + top[1] * place.h + 18, "rgb(0 0 0 / .55)", "#fff", place);
    }
  }

  #trails(place, found, t) {
    const pen = this.#pen;
    const wanted = new Map(found.filter((box) => box.track !== null).map((box) => [box.track, []]));
    for (const scene of this.scenes) {
      if (scene.t < t - TRAIL_S || scene.t > t) continue;
      for (const box of scene.boxes) wanted.get(box.track)?.push(box.box);
    }
    pen.lineWidth = 2;
    pen.lineCap = pen.lineJoin = "round";
    for (const { track, box } of found) {
      const points = [...(wanted.get(track) ?? []), box].map(([x1, , x2, y2]) => [place.x + ((x1 + x2) / 2) * place.w, place.y + y2 * place.h]);
      for (let n = 1; n < points.length; n += 1) {
        pen.beginPath();
        pen.moveTo(...points[n - 1]);
        pen.lineTo(...points[n]);
        pen.strokeStyle = colour(track, (0.85 * n) / points.length);
        pen.stroke();
      }
    }
  }

  #box(place, { box: [x1, y1, x2, y2], label, confidence, track }) {
    const pen = this.#pen;
    const x = place.x + x1 * place.w;
    const y = place.y + y1 * place.h;
    const w = (x2 - x1) * place.w;
    const h = (y2 - y1) * place.h;
    pen.lineWidth = 3.5;
    pen.strokeStyle = "rgb(0 0 0 / .35)";
    pen.beginPath();
    pen.roundRect(x, y, w, h, 4);
    pen.stroke();
    pen.lineWidth = 2;
    pen.strokeStyle = colour(track);
    pen.stroke();
    const small = place.w < 420;
    if (small && w < 40) return;
    const text = small ? label : `${label} ${Math.round(confidence * 100)}%${track === null ? "" : ` #${track}`}`;
    this.#label(text, x - 1, y - 4, colour(track, 0.95), "#08110f", place);
  }

  #label(text, x, y, ground, ink, place) {
    const pen = this.#pen;
    pen.font = "600 11.5px system-ui, sans-serif";
    const width = pen.measureText(text).width + 10;
    const left = Math.min(Math.max(place.x, x), place.x + place.w - width);
    const bottom = Math.max(place.y + 17, y);
    pen.fillStyle = ground;
    pen.beginPath();
    pen.roundRect(left, bottom - 17, width, 17, 4);
    pen.fill();
    pen.fillStyle = ink;
    pen.fillText(text, left + 5, bottom - 4.5);
  }
}
