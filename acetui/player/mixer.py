"""What is heard, sample by sample: one take, passed into the next place or the next take without a gap.

A device's own thread pulls it. Whatever comes in next (a seek, a loop's beginning, another take at the same second)
is a voice of its own that is decoded meanwhile; it takes over within one pull, with a short crossfade, once it is
ready.
"""

from __future__ import annotations

import threading
from array import array
from dataclasses import dataclass

from acetui.player.samples import DOWN, FADE, UP, scaled, shaped, silence, summed
from acetui.player.sounds import CHANNELS, RATE, Sound
from acetui.player.streams import Stream
from engine.errors import EngineError

LEAD = RATE // 20
"""Frames that a take which goes on at the same second is given to be decoded."""

SPARE = RATE // 100
"""Frames beyond a device's period that must be there before a voice takes over."""


@dataclass
class Voice:
    """A stream and how loud it is."""

    stream: Stream
    level: float
    follows: bool = False
    """Whether it comes in at the second at which the other one is by then."""

    def ready(self, frames: int) -> bool:
        """Whether it can be heard at once, by a device that pulls so many frames."""
        return self.stream.ready >= frames + SPARE or self.stream.complete


class Mixer:
    """What sounds. ``pull`` is called by the device; everything else from anywhere."""

    def __init__(self) -> None:
        self.gain = 1.0
        """The volume."""

        self.playing = False
        self.gaps = 0
        """How often the device wanted frames that were not decoded yet."""

        self._lock = threading.RLock()
        self._now: Voice | None = None
        self._next: Voice | None = None
        self._wrap: Voice | None = None
        self._after: Voice | None = None
        self._loop: tuple[int, int] | None = None
        self._tail = array("f")
        self._fade_at = FADE
        """How far the voice has come in; ``FADE`` is all the way."""

        self._sounding = False
        self._starving = False
        self._period = RATE // 30
        """Frames that the device pulls at once."""

    # --- what is to be heard -----------------------------------------------------------------------------------------

    def play(self, sound: Sound, level: float, start: int = 0) -> None:
        """Hears ``sound`` from a frame on, as soon as it is ready."""
        with self._lock:
            self._come(Voice(Stream(sound, start), level))
            self._set_loop(None)
            self._queue(None)
            self.playing = True

    def switch(self, sound: Sound, level: float) -> None:
        """Hears another take at the same second, without a gap; the region goes on with it."""
        with self._lock:
            follows = self._now is not None and self.playing
            start = self.position + (LEAD if follows else 0)
            if self._loop is not None and start >= self._loop[1]:
                start -= self._loop[1] - self._loop[0]
            self._come(Voice(Stream(sound, min(start, max(sound.frames - 1, 0))), level, follows))
            self._set_loop(self._loop)

    def queue(self, sound: Sound | None, level: float = 1.0) -> None:
        """Hears ``sound`` right behind the last frame of what is heard now; None, and nothing follows."""
        with self._lock:
            self._queue(None if sound is None else Voice(Stream(sound), level))

    def seek(self, frame: int) -> None:
        """Hears the same take from another frame on."""
        with self._lock:
            if (voice := self._next or self._now) is not None:
                sound = voice.stream.sound
                self._come(Voice(Stream(sound, min(max(frame, 0), max(sound.frames - 1, 0))), voice.level))

    def loop(self, region: tuple[int, int] | None) -> None:
        """Hears the frames from the first up to the second again and again, from when it comes to their end."""
        with self._lock:
            self._set_loop(region)

    def pause(self) -> None:
        """Is silent, and stays where it is."""
        self.playing = False

    def resume(self) -> None:
        """Goes on."""
        with self._lock:
            self.playing = self._now is not None or self._next is not None

    def stop(self) -> None:
        """Nothing is to be heard any more."""
        with self._lock:
            self.playing = self._sounding = False
            self._set_loop(None)
            self._queue(None)
            for voice in (self._now, self._next):
                if voice is not None:
                    voice.stream.close()
            self._now = self._next = None
            self._tail = array("f")

    def set_level(self, level: float, queued: float = 1.0) -> None:
        """How loud the take is played, and the one that follows."""
        with self._lock:
            if self._after is not None:
                self._after.level = queued
            for voice in (self._now, self._next, self._wrap):
                if voice is not None:
                    voice.level = level

    # --- what is known -----------------------------------------------------------------------------------------------

    @property
    def sound(self) -> Sound | None:
        """What is heard, or comes in."""
        voice = self._next or self._now
        return None if voice is None else voice.stream.sound

    @property
    def queued(self) -> Sound | None:
        """What follows."""
        after = self._after
        return None if after is None else after.stream.sound

    @property
    def queued_trouble(self) -> EngineError | None:
        """Why it cannot follow."""
        after = self._after
        return None if after is None else after.stream.trouble

    @property
    def position(self) -> int:
        """The frame that is heard next, or from which on it will be."""
        with self._lock:
            if self._next is not None and not self._next.follows:
                return self._next.stream.position
            return 0 if self._now is None else self._now.stream.position

    @property
    def region(self) -> tuple[int, int] | None:
        """What is heard again and again."""
        return self._loop

    @property
    def ended(self) -> bool:
        """Whether the take has come to its end, and none follows."""
        now = self._now
        return self._next is None and self._after is None and now is not None and now.stream.ended

    @property
    def trouble(self) -> EngineError | None:
        """Why nothing can be heard of it."""
        voice = self._next or self._now
        return None if voice is None else voice.stream.trouble

    @property
    def ready(self) -> bool:
        """Whether the next pull has what it needs."""
        with self._lock:
            voice = self._next or self._now
            return voice is None or voice.ready(self._period)

    # --- what the device takes ---------------------------------------------------------------------------------------

    def pull(self, frames: int) -> array[float]:
        """The next frames: always as many as are wanted."""
        with self._lock:
            self._period = frames
            self._take_over()
            if not self.playing:
                return self._fading_out(frames)
            if not self._sounding:
                self._sounding = True
                if self._now is not None and self._now.stream.position:
                    self._fade_at = 0
            found = array("f")
            while (left := frames - len(found) // CHANNELS) and self._now is not None:
                piece = self._piece(self._now, left)
                if not piece and not self._goes_on(self._now):
                    break
                found.extend(piece)
            return self._filled(found, frames)

    def _piece(self, now: Voice, left: int) -> array[float]:
        """Frames of the voice that is heard, up to the end of the region at most."""
        if self._loop is not None and now.stream.position <= self._loop[1]:
            if now.stream.position == self._loop[1]:
                if self._wrap is None or not self._wrap.ready(self._period):
                    return array("f")
                now = self._wrap
                self._begin(now, over=True)
                self._wrap = Voice(Stream(now.stream.sound, self._loop[0]), now.level)
            left = min(left, self._loop[1] - now.stream.position)
        return self._passed(scaled(now.stream.take(left), now.level * self.gain))

    def _goes_on(self, now: Voice) -> bool:
        """Whether the take that follows is heard from here on."""
        after = self._after
        if after is None or not now.stream.ended or self._next is not None or not after.ready(self._period):
            return False
        self._after = None
        self._begin(after, over=False)
        self._set_loop(None)
        return True

    def _passed(self, samples: array[float]) -> array[float]:
        """Samples of the voice that comes in, with what is left of the one that goes."""
        if self._fade_at >= FADE or not samples:
            return samples
        count = min(len(samples), (FADE - self._fade_at) * CHANNELS)
        start = self._fade_at * CHANNELS
        mixed = summed(shaped(samples[:count], UP[start : start + count]), self._tail[:count])
        self._tail = self._tail[count:]
        self._fade_at += count // CHANNELS
        return mixed + samples[count:]

    def _fading_out(self, frames: int) -> array[float]:
        """Silence, after the last that was heard has faded; what fades is heard again later."""
        if not self._sounding or self._now is None:
            self._sounding = False
            return silence(frames)
        self._sounding = False
        taken = self._now.stream.take(min(FADE, frames))
        faded = shaped(scaled(taken, self._now.level * self.gain), DOWN[-len(taken) :] if taken else DOWN)
        self._now.stream.give_back(taken)
        return summed(faded, silence(frames))

    def _filled(self, found: array[float], frames: int) -> array[float]:
        missing = frames - len(found) // CHANNELS
        if not missing:
            self._starving = False
            return found
        if self.ended:
            self.playing = self._sounding = False
        elif self._now is not None and not self._starving:
            self.gaps += 1  # once until there is enough again
            self._starving = True
        return found + silence(missing)

    def _take_over(self) -> None:
        """What comes in takes over, if it can be heard."""
        coming = self._next
        if coming is None:
            return
        if coming.follows and self._now is not None and self.playing and not self._now.stream.ended:
            behind = self._now.stream.position - coming.stream.position
            if behind < 0:
                return
            coming.stream.take(min(behind, coming.stream.ready))
            if coming.stream.position < self._now.stream.position:
                return
        if coming.ready(self._period):
            self._next = None
            self._begin(coming, over=self._sounding)

    def _begin(self, voice: Voice, *, over: bool) -> None:
        """Hears ``voice`` from now on; ``over`` what is heard now, it comes in while that goes."""
        before, self._now = self._now, voice
        self._tail, self._fade_at = array("f"), FADE
        if before is not None:
            if over:
                rest = scaled(before.stream.take(FADE), before.level * self.gain)
                self._tail, self._fade_at = shaped(rest, DOWN[: len(rest)]), 0
            before.stream.close()

    def _come(self, voice: Voice) -> None:
        if self._next is not None:
            self._next.stream.close()
        self._next = voice

    def _queue(self, voice: Voice | None) -> None:
        if self._after is not None:
            self._after.stream.close()
        self._after = voice

    def _set_loop(self, region: tuple[int, int] | None) -> None:
        if self._wrap is not None:
            self._wrap.stream.close()
        self._loop, self._wrap = region, None
        voice = self._next or self._now
        if region is not None and voice is not None:
            self._wrap = Voice(Stream(voice.stream.sound, region[0]), voice.level)
