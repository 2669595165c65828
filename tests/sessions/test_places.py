"""Places: what a person's word for a session means, and what no session can be called."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import InvalidRequest
from sessions.errors import MissingSession
from sessions.new_session import create
from sessions.places import (
    check_name,
    find_session,
    last,
    list_sessions,
    remember,
    session_path,
    sessions_folder,
    state_folder,
)
from tests.sessions.made import check_calm


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Folders of a person of their own, and an empty working folder."""
    folders = {"ACETUI_DATA": str(tmp_path / "data"), "ACETUI_STATE": str(tmp_path / "state")}
    for name, value in folders.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return folders


def test_the_state_folder_follows_its_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    assert state_folder({"ACETUI_STATE": "/s", "XDG_STATE_HOME": "/x"}) == Path("/s")
    assert state_folder({"ACETUI_STATE": "~/s"}) == Path.home() / "s"
    monkeypatch.setattr(sys, "platform", "linux")
    assert state_folder({"XDG_STATE_HOME": "/x"}) == Path("/x/acetui")
    assert state_folder({}) == Path.home() / ".local" / "state" / "acetui"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert state_folder({}) == Path.home() / "Library" / "Application Support" / "acetui" / "state"


def test_a_name_is_a_folder_of_the_persons_own(env: dict[str, str], tmp_path: Path) -> None:
    assert session_path("my-jam", env) == tmp_path / "data" / "sessions" / "my-jam"
    assert sessions_folder() == tmp_path / "data" / "sessions"


def test_a_path_is_itself(env: dict[str, str], tmp_path: Path) -> None:
    here = tmp_path / "here"
    assert session_path("./my-jam", env) == here / "my-jam"
    assert session_path("jams/", env) == here / "jams"
    assert session_path("../other", env) == tmp_path / "other"
    assert session_path(".", env) == here
    (here / "there").mkdir()
    assert session_path("there", env) == here / "there"
    create(here / "there")
    assert session_path("there/session.toml", env) == here / "there"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "it is empty"),
        ("  ", "it is empty"),
        (".hidden", "it begins with '.'"),
        ("--help", "it begins with '-'"),
        ("./.hidden", "it begins with '.'"),
        ("a\\b", "it holds a slash"),
        (" a", "it begins or ends with a space"),
        ("a\nb", "cannot be shown"),
        ("a\x1b[31mb", "cannot be shown"),
        ("a\u202eb", "cannot be shown"),
        ("x" * 101, "longer than 100 bytes"),
        ("é" * 51, "longer than 100 bytes"),
        ("a\0b", "cannot be"),
        ("./a\0b", "cannot be"),
        ("x/" + "y" * 300, "cannot be"),
        ("~nobody-of-this-name/x", "cannot be a session"),
    ],
)
def test_names_that_no_session_can_have(env: dict[str, str], name: str, says: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        session_path(name, env)
    assert says in caught.value.error
    check_calm(caught.value)


def test_a_file_is_no_session(env: dict[str, str]) -> None:
    Path("song.flac").write_bytes(b"")
    with pytest.raises(InvalidRequest, match="is a file"):
        session_path("song.flac", env)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.text(max_size=12) | st.text(st.sampled_from("./~-a \\\n"), max_size=8))
def test_any_word_is_a_path_or_a_calm_refusal(env: dict[str, str], word: str) -> None:
    try:
        path = session_path(word, env)
    except InvalidRequest as error:
        check_calm(error)
        return
    assert path.is_absolute()
    if "/" not in word and not word.startswith("~") and not os.path.lexists(word):
        assert path.parent == sessions_folder(env).resolve()
        check_name(word)


def test_a_session_that_is_missing_is_named_with_the_nearest(env: dict[str, str]) -> None:
    assert list_sessions(env) == []
    sessions_folder(env).mkdir(parents=True)
    made = create(session_path("my-jam", env))
    assert find_session("my-jam", env) == made
    assert list_sessions(env) == [made]
    with pytest.raises(MissingSession, match="Did you mean 'my-jam'") as caught:
        find_session("my-jm", env)
    assert caught.value.exit_code == 3
    with pytest.raises(MissingSession, match=r"A session is a folder with a session\.toml; 'acetui jam' .* makes one"):
        find_session("./nowhere", env)


def test_the_last_session_is_remembered_while_it_is_there(env: dict[str, str], tmp_path: Path) -> None:
    assert last(env) is None
    made = create(tmp_path / "jam é")
    remember(made, env)
    assert last(env) == made
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    (made / "session.toml").unlink()
    assert last(env) is None
    (tmp_path / "state" / "last-session").write_bytes(b"\xff\x00")
    assert last(env) is None


def test_what_cannot_be_remembered_is_no_reason_to_stop(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    remember(tmp_path, {"ACETUI_STATE": str(tmp_path / "file")})
