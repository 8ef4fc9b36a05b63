// Plays fragments of MP4 through Media Source Extensions and stays near the newest picture.

const Source = window.ManagedMediaSource ?? window.MediaSource;
const KEEP_S = 8; // seconds behind the picture that are kept
const LEAST_S = 0.3; // nearer than this to the newest picture it would stutter
const MOST_S = 1.5; // boxes that come later than this are not waited for
const JUMP_S = 2; // further behind than wished: jump

export const plays = (codec) => Boolean(codec && Source?.isTypeSupported(`video/mp4; codecs="${codec}"`));

export class Player {
  #video;
  #media = null;
  #buffer = null;
  #queue = [];
  #lag = LEAST_S;
  #failed;

  constructor(video, failed) {
    this.#video = video;
    this.#failed = failed;
    video.disableRemotePlayback = true;
    video.addEventListener("error", this.#broken);
  }

  #broken = () => this.#media && this.#failed(this.#video.error?.message ?? "the browser gave the stream up");

  // A new stream, or one whose headers changed: its time zero is `offset` seconds after the feed's.
  begin({ codec, offset }) {
    const type = `video/mp4; codecs="${codec}"`;
    this.#queue.push({ type, offset });
    if (this.#media) return this.#next();
    this.#media = new Source();
    this.#media.addEventListener("sourceopen", () => {
      URL.revokeObjectURL(this.#video.src);
      if (this.#buffer || this.#media.readyState !== "open") return;
      this.#buffer = this.#media.addSourceBuffer(type);
      this.#buffer.addEventListener("updateend", () => { this.#steer(); this.#next(); });
      this.#buffer.addEventListener("error", () => this.#failed("the stream could not be read"));
      this.#next();
    });
    this.#video.src = URL.createObjectURL(this.#media);
  }

  push(bytes) {
    this.#queue.push(bytes);
    if (this.#queue.length > 2000) return this.#failed("the browser is slower than the camera");
    this.#next();
  }

  #next() {
    const buffer = this.#buffer;
    if (!buffer || buffer.updating || !this.#queue.length || this.#media.readyState !== "open") return;
    try {
      if (this.#tidy(buffer)) return;
      const item = this.#queue[0];
      if (item instanceof ArrayBuffer) {
        buffer.appendBuffer(this.#gather());
      } else {
        this.#queue.shift();
        buffer.changeType(item.type);
        buffer.timestampOffset = item.offset;
        this.#next();
      }
    } catch (error) {
      this.#failed(error.message);
    }
  }

  // All the fragments that wait, at once: fewer updates when a whole group of pictures comes at the beginning.
  #gather() {
    const end = this.#queue.findIndex((item) => !(item instanceof ArrayBuffer));
    const parts = this.#queue.splice(0, end < 0 ? this.#queue.length : end);
    const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(new Uint8Array(part), at);
      at += part.byteLength;
    }
    return whole;
  }

  #tidy(buffer) {
    const ranges = buffer.buffered;
    const until = this.#video.currentTime - KEEP_S;
    if (!ranges.length || ranges.start(0) > until - KEEP_S) return false;
    buffer.remove(0, until);
    return true;
  }

  // How late analysis gives its boxes, in seconds of media time: the picture waits for them, within reason.
  boxesCame(t) {
    const late = this.newest - t;
    if (!(late >= 0 && late < 30)) return;
    const wish = Math.min(MOST_S, Math.max(LEAST_S, late + 0.12));
    this.#lag += (wish - this.#lag) * (wish > this.#lag ? 0.3 : 0.02);
  }

  get newest() {
    const ranges = this.#buffer?.buffered;
    return ranges?.length ? ranges.end(ranges.length - 1) : NaN;
  }

  get behind() {
    return this.newest - this.#video.currentTime;
  }

  #steer() {
    const video = this.#video;
    const ranges = this.#buffer.buffered;
    if (!ranges.length) return;
    const last = ranges.length - 1;
    const behind = this.behind;
    const inLast = video.currentTime >= ranges.start(last) && behind >= 0;
    const jump = behind > this.#lag + JUMP_S || (!inLast && (video.currentTime < ranges.start(0) || video.readyState < 3 || behind < 0));
    if (jump) video.currentTime = Math.max(ranges.start(last), ranges.end(last) - this.#lag);
    video.playbackRate = behind > this.#lag + 0.35 ? 1.1 : behind < this.#lag - 0.2 ? 0.93 : 1;
    if (video.paused && document.visibilityState === "visible") video.play().catch(() => {});
  }

  end() {
    const video = this.#video;
    this.#media = this.#buffer = null;
    this.#queue = [];
    video.removeEventListener("error", this.#broken);
    video.removeAttribute("src");
    video.load();
  }
}
