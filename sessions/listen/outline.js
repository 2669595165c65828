// The outline of a take: drawn on a canvas, and a slider for going somewhere in it.

import { clock } from "./words.js";

const STEP = 3; // pixels from one bar to the next

export class Outline {
  constructor(slider, canvas, go) {
    this.slider = slider;
    this.canvas = canvas;
    this.go = go;
    this.peaks = null;
    this.seconds = 0;
    this.second = 0;
    this.region = null;
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: light)").addEventListener("change", () => this.draw());
    slider.addEventListener("pointerdown", (event) => this.grab(event));
    slider.addEventListener("keydown", (event) => this.key(event));
  }

  get columns() {
    return Math.max(50, Math.min(1000, Math.floor(this.canvas.clientWidth / STEP) || 300));
  }

  show(peaks, seconds) {
    this.peaks = peaks;
    this.seconds = seconds;
    this.slider.setAttribute("aria-valuemax", String(Math.floor(seconds)));
    this.draw();
  }

  move(second, region = null) {
    const before = Math.floor(this.second);
    this.second = second;
    this.region = region;
    if (Math.floor(second) !== before || second === 0) {
      this.slider.setAttribute("aria-valuenow", String(Math.floor(second)));
      this.slider.setAttribute("aria-valuetext", `${clock(second)} of ${clock(this.seconds)}`);
    }
    this.draw();
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width || !height) return;
    const ratio = devicePixelRatio || 1;
    if (this.canvas.width !== Math.round(width * ratio) || this.canvas.height !== Math.round(height * ratio)) {
      this.canvas.width = Math.round(width * ratio);
      this.canvas.height = Math.round(height * ratio);
    }
    const pen = this.canvas.getContext("2d");
    const colours = getComputedStyle(this.canvas);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const at = this.seconds ? (this.second / this.seconds) * width : 0;
    if (this.region && this.seconds) {
      pen.fillStyle = colours.getPropertyValue("--here");
      const [from, to] = this.region.map((second) => (second / this.seconds) * width);
      pen.fillRect(from, 0, to - from, height);
    }
    const middle = height / 2;
    const { low, high } = this.peaks || { low: [], high: [] };
    const bars = Math.floor(width / STEP);
    for (let bar = 0; bar < bars && low.length; bar++) {
      const first = Math.floor((bar * low.length) / bars);
      const last = Math.max(first + 1, Math.floor(((bar + 1) * low.length) / bars));
      const top = Math.max(0.01, ...high.slice(first, last));
      const bottom = Math.min(-0.01, ...low.slice(first, last));
      pen.fillStyle = colours.getPropertyValue(bar * STEP < at ? "--played" : "--wave");
      pen.fillRect(bar * STEP, middle - top * middle * 0.94, STEP - 1, (top - bottom) * middle * 0.94);
    }
    if (this.second > 0) {
      pen.fillStyle = colours.getPropertyValue("--head");
      pen.fillRect(Math.min(at, width - 2), 0, 2, height);
    }
  }

  grab(event) {
    if (!this.seconds) return;
    const to = (each) => {
      const box = this.slider.getBoundingClientRect();
      this.go(Math.min(Math.max((each.clientX - box.left) / box.width, 0), 1) * this.seconds);
    };
    this.slider.setPointerCapture(event.pointerId);
    to(event);
    this.slider.onpointermove = to;
    this.slider.onpointerup = this.slider.onpointercancel = () => {
      this.slider.onpointermove = null;
    };
  }

  key(event) {
    const steps = { ArrowLeft: -2, ArrowDown: -2, ArrowRight: 2, ArrowUp: 2, PageDown: -10, PageUp: 10 };
    if (event.key in steps) this.go(this.second + steps[event.key]);
    else if (event.key === "Home") this.go(0);
    else if (event.key === "End") this.go(this.seconds - 2);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
