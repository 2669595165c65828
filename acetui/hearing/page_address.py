"""The address of a listen page: with the token that it wants, and the ssh line that brings it to another machine."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit


def with_token(url: str, token: str) -> str:
    """The address that opens the page at once: what stands behind the # is never sent to anybody."""
    return f"{url}#{token}"


def ssh_line(url: str, env: Mapping[str, str] | None = None) -> str:
    """What is run on the other machine so that the same address leads here; it fails where its port is taken there."""
    env = os.environ if env is None else env
    port = urlsplit(url).port
    _, _, _, ssh_port = (env.get("SSH_CONNECTION") or "- - - 22").split(" ")
    own = "" if ssh_port == "22" else f"-p {ssh_port} "
    here = f"{_user()}@{socket.gethostname()}"
    return f"ssh -N -o ExitOnForwardFailure=yes {own}-L 127.0.0.1:{port}:127.0.0.1:{port} {here}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "you"
