"""The index as a thing that may be lost: missing, damaged, of another version, on a disk that is no good for it."""

from __future__ import annotations

import contextlib
import json
import random
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions import index as index_module
from sessions import index_life
from sessions.index import Index
from sessions.index_schema import BEST_FIRST
from sessions.packed import DEFAULTS, pack, unpack
from sessions.query_parser import parse, parse_sort
from sessions.store import Store
from tests.sessions.takes import JSON, TAKES, committed, no_waiting, render

__all__ = ["no_waiting"]

pytestmark = pytest.mark.usefixtures("no_waiting")


def _overwrite(path, at, content):
    data = bytearray(path.read_bytes())
    data[at : at + len(content)] = content
    path.write_bytes(data)


def _another_schema(path):
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 12345")
    connection.close()


DAMAGE = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "not a database": lambda path: path.write_bytes(b"words " * 5000),
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:9000]),
    "a header of zeros": lambda path: _overwrite(path, 0, bytes(100)),
    "pages of zeros": lambda path: _overwrite(path, 4096, bytes(60_000)),
    "pages of noise": lambda path: _overwrite(path, 4096, random.Random(1).randbytes(60_000)),
    "another version": _another_schema,
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.fixture
def session(tmp_path):
    with Store.open(tmp_path) as store:
        for _ in range(5):
            committed(store, score=0.5, parts={"sound": 0.5})
        store.change(2, rating=5, note="mine")
        store.trash(3)
    return tmp_path


def check(store):
    """Everything of ``session`` is there, by every way of asking."""
    assert [s.number for s in store.summaries("", "number")[0]] == [1, 2, 4, 5]
    assert [take.number for take in store.query("trashed").takes] == [3]
    assert (store.get(2).rating, store.get("id2").note) == (5, "mine")
    assert store.query('"mine" rating>4').total == 1
    assert store.counts().takes == 4
    assert store.change(2, rating=4).rating == 4
    assert store.change(2, rating=5).rating == 5


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_index_is_built_again(session, damage):
    DAMAGE[damage](session / "takes.db")
    with Store.open(session) as store:
        check(store)
        assert committed(store).number == 6
    with Store.open(session) as store:
        assert store.get(6).number == 6
        assert store.query().total == 5


@pytest.mark.parametrize("damage", [name for name in DAMAGE if name != "a folder"])
def test_an_index_that_is_damaged_while_it_is_used(session, damage):
    with Store.open(session) as store:
        store.query()
        store._living._index._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        DAMAGE[damage](session / "takes.db")
        check(store)
        assert committed(store).number == 6
        assert store.query().total == 5
    with Store.open(session) as store:
        assert store.query().total == 5
        assert store.get(2).note == "mine"


@pytest.mark.parametrize("seed", range(12))
def test_noise_anywhere_in_an_index_loses_nothing(session, seed):
    draw = random.Random(seed)
    path = session / "takes.db"
    for _ in range(6):
        _overwrite(path, draw.randrange(path.stat().st_size - 40), draw.randbytes(40))
    with Store.open(session) as store:
        store.refresh()
        for number in (1, 2, 4, 5):
            assert store.get(number).number == number
        # Noise in a value is not noticed by SQLite; the JSON is what counts, and building anew is always possible.
        path.unlink()
    with Store.open(session) as store:
        check(store)


@settings(deadline=None)
@given(TAKES, st.dictionaries(st.sampled_from(sorted(DEFAULTS)), JSON, max_size=2), st.booleans())
def test_what_is_packed_comes_back(take, changes, whole):
    request = {**(DEFAULTS if whole else {}), **take.request, **changes}
    take = take.replace(request=request)
    again = unpack(pack(take), take.stored, take.score)
    assert again == take
    assert json.dumps(again.object(), sort_keys=True) == json.dumps(take.object(), sort_keys=True)
    packed = pack(take)
    with pytest.raises(index_module.FAILURES):
        unpack(packed[:-1] + bytes([packed[-1] ^ 1]), "whole", None)


# --- journals --------------------------------------------------------------------------------------------------------


def test_a_local_disk_has_a_log(session):
    with Store.open(session) as store:
        assert store._living.journal == "wal"


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs", "9p"])
def test_a_network_file_system_has_a_rollback_journal(session, monkeypatch, kind):
    monkeypatch.setattr(index_life, "file_system", lambda folder: kind)
    with Store.open(session) as store:
        assert store._living.journal == "delete"
        check(store)
        assert not (session / "takes.db-wal").exists()


def test_a_file_system_that_refuses_the_log(tmp_path, monkeypatch):
    class Refusing(sqlite3.Connection):
        def execute(self, sql, *parameters):
            if "journal_mode = WAL" in sql:
                raise sqlite3.OperationalError("locking protocol")
            return super().execute(sql, *parameters)

    real = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **o: real(*a, **{**o, "factory": Refusing}))
    with Store.open(tmp_path) as store:
        committed(store)
        assert store._living.journal == "delete"
        assert store.query().total == 1
    with Store.open(tmp_path) as store:
        assert store.query().total == 1


