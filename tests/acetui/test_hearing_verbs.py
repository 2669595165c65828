"""``acetui listen`` and ``acetui door``: where a session is heard, and where its studio is."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import pytest

from acetui.cli import main
from acetui.hearing.page_address import ssh_line
from engine import __version__
from sessions.discovery import Place
from tests.sessions.jamming import stage, state
from tests.sessions.studios import running

__all__ = ["state"]

pytestmark = pytest.mark.usefixtures("state")


def test_the_page_of_a_session_and_the_door_of_its_studio(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = stage(tmp_path)
    with running(made):
        assert main(["listen", str(made.folder), "--json"]) == 0
        said = json.loads(capsys.readouterr().out)
        place = Place.of(made.folder)
        assert said["token"] == place.known_token()
        url, _, token = said["url"].partition("#")
        assert token == said["token"]
        assert f"-L 127.0.0.1:{url.split(':')[2].rstrip('/')}:127.0.0.1:" in said["ssh"]
        with urllib.request.urlopen(url) as page:
            assert b"/listen/page.js" in page.read()

        assert main(["listen"]) == 0, "without a name it is the last one"
        printed = capsys.readouterr().out
        assert said["url"] in printed
        assert said["ssh"] in printed
        port = int(url.rstrip("/").rpartition(":")[2])
        assert main(["listen", str(made.folder), "--port", str(port + 1)]) == 1
        assert f"is open at port {port} already" in capsys.readouterr().err

        assert main(["door", str(made.folder), "--json", "--port"]) == 0
        door = json.loads(capsys.readouterr().out)
        assert (door["event"], door["version"], door["session"]) == ("door", __version__, str(made.folder))
        assert (door["socket"], door["token"], door["port"]) == (str(place.socket), said["token"], port)


def test_without_any_session_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ACETUI_STATE", str(tmp_path / "empty"))
    assert main(["listen"]) == 3
    assert "No session was opened yet." in capsys.readouterr().err


def test_the_ssh_line_has_the_port_by_which_one_came() -> None:
    plain = ssh_line("http://127.0.0.1:31877/", {})
    assert plain.startswith("ssh -N -o ExitOnForwardFailure=yes -L 127.0.0.1:31877:127.0.0.1:31877 ")
    assert " -p 2222 -L" in ssh_line("http://127.0.0.1:31877/", {"SSH_CONNECTION": "10.0.0.2 50000 10.0.0.1 2222"})
