"""A tmux server of our own, without anybody's settings: a person's hands and eyes for tests of the real terminal."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

SECONDS = 60.0

_AROUND = '"$@"; echo "ended with $?"; exec cat'
"""A shell around the command, so that what it says at its end can still be read."""


class Tmux:
    """One server with its windows, for ``with``; every window is one terminal."""

    def __init__(self, folder: Path, surroundings: Mapping[str, str]) -> None:
        self._socket = folder / "tmux"
        self._surroundings = dict(surroundings)

    @staticmethod
    def there() -> bool:
        """Whether tmux is installed."""
        return shutil.which("tmux") is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._run("kill-server", check=False)

    def open(self, name: str, *command: str, columns: int = 80, rows: int = 24, **variables: str) -> Window:
        """A new terminal in which a command runs; it stays when the command has ended."""
        surroundings = {**self._surroundings, **variables}
        given = [each for pair in surroundings.items() for each in ("-e", "=".join(pair))]
        self._run(
            "new-session",
            "-d",
            "-s",
            name,
            "-x",
            str(columns),
            "-y",
            str(rows),
            *given,
            "sh",
            "-c",
            _AROUND,
            "sh",
            *command,
        )
        self._run("set-option", "-t", name, "status", "off")
        self._run("set-option", "-s", "escape-time", "0")
        self._run("resize-window", "-t", name, "-x", str(columns), "-y", str(rows))
        return Window(self, name)

    def _run(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            ["tmux", "-S", str(self._socket), "-f", "/dev/null", *arguments],
            env=self._surroundings,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"tmux {arguments[0]}: {done.stderr}")
        return done.stdout


class Window:
    """One terminal: what is typed, and what is seen."""

    def __init__(self, tmux: Tmux, name: str) -> None:
        self._tmux = tmux
        self.name = name

    def type(self, text: str) -> None:
        """Types a text, sign by sign."""
        self._tmux._run("send-keys", "-t", self.name, "-l", text)

    def press(self, *keys: str) -> None:
        """Presses keys by tmux's names: Enter, Escape, Tab, C-g, F2, j."""
        self._tmux._run("send-keys", "-t", self.name, *keys)

    def lines(self, *, styled: bool = False) -> list[str]:
        """The screen."""
        return self._tmux._run("capture-pane", "-p", *(["-e"] if styled else []), "-t", self.name).splitlines()

    def text(self) -> str:
        """The screen as one text."""
        return "\n".join(self.lines())

    def sees(self, *words: str, seconds: float = SECONDS) -> str:
        """Waits until all these words stand on the screen, and returns it."""
        return self.until(lambda text: all(word in text for word in words), f"the words {words}", seconds)

    def until(self, true: Callable[[str], object], what: str, seconds: float = SECONDS) -> str:
        """Waits until the screen is as it should be."""
        until = time.monotonic() + seconds
        while not true(text := self.text()):
            if time.monotonic() > until:
                raise AssertionError(f"not seen within {seconds:g} s: {what}\n{text}")
            time.sleep(0.1)
        return text

    def resize(self, columns: int, rows: int) -> None:
        """Makes the terminal another size."""
        self._tmux._run("resize-window", "-t", self.name, "-x", str(columns), "-y", str(rows))

    @property
    def pid(self) -> int:
        """The process of the command."""
        shell = int(self._tmux._run("display-message", "-p", "-t", self.name, "#{pane_pid}"))
        return int(Path(f"/proc/{shell}/task/{shell}/children").read_text().split()[0])

    @property
    def ended(self) -> bool:
        """Whether its command has ended."""
        return "ended with" in self.text()

    def close(self) -> None:
        """Closes the terminal, as a line that breaks does."""
        self._tmux._run("kill-session", "-t", self.name)
