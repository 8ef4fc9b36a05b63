// Areas drawn on a picture with mouse, finger or keys. Points are fractions of its width and height, as the box keeps them.

import { made } from "./setup-ask.js";

const KINDS = { zone: "Zone", mask: "Privacy mask", ignored: "No motion here" };
const STEP = 0.01;
const NEAR_PX = 6; // a press that moves less is a click
const MOST = 64;
const SVG = "http://www.w3.org/2000/svg";
const START = [[0.3, 0.3], [0.7, 0.3], [0.7, 0.7], [0.3, 0.7]];

const bounded = (value) => Math.min(1, Math.max(0, Math.round(value * 10000) / 10000));
const middle = (a, b) => [bounded((a[0] + b[0]) / 2), bounded((a[1] + b[1]) / 2)];
const percent = (value) => `${Math.round(value * 100)} %`;

function fromEdge(point, a, b) {
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  const part = Math.min(1, Math.max(0, ((point[0] - a[0]) * dx + (point[1] - a[1]) * dy) / (dx * dx + dy * dy || 1)));
  return Math.hypot(point[0] - a[0] - part * dx, point[1] - a[1] - part * dy);
}

export class Drawing {
  areas = []; // { kind, name, points }
  chosen = -1;
  #board;
  #svg;
  #changed;
  #before = [];
  #walking = false; // the corners are named one after the other
  #held = -1; // the corner that was touched last

  constructor(board, changed) {
    this.#board = board;
    this.#changed = changed;
    this.#svg = document.createElementNS(SVG, "svg");
    this.#svg.setAttribute("viewBox", "0 0 1 1");
    this.#svg.setAttribute("preserveAspectRatio", "none");
    this.#svg.setAttribute("aria-hidden", "true");
    board.append(this.#svg);
    board.addEventListener("click", (event) => this.#click(event));
    board.closest("section").addEventListener("keydown", (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key === "z" && event.target.tagName !== "INPUT") {
        event.preventDefault();
        this.undo();
      }
    });
  }

  load(areas) {
    this.areas = areas;
    this.chosen = areas.length ? 0 : -1;
    this.#before = [];
    this.draw();
  }

  get area() { return this.areas[this.chosen]; }
  get changes() { return this.#before.length; }

  choose(number) {
    this.chosen = number;
    this.#walking = false;
    this.#held = -1;
    this.draw();
  }

  begin(kind, name) {
    this.#keep();
    this.areas.push({ kind, name, points: [] });
    this.chosen = this.areas.length - 1;
    this.#walking = true;
    this.draw();
  }

  rename(name) {
    this.#keep();
    this.area.name = name;
    this.draw();
  }

  remove() {
    this.#keep();
    this.areas.splice(this.chosen, 1);
    this.chosen = Math.min(this.chosen, this.areas.length - 1);
    this.draw();
  }

  // By key: the first press makes a square to be moved, the next ones halve the longest edge.
  add() {
    const { points } = this.area;
    if (points.length >= MOST) return;
    this.#keep();
    this.#walking = false;
    let at = 0;
    if (points.length < 3) {
      this.area.points = START.map((point) => [...point]);
    } else {
      const long = points.map((a, n) => Math.hypot(a[0] - points[(n + 1) % points.length][0], a[1] - points[(n + 1) % points.length][1]));
      at = long.indexOf(Math.max(...long)) + 1;
      points.splice(at, 0, middle(points[at - 1], points[at % points.length]));
    }
    this.draw();
    this.#focus(at);
  }

  // The corner that was touched last, else the one that came last.
  less() {
    const { points } = this.area;
    if (!points.length) return;
    this.#keep();
    points.splice(this.#held >= 0 && this.#held < points.length ? this.#held : points.length - 1, 1);
    this.#held = -1;
    this.draw();
  }

  undo() {
    const last = this.#before.pop();
    if (!last) return;
    ({ areas: this.areas, chosen: this.chosen } = JSON.parse(last));
    this.draw();
  }

  #keep() {
    this.#before.push(JSON.stringify({ areas: this.areas, chosen: this.chosen }));
    if (this.#before.length > 100) this.#before.shift();
  }

  #at(event) {
    const { left, top, width, height } = this.#board.getBoundingClientRect();
    return [bounded((event.clientX - left) / width), bounded((event.clientY - top) / height)];
  }

  #click(event) {
    if (!this.area || event.target.closest("button") || this.area.points.length >= MOST) return;
    this.#keep();
    const { points } = this.area;
    const point = this.#at(event);
    let place = points.length;
    if (!this.#walking && points.length > 2) {
      const away = points.map((a, n) => fromEdge(point, a, points[(n + 1) % points.length]));
      place = away.indexOf(Math.min(...away)) + 1;
    }
    points.splice(place, 0, point);
    this.draw();
  }

  #drag(event, number) {
    const corner = event.target;
    const from = [event.clientX, event.clientY];
    let moved = false;
    corner.setPointerCapture(event.pointerId);
    this.#hold(number);
    const move = (now) => {
      if (!moved && Math.hypot(now.clientX - from[0], now.clientY - from[1]) < NEAR_PX) return;
      if (!moved) this.#keep();
      moved = true;
      this.area.points[number] = this.#at(now);
      this.#shape();
      this.#place(corner, number);
    };
    corner.addEventListener("pointermove", move);
    corner.addEventListener("lostpointercapture", () => {
      corner.removeEventListener("pointermove", move);
      if (moved) { this.#walking = false; this.#changed(); }
    }, { once: true });
  }

  #key(event, number) {
    const { points } = this.area;
    const step = event.shiftKey ? STEP * 5 : event.altKey ? STEP / 5 : STEP;
    const way = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
    if (!way && event.key !== "Delete" && event.key !== "Backspace") return;
    event.preventDefault();
    this.#keep();
    if (way) {
      points[number] = [bounded(points[number][0] + way[0]), bounded(points[number][1] + way[1])];
    } else {
      points.splice(number, 1);
    }
    this.draw();
    this.#focus(Math.min(number, points.length - 1));
  }

