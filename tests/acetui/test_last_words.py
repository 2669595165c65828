"""The end of the process: what is typed is kept, and it ends all the same."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from acetui.last_words import last_words

SCRIPT = """
import sys, time
from pathlib import Path
from acetui.last_words import last_words

def keep():
    Path(sys.argv[1]).write_text("kept")
    if sys.argv[2] == "fails":
        raise RuntimeError

with last_words(keep):
    print("ready", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
@pytest.mark.parametrize("how", ["works", "fails"])
def test_a_signal_ends_it_after_the_last_words(tmp_path: Path, number: signal.Signals, how: str) -> None:
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "words"), how]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        assert process.wait(20) == -number
    assert (tmp_path / "words").read_text() == "kept"


def test_afterwards_signals_mean_what_they_meant() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with last_words(lambda: None):
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before
