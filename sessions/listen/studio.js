// The studio's API, as far as the page uses it: questions, events, and the exchange of the token for a cookie.

export class Refused extends Error {
  constructor(status, content) {
    super(content.error || `The studio answered with ${status}.`);
    this.status = status;
    this.hint = content.hint || "";
  }
}

const SILENT_MS = 45_000; // three heartbeats: a line that is so long without one is dead

async function send(method, path, headers, body) {
  let answer;
  try {
    answer = await fetch(path, { method, headers, body, credentials: "same-origin", cache: "no-store" });
  } catch {
    throw new Refused(0, { error: "The studio does not answer.", hint: "Is the line to it (ssh -L) still there?" });
  }
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(answer.status, content);
  return content;
}

export function ask(method, path, body) {
  if (body === undefined) return send(method, path, {});
  return send(method, path, { "Content-Type": "application/json" }, JSON.stringify(body));
}

/** Gives the token for a cookie, which comes with every request from now on. */
export function enter(token) {
  return send("POST", "/api/cookie", { Authorization: `Bearer ${token}` });
}

/** The token behind the # of the address, which is taken away: an address is seen, copied and kept. */
export function tokenOfAddress() {
  const token = decodeURIComponent(location.hash.slice(1));
  if (token) history.replaceState(null, "", location.pathname);
  return token;
}

/** Everything that happens in the studio; a line that breaks is made again. */
export class Events {
  constructor({ happened, lost, back, refused }) {
    this.tell = { happened, lost, back, refused };
    this.source = null;
    this.last = null;
    this.heard = 0;
    setInterval(() => this.look(), 5000);
    document.addEventListener("visibilitychange", () => this.look());
  }

  follow(after) {
    this.last = after;
    this.open();
  }

  open() {
    if (this.source) this.source.close();
    this.heard = Date.now();
    const after = this.last ? `&after=${encodeURIComponent(this.last)}` : "";
    const source = (this.source = new EventSource(`/api/events?page=true${after}`));
    let broken = false;
    source.onopen = () => {
      this.heard = Date.now();
      if (broken) this.tell.back();
      broken = false;
    };
    source.onerror = () => {
      broken = true;
      this.tell.lost();
      if (source.readyState === EventSource.CLOSED) this.tell.refused();
    };
    const hear = (event) => {
      this.heard = Date.now();
      if (event.lastEventId) this.last = event.lastEventId;
      this.tell.happened(JSON.parse(event.data));
    };
    for (const kind of ["take", "changed", "scored", "loop", "run", "progress", "listening", "recipe", "missed"]) {
      source.addEventListener(kind, hear);
    }
    source.addEventListener("beat", () => {
      this.heard = Date.now();
    });
  }

  look() {
    if (this.source && !document.hidden && Date.now() - this.heard > SILENT_MS) {
      this.tell.lost();
      this.open();
      this.tell.back();
    }
  }
}
