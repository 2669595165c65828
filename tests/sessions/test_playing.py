"""What plays is known for as long as its player says so."""

from __future__ import annotations

from sessions import playing
from sessions.playing import Playing


def test_a_player_plays_one_take_and_what_it_said_lapses() -> None:
    now = [0.0]
    heard = Playing(lambda: now[0])
    heard.note("a", 1)
    heard.note("b", 2, seconds=5)
    heard.note("a", 3)
    assert heard.numbers() == {3, 2}
    now[0] = 6
    assert heard.numbers() == {3}
    heard.note("a", None)
    assert heard.numbers() == frozenset()
    heard.note("a", 1)
    now[0] += playing.LAPSE_SECONDS
    assert heard.numbers() == frozenset()


def test_many_players_do_not_fill_the_memory() -> None:
    heard = Playing()
    for number in range(playing.MOST_PLAYERS + 10):
        heard.note(str(number), number)
    assert len(heard.numbers()) == playing.MOST_PLAYERS
    assert 0 not in heard.numbers()
