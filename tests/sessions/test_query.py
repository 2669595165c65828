"""Filters and sorts: what they mean, how they fail, and that SQL and Python agree on every take."""

from __future__ import annotations

import random
from functools import partial

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sessions.columns import COLUMNS, SYNONYMS, column
from sessions.index import Entry, Index
from sessions.query import Query, sort_value
from sessions.query_parser import LONGEST, BadQuery, parse, parse_sort
from sessions.take import Take
from tests.sessions.takes import REQUEST, any_takes

TAKE = Take(
    id="AbC",
    number=47,
    name="Neon Drive",
    seed=8123,
    duration=61.5,
    request={**REQUEST, "inference_steps": 8, "instrumental": False, "tracks": ["drums", "bass"]},
    files={"audio": "takes/x.flac"},
    created="2026-01-31T10:00:00Z",
    score=0.8,
    parts={"lyrics": 0.5},
    faults=("silence",),
    liked=True,
    note="Größe",
    tags=("Keep", "for mum"),
    identity={"device": "cuda:0", "threads": 8},
    timings={"decode": 1.5},
    revision=3,
)

TRUE = """
score>=0.8
score>=.8 and liked
score = 0.8
score:0.8
SCORE > 0.5
not score<0.8
bpm<100 or key:"C major"
bpm:96 key:"a MINOR"
tempo=96 and steps=8
caption~neon
caption ~ "DRIVE, s"
note~GRÖSSE
lyrics~'night rain'
"night RAIN"
"größe" "neon"
'drive'
tags:keep
tags:"for mum" and tags:Keep
tags~mum
tags!=other
tracks:bass
faults:silence
faulty
not unheard
verdict:liked
verdict=LIKED and verdict != pinned
parts.lyrics>0.4
parts.lyrics=0.5
parts.other:none
timings.decode>1
identity.device:"cuda:0"
identity.device:cuda:0
identity.threads=8
created>=2026-01-31
created>2026-01-31T09:59:59
created~2026-01
rating:none
rating!=3
parent=none
(score>0.9 or liked) and (bpm>90)
not (pinned or rejected)
not not liked
liked=true and pinned=no
instrumental:false
liked!=false
number>46 number<48
revision:3
id:abc
seed=8123
duration>61
vocal_language:none
name="neon drive"
score>-1 and score<1e3
"""
FALSE = """
score>0.8
pinned
trashed
unheard
rating>0
rating<6
not rating!=3
bpm!=96
tags:mum
tags!=keep
tags:none
faults:none
"nowhere"
"""


@pytest.mark.parametrize("text", TRUE.split("\n")[1:-1])
def test_filters_that_let_it_pass(text):
    assert parse(text).matches(TAKE)


@pytest.mark.parametrize("text", FALSE.split("\n")[1:-1])
def test_filters_that_do_not(text):
    assert not parse(text).matches(TAKE)


@pytest.mark.parametrize("text", ["", "  ", "\n\t"])
def test_no_filter_lets_everything_pass(text):
    assert parse(text) == Query(text, None)
    assert parse(text).matches(TAKE)


def test_the_planner_answers_where_the_person_left_it_open():
    request = {"bpm": None, "cot_bpm": 110, "vocal_language": "unknown"}
    take = TAKE.replace(request=request, plan={"vocal_language": "de"})
    assert parse("bpm:110 language:de").matches(take)


def test_mentions():
    assert parse("not (score>1 or trashed)").mentions("trashed")
    assert not parse('"trashed"').mentions("trashed")


@pytest.mark.parametrize(
    ("text", "at", "words", "hint"),
    [
        ("scor>=0.8", 1, "no field 'scor'", "score"),
        ("liked and pined", 11, "'pined' is not a flag", "pinned"),
        ("liked and neon", 11, "'neon' is not a flag", "quotes"),
        ("score", 1, "not compared", "score>1"),
        ("tags", 1, "not compared", "tags:one"),
        ("score>", 6 + 1, "value is missing", "score>=0.8"),
        ("score>high", 7, "is a number", "score>1"),
        ("score>nan", 7, "no number is so large", ""),
        ("score>1e999", 7, "no number is so large", ""),
        ("score~0.8", 6, "does not fit", "="),
        ("tags<keep", 5, "is a list", ": or ~"),
        ("liked>1", 6, "either true or false", "= or !="),
        ("liked:maybe", 7, "either true or false", "liked or not liked"),
        ("caption~none", 9, "missing cannot be compared", "caption:none"),
        ("score>none", 7, "missing cannot be compared", "score:none"),
        ("(liked", 7, "a ')' is missing", "column 1"),
        ("liked)", 6, "closes nothing", "Remove"),
        ("liked and", 10, "ends too early", "for example"),
        ("or liked", 1, "stands where a term should", ""),
        ("not", 4, "ends too early", ""),
        ("()", 2, "stands where", ""),
        ('name:"neon', 5 + 1, "quotation mark", "ends"),
        ("liked & pinned", 7, "not a flag", ""),
        ("liked ! b", 7, "'!' means nothing", "operators"),
        ("parts.>1", 1, "no field 'parts.'", "parts"),
        ("(" * 60 + "liked" + ")" * 60, 42, "too deeply", ""),
        ("not " * 60 + "liked", 165, "too deeply", ""),
        ("liked " * 300, 1201, "too many terms", ""),
        ("x" * (LONGEST + 1), LONGEST, "too long", ""),
    ],
)
def test_errors_name_the_column_and_what_to_do(text, at, words, hint):
    with pytest.raises(BadQuery) as caught:
        parse(text)
    assert words in caught.value.error
    assert caught.value.column == at
    assert hint in caught.value.hint
    assert caught.value.hint
    assert caught.value.exit_code == 2


