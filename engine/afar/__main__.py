"""``python -m engine.afar ADDRESS``: an engine of a Ray cluster, as a process of this machine.

--number N     which of several it is: they keep to different machines where they can
--count        say how many there would be, as one JSON line, and end
-- COMMAND     what speaks the engine protocol there, in place of the usual engine
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
from collections.abc import Sequence

from engine.afar.cluster import Cluster
from engine.afar.relay import Relay
from engine.errors import EngineError
from engine.lines import Channel, claim_streams


def main(argv: Sequence[str]) -> int:
    """Runs until whoever asked is done with it, or the engine is gone; then the status is the engine's."""
    words = list(argv)
    at = words.index("--") if "--" in words else len(words)
    given, command = words[:at], words[at + 1 :]
    parser = argparse.ArgumentParser(prog="engine.afar")
    parser.add_argument("address")
    parser.add_argument("--number", type=int, default=0)
    parser.add_argument("--count", action="store_true")
    args = parser.parse_args(given)
    commands, events = claim_streams()
    try:
        with Cluster(args.address) as cluster:
            if args.count:
                events.write(json.dumps({"places": cluster.places()}).encode() + b"\n")
                events.flush()
                return 0
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent to understand
            with cluster.station(args.number, command) as station:
                return Relay(Channel(events), station).run(commands)
    except EngineError as error:
        if args.count:
            events.write(json.dumps(error.to_dict()).encode() + b"\n")
            events.flush()
        print(f"{error.error} {error.hint}", file=sys.stderr, flush=True)
        return 1


def _end(code: int) -> None:
    """Ends as the engine has: by the same signal, so that whoever watches this process knows what happened there."""
    sys.stdout.flush()
    sys.stderr.flush()
    if code < 0:
        with contextlib.suppress(OSError):  # SIGKILL needs no preparing
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


if __name__ == "__main__":
    _end(main(sys.argv[1:]))
