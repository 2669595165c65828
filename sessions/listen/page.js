// The listen page: the takes of a session, heard here, following the terminal where somebody works at one.

import { Door } from "./door.js";
import { listenForKeys, listKeys } from "./keys.js";
import { List, showVerdicts, verdictButtons } from "./list.js";
import { handleMediaKeys, tellMachine } from "./machine.js";
import { Outline } from "./outline.js";
import { Sound } from "./sound.js";
import { ask, Events, Refused } from "./studio.js";
import { Lyrics } from "./lyrics.js";
import { clock, facts, fileName } from "./words.js";

const PAGE = 200;
const HEARD_SECONDS = 5;
const TELL_MS = 25_000;
const $ = (id) => document.getElementById(id);
const me = `page-${Math.random().toString(36).slice(2, 10)}`;

const takes = new Map(); // whole takes by number, as far as they were looked at
let wanted = PAGE; // rows
let chosen = null; // the whole take that is shown
let heardFor = 0;
let heardAt = 0;

// --- what there is to say ---

function say(words) {
  $("said").textContent = words;
}

function trouble(error) {
  $("line").textContent = error instanceof Refused ? `${error.message} ${error.hint}` : String(error);
  $("line").hidden = false;
}

function calm() {
  $("line").hidden = true;
}

async function doing(work) {
  try {
    await work;
    return true;
  } catch (error) {
    if (error instanceof Refused && error.status === 401) door.ask();
    else trouble(error);
    return false;
  }
}

const door = new Door(() => doing(begin()));

// --- the takes ---

const list = new List($("takes"), {
  chosen: (number) => doing(choose(number)),
  opened: (number) => doing(play(number, 0)),
  judged: (number, mark, set) => doing(judge(number, mark, set)),
});

async function fill() {
  const query = new URLSearchParams({ filter: $("filter").value, sort: $("sort").value, limit: String(wanted) });
  let rows;
  try {
    rows = (await ask("GET", `/api/rows?${query}`)).rows;
    $("filter").removeAttribute("aria-invalid");
    calm();
  } catch (error) {
    if (error.status === 400) $("filter").setAttribute("aria-invalid", "true");
    throw error;
  }
  list.show(rows);
  $("more").hidden = rows.length < wanted;
  $("empty").hidden = rows.length > 0;
  $("empty").textContent = $("filter").value ? "No take passes the filter." : "No takes yet: the first one shows up here.";
  if (chosen === null && rows.length) await choose(rows[0].number);
}

let filling = 0;
function fillSoon() {
  clearTimeout(filling);
  filling = setTimeout(() => doing(fill()), 300);
}

async function whole(number) {
  if (!takes.has(number)) takes.set(number, await ask("GET", `/api/takes/${number}`));
  return takes.get(number);
}

async function choose(number, { focus = false } = {}) {
  if (chosen && chosen.number === number) {
    list.reveal(number, { focus });
    return;
  }
  const take = await whole(number);
  chosen = take;
  list.mark(number, sound.number);
  list.reveal(number, { focus });
  showTake();
  drawOutline(take); // nobody waits for it: it is heard all the same
}

async function drawOutline(take) {
  const peaks = await ask("GET", `/api/takes/${take.number}/peaks?columns=${outline.columns}`).catch(() => null);
  if (chosen && chosen.id === take.id) outline.show(peaks, take.duration);
}

function showTake() {
  $("title").textContent = `${chosen.number}  ${chosen.name}`;
  $("facts").textContent = facts({ ...chosen, ...(list.row(chosen.number) ?? {}), request: chosen.request });
  $("length").textContent = clock(chosen.duration);
  $("play").disabled = !chosen.files.audio;
  $("save").hidden = !chosen.files.audio;
  $("save").href = `/api/takes/${encodeURIComponent(chosen.id)}/audio`;
  $("save").download = fileName(chosen);
  showVerdicts(verdicts, chosen);
  for (const button of verdicts) button.disabled = false;
  outline.show(null, chosen.duration);
  lyrics.show(chosen);
  moved();
}

