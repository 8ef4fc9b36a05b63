// Videos of one recording played in step: one clock for all, each camera at its own place in it.

const NEAR_S = 0.04; // no closer than a picture is to the next
const FAR_S = 0.4; // from here on it jumps; below it hurries or waits
const ENOUGH = 3; // readyState: the next picture is there

class View {
  constructor(video) {
    this.video = video;
    this.offset = Number(video.dataset.offset); // how much later it began than the first
    this.zero = Number(video.dataset.zero); // where its first picture is in the file
    this.lasts = Number(video.dataset.lasts);
    video.controls = false;
  }

  get end() { return this.offset + this.lasts; }

  place(t) { return this.zero + Math.min(this.lasts, Math.max(0, t - this.offset)); }

  wanted(t) { return t >= this.offset && t < this.end; }

  // Whether the clock may go on.
  follow(t, playing) {
    const { video } = this;
    const late = this.place(t) - video.currentTime;
    if (!playing || !this.wanted(t)) {
      if (!video.paused) video.pause();
      if (Math.abs(late) > NEAR_S && !video.seeking) video.currentTime = this.place(t);
      return true;
    }
    if (Math.abs(late) > FAR_S) {
      if (!video.seeking) video.currentTime = this.place(t);
    } else {
      video.playbackRate = Math.abs(late) > NEAR_S ? 1 + Math.max(-0.2, Math.min(0.2, late)) : 1;
    }
    if (video.paused) video.play().catch(() => {});
    return video.readyState >= ENOUGH && !video.seeking;
  }
}

class Together {
  #t = 0;
  #last = 0;
  #playing = false;

  constructor(root) {
    this.root = root;
    this.views = [...root.querySelectorAll("video")].map((video) => new View(video));
    this.end = Math.max(...this.views.map(({ end }) => end));
    this.go = root.querySelector(".go");
    this.at = root.querySelector(".at");
    this.time = root.querySelector(".time");
    this.sound = root.querySelector(".sound");
    this.at.max = this.end;
    this.go.addEventListener("click", () => this.play(!this.#playing));
    this.at.addEventListener("input", () => this.seek(Number(this.at.value)));
    this.sound.addEventListener("click", () => this.#hear(this.sound.getAttribute("aria-pressed") !== "true"));
    this.sound.hidden = !this.#speaker;
    root.querySelector(".bar").hidden = false;
    this.#show();
  }

  get #speaker() { return this.views.find(({ video }) => "sound" in video.dataset)?.video; }

  // One camera is heard; several would be an echo.
  #hear(on) {
    this.sound.setAttribute("aria-pressed", String(on));
    this.#speaker.muted = !on;
  }

  seek(t) {
    this.#t = t;
    this.#show();
    if (!this.#playing) this.views.forEach((view) => view.follow(t, false));
  }

  play(on) {
    if (on && this.#t >= this.end - NEAR_S) this.#t = 0;
    this.#playing = on;
    this.#last = performance.now();
    this.root.dataset.playing = String(on);
    this.go.lastElementChild.textContent = on ? "Pause" : "Play together";
    if (on) requestAnimationFrame(() => this.#turn());
    else this.views.forEach((view) => view.follow(this.#t, false));
  }

  #turn() {
    if (!this.#playing) return;
    const now = performance.now();
    const ready = this.views.map((view) => view.follow(this.#t, true)).every(Boolean);
    if (ready) this.#t = Math.min(this.end, this.#t + Math.min(0.25, (now - this.#last) / 1000)); // whoever loads is waited for
    this.#last = now;
    this.#show();
    if (this.#t >= this.end) this.play(false);
    else requestAnimationFrame(() => this.#turn());
  }

  #show() {
    this.at.value = this.#t;
    this.at.setAttribute("aria-valuetext", `${this.#t.toFixed(1)} of ${this.end.toFixed(1)} seconds`);
    this.time.textContent = `${this.#t.toFixed(1)} / ${this.end.toFixed(1)} s`;
    this.root.dataset.t = this.#t.toFixed(2);
  }
}

for (const root of document.querySelectorAll(".together")) if (root.querySelector("video")) new Together(root);