def test_the_log_is_folded_in_at_the_end(session):
    with Store.open(session) as store:
        committed(store)
    assert [path.name for path in session.glob("takes.db*")] == ["takes.db"]


# --- what opening looks at -------------------------------------------------------------------------------------------


def test_after_a_clean_end_no_take_is_looked_at(session, monkeypatch):
    def fail(*_args, **_kwargs):
        raise AssertionError("looked")

    monkeypatch.setattr(index_life, "reconcile", fail)
    Store.open(session).close()
    (session / "takes" / "other.txt").touch()
    with pytest.raises(AssertionError, match="looked"):
        Store.open(session)


def test_after_a_crash_only_what_changed_is_read(session, monkeypatch):
    from sessions import reconcile

    store = Store.open(session)
    store.change(1, rating=1)
    store._living._index.close()  # as a killed process leaves it
    read = []
    real = reconcile.Take.from_json
    monkeypatch.setattr(reconcile.Take, "from_json", lambda content: (read.append(content), real(content))[1])
    with Store.open(session) as store:
        assert read == []
        assert store._living.report.lines() == []
    monkeypatch.undo()
    path = session / "takes" / "0001-neon-drive-7.json"
    path.write_bytes(path.read_bytes().replace(b'"rating": 1', b'"rating": 3'))
    with Store.open(session) as store:
        assert store.get(1).rating == 1  # edited in place, which no folder tells
        store.refresh()
        assert store.get(1).rating == 3


def test_progress_of_building_anew(session):
    (session / "takes.db").unlink()
    seen = []
    Store.open(session, progress=lambda done, total: seen.append((done, total))).close()
    assert seen == [(i, 5) for i in range(5)]


def test_sorts_read_an_index_and_sort_nothing(session):
    with Store.open(session) as store:
        for sort in ("score,number", "-score,-number", "-score,number", "bpm,number", "-parts.sound"):
            keys = (*parse_sort(sort), *parse_sort("-number" if sort == "-parts.sound" else ""))
            store.summaries("", keys)
            connection = store._living._index._connection
            statements = []
            connection.set_trace_callback(statements.append)
            store.summaries("", keys, 2)
            connection.set_trace_callback(None)
            (page,) = [each for each in statements if "ORDER BY" in each and "LIMIT" in each]
            plan = " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {page}"))
            assert "USING INDEX sort_" in plan, (sort, plan)
            assert "TEMP B-TREE" not in plan, (sort, plan)


def test_what_filters_ask_for_most_is_counted_in_an_index_alone_and_once(session):
    with Store.open(session) as store:
        connection = store._living._index._connection
        for filter in ("score>=0.8 and liked", "bpm<100 or rating=5", "tags:keep and not faulty", "parent:1"):
            statements = []
            connection.set_trace_callback(statements.append)
            store.summaries(filter, "-score", 2)
            store.summaries(filter, "-score", 2, 2)
            connection.set_trace_callback(None)
            (count,) = [each for each in statements if "count(*)" in each]
            plan = " ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {count}"))
            assert f"COVERING INDEX {BEST_FIRST}" in plan, (filter, plan)
        assert store.summaries("liked")[1] == 0
        store.change(1, liked=True)
        assert [take.number for take in store.summaries("liked", "-score", 9)[0]] == [1]
        assert store.summaries("liked")[1] == 1


def test_the_order_of_all_takes_reads_no_take(session):
    with Store.open(session) as store:
        for filter in ("", "not rejected", "pinned or rating>3 and score<0.5", 'caption~"neon"'):
            store.order(filter, "-score")
            connection = store._living._index._connection
            statements = []
            connection.set_trace_callback(statements.append)
            store.order(filter, "-score")
            connection.set_trace_callback(None)
            asked = [each for each in statements if each.startswith("SELECT number")]
            plans = [row[3] for each in asked for row in connection.execute(f"EXPLAIN QUERY PLAN {each}")]
            assert len(plans) == (2 if filter else 1), plans
            assert all("COVERING INDEX" in plan or plan == "SCAN x" for plan in plans), (filter, plans)


def test_more_dotted_names_than_columns(tmp_path, monkeypatch):
    from sessions import index_pages

    monkeypatch.setattr(index_pages, "_MOST_DOTTED", 3)
    with Store.open(tmp_path) as store:
        take = committed(store, parts={f"p{i}": i / 10 for i in range(6)})
        assert store.get(1) == take
        assert store.query("parts.p2>0.1").total == 1
        assert store.query("parts.p5>0").total == 0


def test_a_transaction_that_is_taken_back_takes_its_columns_along(tmp_path):
    from sessions.entries import entry_of

    with Store.open(tmp_path) as store:
        take = committed(store)
        index: Index = store._living._index
        new = take.replace(parts={"new": 0.5})
        entry = entry_of(tmp_path, new, take.json_name)
        with contextlib.suppress(ZeroDivisionError), index.transaction():
            index.put([entry])
            raise ZeroDivisionError
        assert index.page(parse("parts.new:0.5").tree, parse_sort("number"), 9, 0) == ([], 0)
        store.change(1, parts={"new": 0.5})
        assert store.query("parts.new:0.5").total == 1
        assert render(store).number == 2
