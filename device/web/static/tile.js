// One camera on the page: its stream, played by the browser where it can, its boxes, and words when there is no picture.

import { Overlay } from "./overlay.js";
import { Player, plays } from "./player.js";
import { lasting } from "./socket.js";

export class Tile {
  overlay;
  #figure;
  #video;
  #still;
  #player = null;
  #link;
  #t = NaN; // media time of the picture that is shown
  #awaited = null; // words of the JPEG whose bytes come next
  #jpegOnly = false;
  #missed = 0;
  #lastPicture = 0;
  #camera = { state: "ok", text: "", reason: "" };

  constructor(figure) {
    this.#figure = figure;
    this.#video = figure.querySelector("video");
    this.#still = figure.querySelector(".still");
    this.overlay = new Overlay(figure.querySelector(".overlay"));
    this.#follow();
    this.#link = lasting(`/api/v1/live/${encodeURIComponent(figure.dataset.camera)}`, {
      words: (message, socket) => this.#words(message, socket),
      bytes: (data) => this.#bytes(data),
      down: () => this.#down(),
    });
  }

  // The exact time of each picture as it is shown, where the browser tells it.
  #follow() {
    if (!("requestVideoFrameCallback" in HTMLVideoElement.prototype)) {
      this.#video.addEventListener("timeupdate", () => { this.#lastPicture = performance.now(); });
      return;
    }
    const shown = (_, { mediaTime }) => {
      this.#t = mediaTime;
      this.#lastPicture = performance.now();
      this.#video.requestVideoFrameCallback(shown);
    };
    this.#video.requestVideoFrameCallback(shown);
  }

  #words(message, socket) {
    if (message.type === "hello") this.#agree(message, socket);
    else if (message.type === "video") this.#player?.begin(message);
    else if (message.type === "scene") this.#scene(message);
    else if (message.type === "still") this.#awaited = message;
    else if (message.type === "missed") this.#miss(message.pictures);
  }

  #agree({ codec, zones }, socket) {
    this.#stopPlayer();
    this.overlay.zones = zones;
    this.overlay.scenes = [];
    const play = plays(codec) && !this.#jpegOnly ? "mp4" : "jpeg";
    this.#figure.dataset.mode = play;
    if (play === "mp4") this.#player = new Player(this.#video, (why) => this.#fallBack(why));
    socket.send(JSON.stringify({ play }));
  }

  // A stream this browser said it plays and then does not: pictures one by one instead.
  #fallBack(why) {
    this.#figure.dataset.why = why;
    this.#jpegOnly = true;
    this.#stopPlayer();
    this.#link.restart();
  }

  #scene(scene) {
    this.overlay.add(scene);
    this.#player?.boxesCame(scene.t);
  }

  #bytes(data) {
    if (!this.#awaited) return this.#player?.push(data);
    const { t } = this.#awaited;
    this.#awaited = null;
    return this.#paint(data, t);
  }

  async #paint(data, t) {
    const picture = await createImageBitmap(new Blob([data], { type: "image/jpeg" }));
    this.#still.width = picture.width;
    this.#still.height = picture.height;
    this.#still.getContext("2d").drawImage(picture, 0, 0);
    picture.close();
    this.#t = t ?? NaN;
    this.#lastPicture = performance.now();
  }

  #miss(count) {
    this.#missed += count;
    const element = this.#figure.querySelector(".missed");
    element.hidden = false;
    element.textContent = `${this.#missed} pictures missed`;
    element.title = "This connection is slower than the camera";
  }

  #stopPlayer() {
    this.#player?.end();
    this.#player = null;
  }

  #down() {
    this.#stopPlayer();
    this.#lastPicture = 0;
  }

  state(camera) {
    this.#camera = camera;
    const { dataset } = this.#figure;
    dataset.state = camera.state;
    this.#put(".state", camera.text);
    this.#put(".gate", camera.gate_text);
    this.#put(".size", camera.picture);
  }

  #put(selector, text) {
    const element = this.#figure.querySelector(selector);
    if (element.textContent !== text) element.textContent = text;
  }

  // Called for every frame the browser paints.
  draw(layers) {
    const jpeg = this.#figure.dataset.mode === "jpeg";
    const t = Number.isNaN(this.#t) && !jpeg ? this.#video.currentTime : this.#t;
    this.overlay.layers = layers;
    this.overlay.draw(t, jpeg ? this.#still.width : this.#video.videoWidth, jpeg ? this.#still.height : this.#video.videoHeight);
  }

  // Called twice a second: what is said in words.
  tell() {
    const age = (performance.now() - this.#lastPicture) / 1000;
    const stuck = age > 3;
    const notice = this.#figure.querySelector(".notice");
    const why = this.#camera.reason || (this.#camera.state === "ok" ? "waiting for the picture" : this.#camera.text);
    notice.hidden = !stuck;
    if (stuck && notice.textContent !== why) notice.textContent = why;
    const behind = this.#player?.behind;
    this.#put(".behind", behind >= 0 && !stuck ? `${behind.toFixed(1)} s behind` : "");
    this.#figure.dataset.boxes = this.overlay.drawn;
    this.#figure.dataset.playing = String(!stuck);
  }
}
