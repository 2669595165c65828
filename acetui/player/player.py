"""A player: takes are started, stopped and gone through from anywhere; sound comes out where there is some.

A thread of its own opens the output, notices when it is lost, and opens it again when there is one; it sleeps while
nothing plays. Nothing here waits for a device.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from acetui.player import levels
from acetui.player.mixer import Mixer
from acetui.player.outputs import AUTO, NoSound, Output, Pull, open_output
from acetui.player.sounds import RATE, Sound
from engine.errors import EngineError

_log = logging.getLogger(__name__)

LOOK_SECONDS = 0.25
"""How often the output is looked at while something plays."""

RETRY_SECONDS = 2.0
"""How often a lost output is looked for."""

REST_SECONDS = 20.0
"""After so long in silence the output is given back."""

SHORTEST_REGION = 0.5
"""Seconds."""

Opener = Callable[[Pull], Output]


@dataclass(frozen=True)
class Heard:
    """What is heard now."""

    sound: Sound | None = None
    playing: bool = False
    second: float = 0.0
    region: tuple[float, float] | None = None
    ended: bool = False
    queued: Sound | None = None
    """What follows without a gap."""

    output: str = ""
    trouble: EngineError | None = None


class Player:
    """One at a time. ``told`` is called, from any thread, when something happened that nobody asked for."""

    def __init__(self, opener: Opener | None = None, told: Callable[[], None] = lambda: None) -> None:
        self.mixer = Mixer()
        self.matched = True
        """Whether takes are brought to one loudness."""

        self._opener = opener or (lambda pull: open_output(AUTO, AUTO, pull))
        self._told = told
        self._output: Output | None = None
        self._trouble: EngineError | None = None
        self._closed = False
        self._anew = False
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None

    # --- what people do ----------------------------------------------------------------------------------------------

    def play(self, sound: Sound, second: float = 0.0) -> None:
        """Hears a take from a second on."""
        self.mixer.play(sound, levels.level(sound.loudness, matched=self.matched), round(second * RATE))
        self._want()

    def switch(self, sound: Sound) -> None:
        """Hears another take at the same second."""
        self.mixer.switch(sound, levels.level(sound.loudness, matched=self.matched))
        self._want()

    def queue(self, sound: Sound | None) -> None:
        """Hears another take right behind this one, without a gap; None, and nothing follows."""
        self.mixer.queue(sound, 1.0 if sound is None else levels.level(sound.loudness, matched=self.matched))

    def pause(self) -> None:
        """Is silent."""
        self.mixer.pause()

    def resume(self) -> None:
        """Goes on; a take that is at its end begins again."""
        if self.mixer.ended:
            self.mixer.seek(0)
        self.mixer.resume()
        self._want()

    def seek(self, second: float) -> None:
        """Goes on from another second."""
        self.mixer.seek(round(second * RATE))

    def loop(self, start: float, end: float) -> tuple[float, float] | None:
        """Hears a region again and again; None where it is too short, and then nothing is changed."""
        sound = self.mixer.sound
        last = sound.seconds if sound is not None else 0.0
        start, end = max(start, 0.0), min(end, last)
        if end - start < SHORTEST_REGION:
            return None
        self.mixer.loop((round(start * RATE), min(round(end * RATE), sound.frames if sound else 0)))
        return start, end

    def unloop(self) -> None:
        """Plays on after the region."""
        self.mixer.loop(None)

    def stop(self) -> None:
        """Nothing is played."""
        self.mixer.stop()

    def set_volume(self, percent: int) -> None:
        """From 0 to 100."""
        self.mixer.gain = levels.volume(percent)

    def match(self, matched: bool) -> None:
        """Brings takes to one loudness, or leaves them as they are."""
        self.matched = matched
        sounds = (self.mixer.sound, self.mixer.queued)
        loudness = [None if sound is None else sound.loudness for sound in sounds]
        self.mixer.set_level(*(levels.level(each, matched=matched) for each in loudness))

    def use(self, opener: Opener) -> None:
        """Another output from now on."""
        with self._wake:
            self._opener, self._anew, self._trouble = opener, True, None
            self._wake.notify_all()

    @property
    def silence(self) -> EngineError | None:
        """Why nothing at all can be heard here, whichever take it is."""
        return self._trouble

    def look(self) -> Heard:
        """What is heard now."""
        mixer = self.mixer
        # What follows is looked at first: it may be what is heard by the time that is looked at, but not both missing.
        queued = None if mixer.queued_trouble is not None else mixer.queued
        region = mixer.region
        output = self._output
        return Heard(
            sound=mixer.sound,
            playing=mixer.playing,
            second=mixer.position / RATE,
            region=None if region is None else (region[0] / RATE, region[1] / RATE),
            ended=mixer.ended,
            queued=queued,
            output=output.name if output is not None else "",
            trouble=mixer.trouble or self._trouble,
        )

    def close(self) -> None:
        """Nothing is heard any more, and the device is given back."""
        self.mixer.stop()
        with self._wake:
            self._closed = True
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.join(3.0)

    # --- the thread that keeps the output ----------------------------------------------------------------------------

    def _want(self) -> None:
        with self._wake:
            if isinstance(self._trouble, NoSound) and self._output is None:
                self._trouble = None  # asked for again: looked for again
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._keep, name="sound", daemon=True)
                self._thread.start()
            self._wake.notify_all()

    def _keep(self) -> None:
        silent_since: float | None = None
        was_there = was_over = was_spoilt = False
        was_sound = self.mixer.sound
        while not self._closed:
            if self._anew:
                self._anew, was_there = False, False
                self._drop()
            playing = self.mixer.playing
            if self._output is not None and playing and not self._output.alive:
                self._drop()
                self._tell(NoSound("The sound device is gone.", "It goes on as soon as there is one again."))
            if self._output is None and playing:
                self._open(stays=was_there)
            was_there = was_there or self._output is not None
            silent_since = None if playing else silent_since or time.monotonic()
            if silent_since is not None and time.monotonic() - silent_since > REST_SECONDS:
                self._drop()
                was_there = False
            sound = self.mixer.sound
            over = self.mixer.ended or self.mixer.trouble is not None
            spoilt = self.mixer.queued_trouble is not None
            if (over and not was_over) or (spoilt and not was_spoilt) or sound is not was_sound:
                self._told()
            was_over, was_spoilt, was_sound = over, spoilt, sound
            self._sleep(was_there)
        self._drop()

    def _open(self, *, stays: bool) -> None:
        """Opens the output; where there is none nothing plays, unless there ``stays`` hope that it comes back."""
        try:
            output = self._opener(self.mixer.pull)
            output.start()
        except EngineError as error:
            if not stays:
                self.mixer.pause()
                self._tell(error)
            return
        except Exception:
            _log.exception("opening the output failed")
            self.mixer.pause()
            self._tell(NoSound("The sound device could not be opened.", "The log has the reason."))
            return
        self._output = output
        if self._trouble is not None:
            self._trouble = None
            self._told()

    def _drop(self) -> None:
        output, self._output = self._output, None
        if output is not None:
            try:
                output.close()
            except Exception:
                _log.exception("closing the output failed")

    def _tell(self, trouble: EngineError) -> None:
        self._trouble = trouble
        self._told()

    def _sleep(self, was_there: bool) -> None:
        """Until there is something to look at; for ever where nothing is open and nothing plays."""
        with self._wake:
            if self._closed or self._anew or (self.mixer.playing and self._output is None and not was_there):
                return
            lost = self.mixer.playing and self._output is None
            idle = not self.mixer.playing and self._output is None
            self._wake.wait(None if idle else RETRY_SECONDS if lost else LOOK_SECONDS)
