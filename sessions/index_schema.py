"""The tables of the index. Whatever changes here or in the columns makes a new schema, and the index is built anew."""

from __future__ import annotations

import zlib

from sessions.columns import COLUMNS, Column
from sessions.packed import DEFAULTS
from sessions.take import TAKE_FORMAT

LONG = tuple(column for column in COLUMNS.values() if column.long)

ROW = (
    *("number", "file", "signature", "title", "seen_id", "parent_id", "made_by", "made_at"),
    *("audio", "latents", "audio_bytes", "latents_bytes", "state", "marked", "codes", "fingerprint"),
)
"""Columns of ``takes`` that are not for asking: texts as they are, where the files are, and how the JSON looked."""


def name_of(column: Column) -> str:
    """The column of ``takes`` that a field with a fixed name has; of a long text, its beginning."""
    return f"c_{column.name}"


BEST_FIRST = "sort_c_faulty_c_score_d_number"
"""The SQL index of the list as it is shown at first, with what filters ask for most beside it: a tenth of the rows."""

COVERED = (
    *("faulty", "score", "number", "bpm", "rating", "liked", "pinned", "rejected", "heard", "unheard", "verdict"),
    *("duration", "revision", "seed", "tags", "faults", "name", "operation", "parent", "keyscale"),
)
"""What that index answers by itself."""

_BESIDE = ", ".join(f"c_{name}" for name in COVERED[3:])
_ASKED = ", ".join(name_of(column) for column in COLUMNS.values())
_TEXTS = ", ".join(name_of(column) for column in LONG)

# Columns of values have no declared type: numbers stay exactly what they are.
TABLES = f"""
CREATE TABLE takes (number INTEGER PRIMARY KEY, {", ".join(ROW[1:])}, {_ASKED});
CREATE TABLE texts (number INTEGER PRIMARY KEY, {_TEXTS});
CREATE TABLE objects (number INTEGER PRIMARY KEY, content BLOB);
CREATE TABLE dotted (name TEXT PRIMARY KEY, place INTEGER) WITHOUT ROWID;
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE UNIQUE INDEX takes_file ON takes (file);
CREATE UNIQUE INDEX takes_id ON takes (seen_id);
CREATE INDEX takes_parent ON takes (parent_id, c_trashed);
CREATE INDEX takes_counts ON takes (c_trashed, c_verdict, c_faulty);
CREATE INDEX takes_marks ON takes
    (c_rejected, c_pinned, c_liked, c_heard, c_unheard, c_faulty, c_rating, c_score, c_revision, c_trashed);
CREATE INDEX {BEST_FIRST} ON takes (c_trashed, c_faulty, c_score DESC, number, {_BESIDE});
"""

VERSION = zlib.crc32(f"{TABLES} {sorted(DEFAULTS.items())} {TAKE_FORMAT} 2".encode()) & 0x7FFFFFFF
"""The number of this schema; an index with another one is built anew. The last figure counts changes of meaning."""
