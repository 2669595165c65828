"""A sound as samples from some point on, decoded ahead of the ear by a thread of its own."""

from __future__ import annotations

import threading
from array import array
from collections import deque
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from acetui.player.growing import Growing
from acetui.player.sounds import CHANNELS, RATE, Sound
from engine.errors import EngineError

if TYPE_CHECKING:
    import miniaudio

AHEAD = 2 * RATE
"""Frames that are decoded ahead."""

_FIRST, _PIECE = RATE // 50, RATE // 10
"""Frames that are decoded at once: little to begin with, because somebody waits."""


class Stream:
    """The frames of ``sound`` from ``start`` on, as float32 with both channels in turn. ``close`` ends its thread."""

    def __init__(self, sound: Sound, start: int = 0) -> None:
        self.sound = sound
        self.position = start
        """The frame that comes next."""

        self.trouble: EngineError | None = None
        self._pieces: deque[array[float]] = deque()
        self._ready = 0
        self._at_end = False
        self._gone = threading.Event()
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._decode, args=(start,), name="decoding", daemon=True)
        self._thread.start()

    @property
    def ready(self) -> int:
        """How many frames can be taken at once."""
        return self._ready

    @property
    def ended(self) -> bool:
        """Whether all has been taken that there is."""
        return self._at_end and not self._ready

    @property
    def complete(self) -> bool:
        """Whether nothing more will be decoded."""
        return self._at_end

    def take(self, frames: int) -> array[float]:
        """The next frames; fewer where fewer are ready."""
        found = array("f")
        with self._news:
            left = frames * CHANNELS
            while left and self._pieces:
                piece = self._pieces[0]
                if len(piece) <= left:
                    found.extend(self._pieces.popleft())
                    left -= len(piece)
                else:
                    found.extend(piece[:left])
                    self._pieces[0] = piece[left:]
                    left = 0
            self._moved(len(found) // CHANNELS)
        return found

    def give_back(self, samples: array[float]) -> None:
        """Frames that were taken last come again."""
        with self._news:
            if samples:
                self._pieces.appendleft(samples)
            self._moved(-(len(samples) // CHANNELS))

    def wait(self, frames: int, seconds: float) -> bool:
        """Waits until so many frames are ready, or all there are; for what has no device's callback to keep."""
        with self._news:
            return self._news.wait_for(lambda: self._ready >= frames or self._at_end, seconds)

    def close(self) -> None:
        """Nothing more is taken."""
        self._gone.set()
        with self._news:
            self._news.notify_all()

    def join(self, seconds: float = 5.0) -> None:
        """Waits until the thread has ended."""
        self._thread.join(seconds)

    def _moved(self, frames: int) -> None:
        self.position += frames
        self._ready -= frames
        self._news.notify_all()

    def _decode(self, start: int) -> None:
        try:
            for piece in self._samples(start):
                with self._news:
                    self._pieces.append(piece)
                    self._ready += len(piece) // CHANNELS
                    self._news.notify_all()
                    self._news.wait_for(lambda: self._ready < AHEAD or self._gone.is_set())
                if self._gone.is_set():
                    return
        except EngineError as error:
            self.trouble = error
        finally:
            with self._news:
                self._at_end = True
                self._news.notify_all()

    def _samples(self, start: int) -> Generator[array[float], None, None]:
        import miniaudio

        options: dict[str, Any] = {
            "output_format": miniaudio.SampleFormat.FLOAT32,
            "nchannels": CHANNELS,
            "sample_rate": RATE,
            "seek_frame": start,
        }
        source = None if self.sound.coming is None else _source(self.sound.coming, self._gone)
        try:
            decoded = (
                miniaudio.stream_file(str(self.sound.path), **options)
                if source is None
                else miniaudio.stream_any(source, **options)
            )
            try:
                piece = decoded.send(_FIRST)
                while len(piece):
                    yield piece
                    piece = decoded.send(_PIECE)
            except StopIteration:
                pass
            finally:
                decoded.close()
        except (miniaudio.MiniaudioError, OSError) as cause:
            if self._gone.is_set():
                return
            if source is not None and isinstance(trouble := source.error_in_readcallback, EngineError):
                raise trouble from None
            if not self.sound.path.exists():
                raise EngineError(f"{self.sound.path.name} is not there.", "'f' makes the audio again.") from cause
            raise EngineError(
                f"{self.sound.path.name} cannot be decoded here.", "FLAC, WAV, MP3 and Vorbis can; export it as one."
            ) from cause


def _source(coming: Growing, gone: threading.Event) -> miniaudio.StreamableSource:
    """Bytes for the decoder from a file that is still coming."""
    import miniaudio

    class Coming(miniaudio.StreamableSource):  # type: ignore[misc]
        """Waits for what is not there yet."""

        def __init__(self) -> None:
            self.at = 0

        def read(self, num_bytes: int) -> bytes:
            """The next bytes."""
            found = b""
            while len(found) < num_bytes and (more := coming.read(self.at, num_bytes - len(found), gone)):
                found += more
                self.at += len(more)
            return found

        def seek(self, offset: int, origin: miniaudio.SeekOrigin) -> bool:
            """Goes on from another place."""
            start = {miniaudio.SeekOrigin.START: 0, miniaudio.SeekOrigin.CURRENT: self.at}.get(origin, coming.size)
            self.at = min(max(start + offset, 0), coming.size)
            return True

    return Coming()
