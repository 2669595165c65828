// How things are put into words and elements. What comes from a take is text, and never markup.

export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds || 0));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

export function score(value) {
  return typeof value === "number" ? value.toFixed(2).replace(/^0/, "") : "";
}

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null) made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

export function madeFrom(row) {
  return row.parent_number ? `${row.operation} of ${row.parent_number}` : "";
}

/** What is worth knowing of a take beside its name. */
export function facts(take) {
  const wanted = take.request || {};
  const known = [
    take.score === null ? "" : `score ${score(take.score)}`,
    wanted.bpm ? `${wanted.bpm} bpm` : "",
    wanted.keyscale || "",
    `seed ${take.seed}`,
    madeFrom(take),
    ...take.faults,
    take.stored === "whole" ? "" : take.stored,
  ];
  return known.filter(Boolean).join(" · ");
}

/** What the take's audio is called where it is saved: "0012 neon drive.flac". */
export function fileName(take) {
  const suffix = /\.[a-z0-9]+$/.exec(take.files.audio ?? "");
  const name = take.name.replace(/[\p{Cc}\/\\:*?"<>|]+/gu, " ").trim();
  return `${String(take.number).padStart(4, "0")} ${name}${suffix ? suffix[0] : ""}`;
}

/** The lyrics as lines; those with times have a ``start`` in seconds. */
export function lyricLines(take) {
  const times = take.measured?.timestamps;
  if (Array.isArray(times) && times.length) return times.map(([start, , text]) => ({ start, text: String(text) }));
  const words = (take.request && take.request.lyrics) || "";
  return words.split("\n").map((text) => ({ start: null, text }));
}
