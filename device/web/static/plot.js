// A small line plot on a canvas: time to the right, one colour a series, the values under the pointer in the legend.

const COLOURS = ["#0f9d8c", "#d9822b", "#7c6ee6", "#d1477a", "#3b82c4", "#7a9a2e", "#b5651d", "#9b59b6"];
const LEFT = 44;
const BOTTOM = 18;

export const number = (value, unit) => {
  if (value === null || value === undefined) return "–";
  if (Math.abs(value) >= 1e4) return `${short(value)}${unit}`;
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return `${value.toFixed(digits)}${unit ? ` ${unit}` : ""}`;
};

// 12, 340 k, 5.2 M: short enough for an axis.
const short = (value) => {
  const [size, letter] = value >= 1e9 ? [1e9, " G"] : value >= 1e6 ? [1e6, " M"] : value >= 1e4 ? [1e3, " k"] : [1, ""];
  return `${Number((value / size).toPrecision(3))}${letter}`;
};

// A round step that gives about four lines.
function step(span) {
  const rough = span / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough);
}

export class Plot {
  #canvas = document.createElement("canvas");
  #legend = document.createElement("ul");
  #header = document.createElement("header");
  #unit;
  #t = [];
  #series = [];
  #pointer = null;

  constructor(parent, title, unit) {
    this.#unit = unit;
    this.title = title;
    const panel = document.createElement("section");
    panel.className = "panel plot";
    const heading = document.createElement("h2");
    heading.textContent = title;
    const units = document.createElement("span");
    units.textContent = unit;
    this.#header.append(heading, units);
    this.#legend.className = "legend";
    this.#canvas.setAttribute("role", "img");
    panel.append(this.#header, this.#canvas, this.#legend);
    parent.append(panel);
    new ResizeObserver(() => this.draw()).observe(this.#canvas);
    this.#canvas.addEventListener("pointermove", (event) => { this.#pointer = event.offsetX; this.draw(); });
    this.#canvas.addEventListener("pointerleave", () => { this.#pointer = null; this.draw(); });
    addEventListener("colours", () => this.draw());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  set(t, series) {
    this.#t = t;
    this.#series = series;
    this.draw();
  }

  draw() {
    const canvas = this.#canvas;
    const sharp = window.devicePixelRatio || 1;
    const width = canvas.clientWidth;
    const height = canvas.clientHeight;
    if (!width || !this.#t.length) return;
    canvas.width = Math.round(width * sharp);
    canvas.height = Math.round(height * sharp);
    const pen = canvas.getContext("2d");
    pen.scale(sharp, sharp);
    const style = getComputedStyle(canvas);
    const all = this.#series.flatMap(({ values }) => values.filter((value) => value !== null));
    const top = Math.max(1e-3, ...all);
    const each = step(top);
    const highest = Math.max(each, Math.ceil(top / each) * each);
    const first = Math.min(this.#t[0], this.#t.at(-1) - 60_000);
    const x = (t) => LEFT + ((t - first) / (this.#t.at(-1) - first)) * (width - LEFT - 6);
    const y = (value) => 6 + (1 - value / highest) * (height - BOTTOM - 6);
    this.#frame(pen, style, { width, height, highest, each, y, x, first });
    const at = this.#nearest(x);
    this.#lines(pen, x, y, at);
    if (this.#pointer !== null) this.#cross(pen, style, x(this.#t[at]), height);
    this.#words(at);
  }

  #frame(pen, style, { width, height, highest, each, y, x, first }) {
    pen.font = "11px system-ui, sans-serif";
    pen.fillStyle = style.color;
    pen.strokeStyle = style.borderTopColor;
    pen.textAlign = "right";
    for (let value = 0; value <= highest + each / 2; value += each) {
      const line = Math.round(y(value)) + 0.5;
      pen.beginPath();
      pen.moveTo(LEFT, line);
      pen.lineTo(width - 6, line);
      pen.stroke();
      pen.fillText(short(value), LEFT - 7, line + 3.5);
    }
    const last = this.#t.at(-1);
    const minutes = (last - first) / 60_000;
    const every = minutes > 6 ? 2 : minutes > 2 ? 1 : 0.5;
    pen.textAlign = "center";
    for (let ago = every; ago < minutes - every / 4; ago += every) pen.fillText(`−${ago} min`, x(last - ago * 60_000), height - 4);
    pen.textAlign = "right";
    pen.fillText("now", width - 6, height - 4);
  }

  #lines(pen, x, y, at) {
    pen.lineWidth = 1.7;
    pen.lineJoin = "round";
    this.#series.forEach(({ values }, n) => {
      pen.strokeStyle = pen.fillStyle = COLOURS[n % COLOURS.length];
      pen.beginPath();
      let drawing = false;
      values.forEach((value, index) => {
        if (value === null) { drawing = false; return; }
        pen[drawing ? "lineTo" : "moveTo"](x(this.#t[index]), y(value));
        drawing = true;
      });
      pen.stroke();
      const here = values[at];
      if (here === null || here === undefined) return;
      pen.beginPath();
      pen.arc(x(this.#t[at]), y(here), 2.6, 0, 7);
      pen.fill();
    });
  }

  #cross(pen, style, x, height) {
    pen.lineWidth = 1;
    pen.strokeStyle = style.color;
    pen.beginPath();
    pen.moveTo(x, 4);
    pen.lineTo(x, height - BOTTOM);
    pen.stroke();
  }

  #nearest(x) {
    if (this.#pointer === null) return this.#t.length - 1;
    const distance = this.#t.map((t) => Math.abs(x(t) - this.#pointer));
    return distance.indexOf(Math.min(...distance));
  }

  #words(at) {
    const items = this.#series.map(({ name, values }, n) => {
      const item = document.createElement("li");
      item.innerHTML = '<svg viewBox="0 0 12 4" aria-hidden="true"><rect width="12" height="4" rx="2"/></svg>';
      item.querySelector("rect").setAttribute("fill", COLOURS[n % COLOURS.length]);
      const value = document.createElement("b");
      value.textContent = number(values[at], this.#unit);
      item.append(name, value);
      return item;
    });
    this.#legend.replaceChildren(...items);
    const said = this.#series.map(({ name, values }) => `${name} ${number(values.at(-1), this.#unit)}`);
    this.#canvas.setAttribute("aria-label", `${this.title}, now: ${said.join(", ")}`);
  }
}