async function judge(number, mark, set) {
  const take = await ask("PATCH", `/api/takes/${number}`, { [mark]: set });
  changed(take);
  say(`Take ${number} is ${set ? "" : "not "}${mark}${set ? "" : " any more"}.`);
}

function changed(take) {
  takes.set(take.number, take);
  list.update(take);
  if (chosen && chosen.number === take.number) {
    chosen = take;
    showVerdicts(verdicts, take);
    $("facts").textContent = facts({ ...take, ...(list.row(take.number) ?? {}), request: take.request });
  }
}

const verdicts = verdictButtons((mark, set) => chosen && doing(judge(chosen.number, mark, set)));
$("verdicts").append(...verdicts);
for (const button of verdicts) button.disabled = true;

// --- what is heard ---

const sound = new Sound($("audio"), { changed: soundChanged, moved, ended, locked, failed });
const lyrics = new Lyrics($("lyrics"));
const outline = new Outline($("place"), $("outline"), (second) => {
  if (!chosen) return;
  if (sound.number === chosen.number) {
    sound.leader = null;
    sound.seek(second);
    moved();
  } else doing(play(chosen.number, second));
});

async function play(number, second = null) {
  const take = await whole(number);
  if (!take.files.audio) throw new Refused(404, { error: `Take ${number} has no audio.`, hint: "It can be made again." });
  await choose(number);
  await sound.play(take, second);
}

function playOrPause() {
  if (sound.playing && (!chosen || chosen.number === sound.number)) sound.pause();
  else if (chosen) doing(play(chosen.number));
}

function soundChanged() {
  const here = chosen !== null && sound.number === chosen.number;
  const going = here && sound.playing;
  $("play").firstElementChild.textContent = going ? "❚❚" : "▶";
  $("play").setAttribute("aria-label", going ? "Pause" : "Play");
  const playing = sound.playing ? sound.number : null;
  if (list.playing !== playing) {
    list.mark(list.here, playing);
    tellStudio();
    heardFor = 0;
  }
  heardAt = performance.now();
  document.title = sound.playing ? `▶ ${sound.take.number} ${sound.take.name}` : $("name").textContent;
  if (sound.take) tellMachine(sound.take, $("name").textContent, sound.playing);
  moved();
  if (going) requestAnimationFrame(glide);
}

let painted = 0;
function glide(now) {
  if (!sound.playing || document.hidden || !chosen || chosen.number !== sound.number) return;
  if (now - painted > 90) {
    painted = now;
    moved();
  }
  requestAnimationFrame(glide);
}

function moved() {
  const here = chosen !== null && sound.number === chosen.number;
  const second = here ? sound.second : 0;
  $("second").textContent = clock(second);
  outline.move(second, here ? sound.region : null);
  if (here) {
    lyrics.move(second);
    countHeard();
  }
}

function countHeard() {
  const now = performance.now();
  if (sound.playing) heardFor += now - heardAt;
  heardAt = now;
  const take = sound.take && takes.get(sound.take.number);
  const enough = take ? Math.min(HEARD_SECONDS, take.duration / 2) * 1000 : Infinity;
  if (take && !take.heard && heardFor >= enough) {
    take.heard = true; // asked once; the answer says what it is
    doing(ask("PATCH", `/api/takes/${take.number}`, { heard: true }).then(changed));
  }
}

function ended() {
  soundChanged();
  if ($("on").checked && !following()) next();
}

function next() {
  const from = sound.number ?? list.here;
  const number = list.beside(1, from);
  if (number !== null && number !== from) doing(play(number, 0));
}

function locked(yes) {
  $("unlock").hidden = !yes;
  if (yes) say("The browser wants a press of 'Hear it here' before it plays.");
}

function failed(take) {
  trouble(`Take ${take.number} cannot be played here: its audio does not come, or this browser does not know its format.`);
}

function tellStudio() {
  const number = sound.playing ? sound.number : null;
  ask("PUT", `/api/playing/${me}`, { take: number }).catch(() => {}); // said again soon
}

setInterval(() => sound.playing && tellStudio(), TELL_MS);

// --- the terminal ---

function following() {
  return $("follow").checked;
}

