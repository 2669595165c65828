"""A player of this machine that takes samples from a pipe: everything but the last step is as with a device."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import subprocess
import threading
import time
from collections.abc import Mapping
from types import MappingProxyType

from acetui.player.outputs import NoSound, Pull
from acetui.player.sounds import CHANNELS, RATE

_log = logging.getLogger(__name__)

PIECE = RATE // 50
"""Frames that are handed over at once."""

LEAD_SECONDS = 0.15
"""How far a player is kept ahead of the ear; the rest of its own buffers stays empty."""

_PIPE_BYTES = 1 << 14

COMMANDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "mpv": (
            *("--no-config", "--really-quiet", "--no-terminal", "--no-video", "--cache=no", "--audio-buffer=0.1"),
            *("--demuxer=rawaudio", f"--demuxer-rawaudio-rate={RATE}", f"--demuxer-rawaudio-channels={CHANNELS}"),
            *("--demuxer-rawaudio-format=float", "--audio-client-name=acetui", "-"),
        ),
        "pw-play": ("--raw", "--format=f32", f"--rate={RATE}", f"--channels={CHANNELS}", "--latency=60ms", "-"),
        "paplay": ("--raw", "--format=float32le", f"--rate={RATE}", f"--channels={CHANNELS}", "--latency-msec=60"),
        "aplay": ("-q", "-t", "raw", "-f", "FLOAT_LE", "-r", str(RATE), "-c", str(CHANNELS), "-"),
        "ffplay": (
            *("-nodisp", "-loglevel", "quiet", "-fflags", "nobuffer", "-probesize", "32"),
            *("-f", "f32le", "-ar", str(RATE), "-ch_layout", "stereo", "-i", "pipe:0"),
        ),
    }
)
"""The players, the best first, each with what has it read float32 from its input."""


class Pipe:
    """A player that is fed in real time. Raises NoSound where it does not run."""

    def __init__(self, name: str, program: str, pull: Pull) -> None:
        self.name = name
        self._pull = pull
        self._closed = threading.Event()
        try:
            self._process = subprocess.Popen(
                [program, *COMMANDS[name]],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                start_new_session=True,  # Ctrl-C on the terminal is not for it
            )
        except OSError as cause:
            raise NoSound(f"{name} does not start ({cause.strerror}).", "Choose another output (f8).") from None
        assert self._process.stdin is not None
        self._input = self._process.stdin
        with contextlib.suppress(AttributeError, OSError):  # a full pipe would be a third of a second
            fcntl.fcntl(self._input, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._thread = threading.Thread(target=self._feed, name=f"feeding {name}", daemon=True)

    def start(self) -> None:
        """Feeds it from now on."""
        self._thread.start()

    def close(self) -> None:
        """Ends it."""
        self._closed.set()
        with contextlib.suppress(OSError):
            self._process.terminate()
        with contextlib.suppress(OSError):
            self._input.close()
        try:
            self._process.wait(2.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def _feed(self) -> None:
        due = time.monotonic() - LEAD_SECONDS
        try:
            while not self._closed.is_set():
                due = max(due + PIECE / RATE, time.monotonic() - LEAD_SECONDS)
                data = memoryview(self._pull(PIECE)).cast("B")
                while data:
                    data = data[self._input.write(data) or 0 :]
                self._closed.wait(max(due - time.monotonic(), 0.0))
        except (OSError, ValueError):
            _log.info("%s takes no more", self.name)
        except Exception:
            _log.exception("mixing failed")