SNIPPETS = st.sampled_from(
    [*"()=<>:~!\"'\\ ", "!=", ">=", " and ", " or ", " not ", "none", "score", "tags", "liked", "parts.x", "0.5", "1e9"]
)


@settings(deadline=None, max_examples=200)
@given(st.text() | st.lists(SNIPPETS).map("".join))
@example("\ud800")
@example('"\\')
def test_whatever_is_typed_the_only_error_is_its_own(text):
    for read in (parse, parse_sort):
        try:
            read(text)
        except BadQuery as bad:
            found = bad
        else:
            continue
        assert 1 <= found.column <= max(len(text), 1) + 1
        assert found.error
        assert found.hint


def test_sorts():
    keys = parse_sort("-score, number,-parts.lyrics")
    assert [(key.column.name, key.descending) for key in keys] == [
        ("score", True),
        ("number", False),
        ("parts.lyrics", True),
    ]
    assert parse_sort("") == ()
    assert parse_sort("key")[0].column.name == "keyscale"


@pytest.mark.parametrize(
    ("text", "at"),
    [("scor", 1), ("score,,bpm", 7), ("-score, -nothing", 9), (",".join(["bpm"] * 9), 1), ("--score", 1)],
)
def test_sorts_that_are_none(text, at):
    with pytest.raises(BadQuery) as caught:
        parse_sort(text)
    assert caught.value.column == at
    assert caught.value.field == "sort"


def test_every_synonym_is_a_field():
    assert all(column(name) is COLUMNS[target] for name, target in SYNONYMS.items())


# --- SQL says the same -----------------------------------------------------------------------------------------------

VALUES = st.sampled_from(
    [
        "neon",
        "rain",
        "Ä",
        "a",
        "none",
        '"none"',
        '""',
        '"a\nb"',
        "0.5",
        "62",
        "1",
        "true",
        "render",
        "2026",
        "x",
        '"\0"',
    ]
)
NAMES = st.sampled_from(
    (
        "score bpm rating name caption lyrics note tags faults tracks liked instrumental verdict parts.lyrics "
        "parts.a.b parts.never identity.device operation key shift created revision batch parent stored trashed number"
    ).split()
)
OPERATORS = st.sampled_from(["=", "!=", "<", "<=", ">", ">=", ":", "~"])
TERMS = (
    st.builds("{}{}{}".format, NAMES, OPERATORS, VALUES)
    | st.sampled_from(["pinned", "unheard", "faulty", "trashed", "instrumental"])
    | st.sampled_from(['"neon"', '"ä"', '"a b"', "'rain'"])
)
FILTERS = st.recursive(
    TERMS,
    lambda inner: (
        st.builds("({} and {})".format, inner, inner)
        | st.builds("({} or {})".format, inner, inner)
        | st.builds("not ({})".format, inner)
    ),
    max_leaves=5,
)
SORTS = st.lists(st.builds("{}{}".format, st.sampled_from(["", "-"]), NAMES), min_size=1, max_size=3).map(",".join)


def indexed(found: list[Take]) -> Index:
    """An index in memory that holds these takes."""
    index, _ = Index.open(None)
    with index.transaction():
        index.put([Entry(take, f"takes/{take.number}.json", "", 1, 1) for take in found])
    return index


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32), st.data())
def test_sql_and_python_agree(seed, data):
    found = any_takes(random.Random(seed), 8)
    index = indexed(found)
    try:
        for _ in range(8):
            text, sort = data.draw(FILTERS), data.draw(SORTS)
            try:
                query, keys = parse(text), parse_sort(sort)
            except BadQuery:
                continue
            keys = (*keys, *parse_sort("number"))
            expected = [t for t in found if query.matches(t) and (query.mentions("trashed") or not t.trashed)]
            for key in reversed(keys):  # a stable sort: the last key first
                present = [t for t in expected if sort_value(key.column, t) is not None]
                missing = [t for t in expected if sort_value(key.column, t) is None]
                present.sort(key=partial(sort_value, key.column), reverse=key.descending)
                expected = present + missing
            page, total = index.page(query.tree, keys, 100, 0)
            assert [s.number for s in page] == [t.number for t in expected], (text, sort)
            assert total == len(expected)
            assert index.order(query.tree, keys) == [t.number for t in expected], (text, sort)
            by_number = {t.number: t for t in found}
            assert index.takes([s.number for s in page]) == [by_number[s.number] for s in page]
    finally:
        index.close()


def test_every_field_can_be_filtered_and_sorted():
    index = indexed([TAKE])
    for name in (*COLUMNS, "parts.lyrics", "timings.decode", "identity.device", "parts.never"):
        page, _ = index.page(parse(f"{name}:none or {name}!=none").tree, parse_sort(f"-{name},number"), 10, 0)
        assert [summary.number for summary in page] == [47], name
    index.close()
