// The list of takes: rows that stay where they are while others come and go, so that hands and focus do too.

import { clock, element, madeFrom, score } from "./words.js";

export const VERDICTS = [
  { mark: "pinned", sign: "★", word: "Pin", key: "p" },
  { mark: "liked", sign: "♥", word: "Like", key: "l" },
  { mark: "rejected", sign: "✕", word: "Reject", key: "x" },
];

/** The three buttons of a take; ``judge`` is told which mark and whether it is to be set. */
export function verdictButtons(judge) {
  return VERDICTS.map(({ mark, sign, word }) => {
    const button = element("button", { type: "button", class: `verdict ${mark}`, "aria-pressed": "false" }, sign);
    button.dataset.word = word;
    button.addEventListener("click", () => judge(mark, button.getAttribute("aria-pressed") !== "true"));
    return button;
  });
}

export function showVerdicts(buttons, row) {
  buttons.forEach((button, at) => {
    button.setAttribute("aria-pressed", String(Boolean(row[VERDICTS[at].mark])));
    button.setAttribute("aria-label", `${button.dataset.word} take ${row.number}`);
    button.title = `${button.dataset.word} (${VERDICTS[at].key})`;
  });
}

class Row {
  constructor(row, list) {
    this.parts = {};
    for (const part of ["mark", "number", "name", "score", "length"]) {
      this.parts[part] = element("span", { class: part, "aria-hidden": part === "mark" ? "true" : null });
    }
    this.take = element("button", { type: "button", class: "take", tabindex: "-1" }, ...Object.values(this.parts));
    this.verdicts = verdictButtons((mark, set) => list.tell.judged(this.row.number, mark, set));
    this.item = element("li", { class: "row" }, this.take, element("div", { class: "verdicts" }, ...this.verdicts));
    this.take.addEventListener("click", () => list.tell.opened(this.row.number));
    this.take.addEventListener("focus", () => list.tell.chosen(this.row.number));
    this.show(row, list);
  }

  show(row, list) {
    this.row = row;
    const here = row.number === list.here;
    const playing = row.number === list.playing;
    const sign = row.pinned ? "★" : row.liked ? "♥" : row.rejected ? "✕" : row.faults.length ? "⚠" : "";
    this.parts.mark.textContent = playing ? "▶" : sign;
    this.parts.number.textContent = row.number;
    const from = madeFrom(row);
    const words = row.faults.length ? row.faults[0] : row.name;
    this.parts.name.replaceChildren(words, ...(from ? [" ", element("small", {}, from)] : []));
    this.parts.score.textContent = score(row.score);
    this.parts.length.textContent = clock(row.duration);
    this.item.classList.toggle("here", here);
    this.item.classList.toggle("rejected", row.rejected);
    this.item.classList.toggle("faulty", row.faults.length > 0);
    this.item.classList.toggle("new", row.verdict === "unheard");
    this.take.tabIndex = here ? 0 : -1;
    this.take.toggleAttribute("aria-current", here);
    for (const button of this.verdicts) button.tabIndex = here ? 0 : -1;
    showVerdicts(this.verdicts, row);
    const state = [playing ? "plays" : "", row.verdict, from, row.faults.join(", ")].filter(Boolean).join(", ");
    this.take.setAttribute(
      "aria-label",
      `Take ${row.number}, ${row.name}, ${clock(row.duration)}, ${row.score === null ? "no score" : `score ${row.score.toFixed(2)}`}, ${state}`,
    );
  }
}

export class List {
  constructor(root, tell) {
    this.root = root;
    this.tell = tell;
    this.here = null;
    this.playing = null;
    this.order = [];
    this.rows = new Map();
  }

  row(number) {
    return this.rows.get(number)?.row ?? null;
  }

  /** Shows these rows, in this order. */
  show(rows) {
    const before = this.rows;
    this.rows = new Map();
    this.order = rows.map((row) => row.number);
    for (const row of rows) {
      const known = before.get(row.number);
      if (known) known.show(row, this);
      this.rows.set(row.number, known ?? new Row(row, this));
    }
    for (const [number, row] of before) if (!this.rows.has(number)) row.item.remove();
    this.order.forEach((number, at) => {
      const { item } = this.rows.get(number);
      if (this.root.children[at] !== item) this.root.insertBefore(item, this.root.children[at] ?? null);
    });
    if (this.order.length && !this.rows.has(this.here)) this.rows.get(this.order[0]).take.tabIndex = 0;
  }

  update(row) {
    const known = this.rows.get(row.number);
    if (known) known.show({ ...known.row, ...row }, this);
  }

  mark(here, playing) {
    const stale = new Set([this.here, this.playing, here, playing]);
    this.here = here;
    this.playing = playing;
    for (const number of stale) {
      const known = this.rows.get(number);
      if (known) known.show(known.row, this);
    }
  }

  /** Where ``by`` rows further on is, from the one that is chosen; the first where none is. */
  beside(by, from = this.here) {
    const at = this.order.indexOf(from);
    if (at < 0) return this.order[0] ?? null;
    return this.order[Math.min(Math.max(at + by, 0), this.order.length - 1)];
  }

  reveal(number, { focus = false } = {}) {
    const known = this.rows.get(number);
    if (!known) return;
    if (focus) known.take.focus({ preventScroll: true });
    known.item.scrollIntoView({ block: "nearest" });
  }
}
