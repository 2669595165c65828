"""One ssh connection that stays open, with the person's own settings, keys and known hosts; others share it.

The other end runs ``cat``: the first line that comes back says that the connection is there, and when this process
dies, however it does, the pipe closes and with it everything.
"""

from __future__ import annotations

import contextlib
import select
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from engine.errors import EngineError

ALIVE = ("-o", "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3")
"""A line that was cut in silence is given up after a quarter of a minute."""

_QUIET = ("-T", "-a", "-x", "-o", "LogLevel=ERROR", "-o", "RemoteCommand=none")
_HELLO = b"acetui is here\n"
_PROMPT_SECONDS = 300.0
"""How long a person may take to type a password, or to touch a key."""

_RETRY_SECONDS = 20.0


class NoLine(EngineError):
    """A machine that ssh does not reach."""


class Ssh:
    """A connection to ``host`` whose control socket is ``control``. ``options`` go before the host on every call."""

    def __init__(self, host: str, control: Path, options: Sequence[str] = ()) -> None:
        self.host = host
        self._control = control
        self._options = tuple(options)
        self._log = control.with_suffix(".log")
        self._process: subprocess.Popen[bytes] | None = None
        self._forwards: dict[Path, str] = {}

    @property
    def up(self) -> bool:
        """Whether it is open."""
        return self._process is not None and self._process.poll() is None

    def open(self, *, asks: bool) -> None:
        """Opens it; ssh ``asks`` the person what it wants to know, or fails where it would. Raises NoLine."""
        self.close()
        silent = () if asks else ("-o", "BatchMode=yes")
        shared = ("-M", "-S", str(self._control), "-o", "ControlPersist=no", "-o", "ClearAllForwardings=yes")
        command = ["ssh", *_QUIET, *ALIVE, *silent, *shared, "-E", str(self._log), *self._options, self.host, "cat"]
        try:
            self._log.write_bytes(b"")
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=None if asks else subprocess.DEVNULL,
                start_new_session=not asks,  # so that it cannot ask on the screen of the studio
            )
        except FileNotFoundError:
            raise NoLine("There is no ssh on this machine.", "Install OpenSSH's client.") from None
        self._process = process
        if not _says_hello(process, _PROMPT_SECONDS if asks else _RETRY_SECONDS):
            words = self._words()
            self.close()
            raise NoLine(f"{self.host} is not reached: {words}.", f"Try 'ssh {self.host}'.")

    def run(self, script: str, seconds: float) -> tuple[int, str]:
        """Runs a script of the shell there; the status and what it printed. Raises NoLine."""
        command = ["ssh", *_QUIET, "-o", "BatchMode=yes", "-S", str(self._control), *self._options, self.host, "sh -s"]
        try:
            done = subprocess.run(command, input=script.encode(), capture_output=True, timeout=seconds, check=False)
        except subprocess.TimeoutExpired:
            raise NoLine(f"{self.host} does not answer.", f"Try 'ssh {self.host}'.") from None
        if done.returncode == 255:
            raise NoLine(f"{self.host} is not reached: {_last(done.stderr)}.", f"Try 'ssh {self.host}'.")
        return done.returncode, done.stdout.decode("utf-8", "replace")

    def forward(self, here: Path, there: str) -> None:
        """Makes a socket ``here`` lead to a socket or a ``host:port`` over there. Raises NoLine."""
        if (before := self._forwards.pop(here, None)) is not None:
            self._tell("cancel", "-L", f"{here}:{before}")
        here.unlink(missing_ok=True)
        done = self._tell("forward", "-L", f"{here}:{there}")
        if done.returncode:
            raise NoLine(f"ssh does not forward to {self.host}: {_last(done.stderr)}.", "Ask its administrator.")
        self._forwards[here] = there

    def close(self) -> None:
        """Closes it, and whatever shares it."""
        process, self._process = self._process, None
        self._forwards.clear()
        if process is None:
            return
        with contextlib.suppress(OSError):
            self._tell("exit")
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        try:
            process.wait(2.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._control.unlink(missing_ok=True)

    def _tell(self, order: str, *words: str) -> subprocess.CompletedProcess[bytes]:
        command = ["ssh", "-S", str(self._control), "-O", order, *words, *self._options, self.host]
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=20, check=False)

    def _words(self) -> str:
        try:
            return _last(self._log.read_bytes())
        except OSError:
            return "it says nothing"


def _says_hello(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether the other end sends back what it is sent; what else it prints is not looked at."""
    assert process.stdin is not None
    assert process.stdout is not None
    heard, until = b"", time.monotonic() + seconds
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(_HELLO)
        process.stdin.flush()
    while _HELLO not in heard:
        there, _, _ = select.select([process.stdout], [], [], max(until - time.monotonic(), 0.0))
        piece = process.stdout.read1(4096) if there else b""  # type: ignore[attr-defined]
        if not piece:
            return False
        heard += piece
    return True


def _last(text: bytes) -> str:
    """The last line that says something, without its full stop."""
    lines = [line.strip() for line in text.decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else "it says nothing"
