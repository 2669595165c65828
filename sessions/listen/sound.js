// What is heard on this page: one take at a time, fetched in the parts that the browser wants.

export const REFERENCE_LUFS = -16;
const APART_SECONDS = 0.35; // further than this from the terminal, it is put right

/** The factor that brings a take to the loudness of all others; what is quieter stays as it is. */
export function level(loudness) {
  return typeof loudness === "number" ? Math.min(1, 10 ** ((REFERENCE_LUFS - loudness) / 20)) : 1;
}

export class Sound {
  constructor(audio, { changed, moved, ended, locked, failed }) {
    this.audio = audio;
    this.take = null;
    this.region = null;
    this.volume = 1;
    this.level = 1;
    this.locked = false;
    this.leader = null; // what the terminal plays, and when we heard of it
    this.tell = { changed, moved, ended, locked, failed };
    audio.addEventListener("play", changed);
    audio.addEventListener("pause", changed);
    audio.addEventListener("durationchange", changed);
    audio.addEventListener("seeked", moved);
    audio.addEventListener("timeupdate", () => this.passed());
    audio.addEventListener("ended", () => ended());
    audio.addEventListener("loadedmetadata", () => this.keepUp());
    audio.addEventListener("playing", () => this.keepUp()); // it may have had to wait for its first bytes
    audio.addEventListener("error", () => {
      if (this.take) failed(this.take);
    });
  }

  get playing() {
    return this.take !== null && !this.audio.paused && !this.audio.ended;
  }

  get second() {
    return this.audio.currentTime || 0;
  }

  get number() {
    return this.take ? this.take.number : null;
  }

  load(take) {
    if (this.take && this.take.id === take.id) return;
    this.take = take;
    this.region = null;
    this.level = level(take.loudness);
    this.audio.volume = this.level * this.volume;
    this.audio.src = `/api/takes/${encodeURIComponent(take.id)}/audio`;
    this.tell.changed();
  }

  async play(take, second = null) {
    this.leader = null;
    if (take) this.load(take);
    if (!this.take) return;
    if (second !== null) this.seek(second);
    await this.start();
  }

  async start() {
    try {
      await this.audio.play();
      this.lock(false);
    } catch (error) {
      if (error.name === "NotAllowedError") this.lock(true);
      else if (error.name !== "AbortError") this.tell.failed(this.take);
    }
    this.tell.changed();
  }

  lock(locked) {
    if (locked === this.locked) return;
    this.locked = locked;
    this.tell.locked(locked);
  }

  pause() {
    this.leader = null;
    this.lock(false);
    this.audio.pause();
  }

  seek(second) {
    const end = Number.isFinite(this.audio.duration) ? this.audio.duration : this.take ? this.take.duration : 0;
    this.audio.currentTime = Math.min(Math.max(second, 0), Math.max(end - 0.05, 0));
  }

  setVolume(percent) {
    this.volume = percent / 100;
    this.audio.volume = this.level * this.volume;
  }

  /** Plays what the terminal plays, at its second. */
  async follow(take, second, region) {
    this.load(take);
    this.leader = { second, at: performance.now(), late: 0, tries: 3 };
    this.region = region;
    this.keepUp();
    if (this.audio.paused) await this.start();
  }

  /** What the terminal has stopped, where it has stopped it. */
  rest(take, second) {
    this.load(take);
    this.pause();
    this.seek(second);
  }

  unlock() {
    this.keepUp();
    return this.start();
  }

  /** Goes where the terminal is. A jump takes a while itself, which the next one allows for; a few are enough. */
  keepUp() {
    const leader = this.leader;
    if (!leader || this.audio.readyState < 1) return;
    const due = leader.second + (performance.now() - leader.at) / 1000;
    if (this.region) {
      const [start, end] = this.region;
      if (this.second < start - APART_SECONDS || this.second > end) this.seek(Math.min(Math.max(leader.second, start), end));
      return;
    }
    const behind = due - this.second;
    if (Math.abs(behind) <= APART_SECONDS || leader.tries === 0) return;
    leader.tries -= 1;
    leader.late += this.playing ? behind : 0;
    this.seek(due + Math.min(Math.max(leader.late, 0), 2));
  }

  passed() {
    if (this.region && this.second >= this.region[1]) this.seek(this.region[0]);
    this.tell.moved();
  }
}
