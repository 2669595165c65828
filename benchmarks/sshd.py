"""A real sshd on the loopback address, with keys of its own, as whoever runs it: for figures and tests through ssh."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

SECONDS = 20.0
_PLACES = "/usr/sbin:/sbin:/usr/bin:/bin:/usr/local/sbin"


class Sshd:
    """A server that can be cut off and come back; ``ssh`` of ``path`` reaches it as ``box``."""

    def __init__(self, folder: Path) -> None:
        self.program = shutil.which("sshd", path=_PLACES)
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        self._write()

    @staticmethod
    def there() -> bool:
        """Whether OpenSSH's server and client are installed."""
        return shutil.which("sshd", path=_PLACES) is not None and shutil.which("ssh") is not None

    @property
    def path(self) -> str:
        """PATH with our own ssh first: the real one, with settings that know the box."""
        return f"{self._folder / 'bin'}:{os.environ['PATH']}"

    def start(self) -> None:
        """Listens."""
        assert self.program is not None
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where it wants to be rid of its rights
        self._process = subprocess.Popen(
            [self.program, "-D", "-e", "-f", str(self._folder / "sshd_config")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=open(self._folder / "sshd.log", "ab"),  # noqa: SIM115  (it is the server's)
            start_new_session=True,
        )
        until = time.monotonic() + SECONDS
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1.0):
                return
            assert time.monotonic() < until, (self._folder / "sshd.log").read_text()
            time.sleep(0.02)

    def cut(self) -> None:
        """Ends every connection at once, and lets nobody in."""
        process, self._process = self._process, None
        if process is None:
            return
        parent = psutil.Process(process.pid)
        for each in (parent, *parent.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                if each.name().startswith("sshd"):
                    each.send_signal(signal.SIGKILL)
        process.wait()

    def forbid(self, *lines: str) -> None:
        """Adds settings, before it starts."""
        path = self._folder / "sshd_config"
        path.write_text("\n".join(lines) + "\n" + path.read_text())

    def _write(self) -> None:
        folder = self._folder
        for name in ("host", "own"):
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
            subprocess.run(command, check=True)
        (folder / "authorized").write_text((folder / "own.pub").read_text())
        host_key = " ".join((folder / "host.pub").read_text().split()[:2])
        (folder / "known").write_text(f"[127.0.0.1]:{self.port} {host_key}\n")
        (folder / "sshd_config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile none\nUsePAM no\n"
            f"AuthorizedKeysFile {folder}/authorized\nStrictModes no\nPasswordAuthentication no\n"
            "KbdInteractiveAuthentication no\nPermitRootLogin yes\n"
        )
        (folder / "ssh_config").write_text(
            f"Host box\n  HostName 127.0.0.1\n  Port {self.port}\n  User {getpass.getuser()}\n"
            f"  IdentityFile {folder}/own\n  IdentitiesOnly yes\n  UserKnownHostsFile {folder}/known\n"
            "  StrictHostKeyChecking yes\n"
        )
        ssh = folder / "bin" / "ssh"
        ssh.parent.mkdir()
        ssh.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {folder}/ssh_config "$@"\n')
        ssh.chmod(0o755)


@contextlib.contextmanager
def sshd(folder: Path) -> Iterator[Sshd]:
    """A server that listens."""
    folder.mkdir(exist_ok=True)
    server = Sshd(folder)
    server.start()
    try:
        yield server
    finally:
        server.cut()
