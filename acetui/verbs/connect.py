"""``acetui connect``: the terminal and the sound here, the studio on another machine."""

from __future__ import annotations

import argparse

from acetui.open_studio import needs_a_terminal, opened
from acetui.remote.line import Line


def run(args: argparse.Namespace) -> int:
    """The studio of the other machine, until it is left; ssh asks for what it wants to know before that."""
    needs_a_terminal()
    line = Line(args.host, args.session, args.remote_command)
    try:
        line.open(asks=True)
        app = opened(args, line.folder, line.connect, elsewhere=line)
        if app.ends_studio:
            print(line.stop_studio())
        return app.return_code or 0
    finally:
        line.close()