  #hold(number) {
    this.#held = number;
    this.#board.querySelectorAll(".corner").forEach((each, n) => each.classList.toggle("held", n === number));
  }

  #focus(number) {
    this.#board.querySelector(`[data-corner="${number}"]`)?.focus();
  }

  #place(corner, number) {
    const [x, y] = this.area.points[number];
    corner.style.left = `${x * 100}%`;
    corner.style.top = `${y * 100}%`;
    const keys = "Arrow keys move it, Delete removes it.";
    corner.setAttribute("aria-label", `Corner ${number + 1}, ${percent(x)} from the left, ${percent(y)} from the top. ${keys}`);
  }

  #shape() {
    this.#svg.replaceChildren(...this.areas.map((area, n) => {
      const shape = document.createElementNS(SVG, area.points.length > 2 ? "polygon" : "polyline");
      shape.setAttribute("points", area.points.map((point) => point.join(",")).join(" "));
      shape.setAttribute("class", `${area.kind}${n === this.chosen ? " chosen" : ""}`);
      return shape;
    }));
  }

  draw() {
    this.#shape();
    this.#board.querySelectorAll(".corner").forEach((corner) => corner.remove());
    (this.area?.points ?? []).forEach((_, number) => {
      const corner = made("button", { type: "button", class: "corner", "data-corner": number });
      corner.addEventListener("pointerdown", (event) => this.#drag(event, number));
      corner.addEventListener("keydown", (event) => this.#key(event, number));
      corner.addEventListener("focus", () => this.#hold(number));
      this.#place(corner, number);
      this.#board.append(corner);
    });
    this.#changed();
  }

  static title({ kind, name }) { return name ? `${KINDS[kind]} ${name}` : KINDS[kind]; }
}