async function lead(shown) {
  if (!following() || !shown || !shown.player) return;
  const number = shown.selected ?? shown.take;
  if (number !== null && (!chosen || chosen.number !== number)) await choose(number);
  if (shown.take !== null && !shown.sounds) {
    const take = await whole(shown.take);
    if (shown.playing) await sound.follow(take, shown.second, shown.region);
    else sound.rest(take, shown.second);
  } else if (sound.leader) {
    sound.pause();
  }
}

function loopWords(loop) {
  const reason = loop.reason ? ` (${loop.reason})` : "";
  return `loop ${loop.state}${reason}`;
}

function happened(event) {
  calm();
  if (event.event === "listening") doing(lead(event));
  else if (event.event === "loop") $("loop").textContent = loopWords(event);
  else if (event.event === "missed") doing(begin());
  else if (event.event === "changed") {
    if (event.kind === "changed") changed(event.take);
    else {
      takes.delete(event.take.number);
      fillSoon();
    }
  } else if (event.event === "take" || event.event === "scored") {
    if (event.take) takes.set(event.take.number, event.take);
    fillSoon();
  }
}

const events = new Events({
  happened,
  lost: () => trouble("The line to the studio is lost; it is tried again. What plays goes on as far as it is here."),
  back: () => {
    calm();
    fillSoon();
  },
  refused: () => doing(begin()),
});

// --- the beginning ---

async function begin() {
  const session = await ask("GET", "/api/session");
  $("name").textContent = session.name;
  document.title = session.name;
  $("loop").textContent = loopWords(session.loop);
  await fill();
  events.follow(session.last_event);
  await lead(session.listening);
}

$("play").addEventListener("click", playOrPause);
$("unlock").addEventListener("click", () => doing(sound.unlock()));
$("volume").addEventListener("input", () => sound.setVolume($("volume").valueAsNumber));
$("more").addEventListener("click", () => {
  wanted = Math.min(wanted + PAGE, 1000);
  doing(fill());
});
$("find").addEventListener("submit", (event) => event.preventDefault());
$("filter").addEventListener("input", fillSoon);
$("sort").addEventListener("change", () => doing(fill()));
$("keys-open").addEventListener("click", () => $("keys").showModal());
listKeys($("keys-list"));

$("follow").checked = localStorage.getItem("follow") !== "no";
$("follow").addEventListener("change", async () => {
  localStorage.setItem("follow", following() ? "yes" : "no");
  say(following() ? "Following the terminal." : "Not following the terminal.");
  if (following()) await doing(ask("GET", "/api/session").then((session) => lead(session.listening)));
  else sound.leader = null;
});

const step = (by) => {
  const number = list.beside(by);
  if (number !== null) list.reveal(number, { focus: true });
};
const seek = (by) => {
  sound.leader = null;
  sound.seek(sound.second + by);
};
const mark = (name, set) => chosen && doing(judge(chosen.number, name, set));

listenForKeys({
  j: () => step(1),
  ArrowDown: () => step(1),
  k: () => step(-1),
  ArrowUp: () => step(-1),
  g: () => step(-1e9),
  Home: () => step(-1e9),
  G: () => step(1e9),
  End: () => step(1e9),
  " ": playOrPause,
  Enter: () => chosen && doing(play(chosen.number, 0)),
  ",": () => seek(-2),
  ".": () => seek(2),
  "<": () => seek(-10),
  ">": () => seek(10),
  n: next,
  p: () => mark("pinned", true),
  P: () => mark("pinned", false),
  l: () => mark("liked", true),
  L: () => mark("liked", false),
  x: () => mark("rejected", true),
  X: () => mark("rejected", false),
  d: () => $("save").hidden || $("save").click(),
  "/": () => $("filter").focus(),
  f: () => $("follow").click(),
  m: () => {
    $("audio").muted = !$("audio").muted;
    say($("audio").muted ? "Silent." : "Not silent.");
  },
  "?": () => $("keys").showModal(),
  leave: () => list.reveal(list.here ?? list.order[0], { focus: true }),
});

handleMediaKeys({
  play: () => doing(sound.start()),
  pause: () => sound.pause(),
  nexttrack: next,
  seekto: ({ seekTime }) => sound.seek(seekTime),
});

door.begin();
