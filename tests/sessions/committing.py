"""A process that commits and changes takes as fast as it can, and says so on its standard output: to be killed.

``python -m tests.sessions.committing FOLDER``. A line is JSON: a take's number, seed, rating and trashed, and in
``about`` whether that is still to be done, or done. A take that is about to be removed has ``gone``.
"""

from __future__ import annotations

import json
import os
import random
import sys
from typing import Any

from sessions.store import Store
from sessions.take import Take
from tests.sessions.takes import committed


def main(folder: str) -> None:
    """Runs until it is killed."""
    draw = random.Random()
    with Store.open(folder) as store:
        assert store.writable

        def say(take: Take, **about: Any) -> None:
            line = {"number": take.number, "seed": take.seed, "rating": take.rating, "trashed": take.trashed}
            os.write(1, (json.dumps({**line, "about": bool(about), **about}) + "\n").encode())

        os.write(1, b"{}\n")
        mine = [summary.number for summary in store.summaries("", limit=20)[0]]
        while True:
            take = committed(store, seed=draw.randrange(2**32), id=os.urandom(8).hex())
            say(take)
            mine.append(take.number)
            for work in draw.sample(("rate", "move", "delete"), 2):
                before = store.get(draw.choice(mine))
                if work == "rate":
                    rating = draw.randrange(6)
                    say(before, rating=rating)
                    say(store.change(before.number, rating=rating))
                elif work == "move":
                    say(before, trashed=not before.trashed)
                    say((store.restore if before.trashed else store.trash)(before.number))
                elif before.trashed:
                    say(before, gone=True)
                    store.delete(before.number)
                    mine.remove(before.number)


if __name__ == "__main__":
    main(sys.argv[1])
