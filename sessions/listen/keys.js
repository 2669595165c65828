// The keys of the page: the terminal's own, where they mean the same.

import { element } from "./words.js";

export const KEYS = [
  ["j k", "the next take, the one before"],
  ["g G", "the first take, the last"],
  ["space", "play or pause"],
  ["enter", "play from the beginning"],
  [", .", "2 seconds back and on"],
  ["< >", "10 seconds back and on"],
  ["n", "play the next take"],
  ["p l x", "pin, like, reject; with shift, take it away"],
  ["d", "save the take as a file"],
  ["/", "filter; escape leaves it"],
  ["f", "follow the terminal, or not"],
  ["m", "silent, or not"],
  ["?", "these keys"],
];

const WRITES = "input:not([type=checkbox]):not([type=range]), textarea, select";

/** Has ``actions`` done by key, wherever nobody types and no dialog is open. */
export function listenForKeys(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (document.querySelector("dialog[open]")) return;
    const target = event.target instanceof Element ? event.target : document.body;
    if (target.matches(WRITES)) {
      if (event.key === "Escape" && actions.leave) actions.leave();
      return;
    }
    const pressable = target.matches("button:not(.take), input, a, summary");
    if (pressable && (event.key === " " || event.key === "Enter")) return;
    if (target.matches("input[type=range]") && event.key.startsWith("Arrow")) return;
    const does = actions[event.key];
    if (does) {
      event.preventDefault();
      does();
    }
  });
  document.addEventListener("keyup", (event) => {
    // A button is pressed when the space bar comes up; on a take it has done its work by then.
    if (event.key === " " && event.target instanceof Element && event.target.matches(".take")) event.preventDefault();
  });
}

export function listKeys(list) {
  list.replaceChildren(
    ...KEYS.flatMap(([keys, words]) => [
      element("dt", {}, ...keys.split(" ").flatMap((key, at) => (at ? [" ", element("kbd", {}, key)] : [element("kbd", {}, key)]))),
      element("dd", {}, words),
    ]),
  );
}
