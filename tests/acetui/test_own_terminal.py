"""The name of a terminal: found again, never shared, and known to be in use."""

from __future__ import annotations

from pathlib import Path

import pytest

from acetui.own_terminal import OwnTerminal, terminal_name
from sessions.drafts import Draft, Drafts


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACETUI_STATE", str(tmp_path / "state"))


@pytest.mark.parametrize(
    ("tty", "host", "name"),
    [
        ("/dev/pts/3", "box", "box-pts-3"),
        ("/dev/ttys001", "Jo's MacBook", "jo-s-macbook-ttys001"),
        ("", "", "terminal"),
        ("/dev/pts/3", "h" * 99, "h" * 50),
    ],
)
def test_names_are_names_of_drafts(tmp_path: Path, tty: str, host: str, name: str) -> None:
    assert terminal_name(tty, host) == name
    for suffix in ("", "-99.earlier"):
        Drafts(tmp_path).save(Draft(name + suffix, 1, {"caption": "x"}))


def test_a_name_is_claimed_while_it_is_open(tmp_path: Path) -> None:
    first = OwnTerminal(tmp_path / "jam", "/dev/pts/3")
    second = OwnTerminal(tmp_path / "jam", "/dev/pts/3")
    other = OwnTerminal(tmp_path / "other", "/dev/pts/3")
    assert second.name == f"{first.name}-2"
    assert other.name == first.name
    assert (first.others(), second.others(), other.others()) == ({second.name}, {first.name}, set())
    assert first.kept != other.kept
    first.close()
    assert second.others() == set()
    again = OwnTerminal(tmp_path / "jam", "/dev/pts/3")
    assert again.name == first.name
    for terminal in (second, other, again):
        terminal.close()


def test_where_nothing_can_be_locked_there_is_a_name_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ACETUI_STATE", str(tmp_path / "file"))
    terminal = OwnTerminal(tmp_path / "jam", "/dev/pts/3")
    assert terminal.name
    assert terminal.others() == set()
