// The lyrics of a take; the line that is sung stands out where its time is known.

import { element, lyricLines } from "./words.js";

const TAG = /^\s*\[.*\]\s*$/;

export class Lyrics {
  constructor(root) {
    this.root = root;
    this.lines = [];
    this.at = -1;
  }

  show(take) {
    this.lines = lyricLines(take);
    this.at = -1;
    this.root.replaceChildren(
      ...this.lines.map(({ text }) => element("p", { class: TAG.test(text) ? "section" : null }, text || "\u00a0")),
    );
    this.root.scrollTop = 0;
  }

  move(second) {
    const at = this.lines.findLastIndex((line) => line.start !== null && line.start <= second);
    if (at === this.at) return;
    this.root.children[this.at]?.removeAttribute("aria-current");
    this.at = at;
    const line = this.root.children[at];
    line?.setAttribute("aria-current", "true");
    line?.scrollIntoView({ block: "nearest" });
  }
}
