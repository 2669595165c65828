"""Values as they are typed: every value of every field comes back, and every text is read or refused in a sentence."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acetui.recipe.field_values import clock, default_of, field_of, is_text, parsed, shown, why_not, written
from engine.errors import InvalidRequest
from engine.request import FIELDS
from sessions.settings import BESIDE, Recipe
from tests.engine.test_request import valid_values

NAMES = [*FIELDS, *(f"{table}.{name}" for table, kind in BESIDE.items() for name in kind.fields())]
QUICK = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        ("duration", "2:04", 124.0),
        ("duration", "124", 124.0),
        ("duration", "2m04s", 124.0),
        ("duration", "2 min", 120.0),
        ("duration", "90 s", 90.0),
        ("duration", "2:04.5", 124.5),
        ("duration", "auto", None),
        ("duration", "0", None),
        ("duration", "", None),
        ("repainting_start", "-0:10", -10.0),
        ("repainting_end", "1:00", 60.0),
        ("repainting_end", "-1", None),
        ("keyscale", "Am", "A minor"),
        ("keyscale", "f# minor", "F# minor"),
        ("timesignature", "3/4", "3"),
        ("timesignature", " 6 ", "6"),
        ("vocal_language", "japanese", "ja"),
        ("vocal_language", "unknown", None),
        ("bpm", "104", 104),
        ("bpm", "auto", None),
        ("seeds", "1, 2 3", [1, 2, 3]),
        ("thinking", "off", False),
        ("thinking", "yes", True),
        ("thinking", "auto", None),
        ("use_random_seed", "on", True),
        ("sampler_mode", "default", None),
        ("chunk_mask_mode", "auto", None),
        ("adapters", "warm=0.5, cold", [{"path": "warm", "scale": 0.5}, {"path": "cold", "scale": 1.0}]),
        ("guidance_params", "a=1, b=-0.5", {"a": 1.0, "b": -0.5}),
        ("tracks", "drums, bass", ["drums", "bass"]),
        ("timesteps", "1, 0.5, 0", [1.0, 0.5]),
        ("caption", "  as it is ", "  as it is "),
        ("caption", "", None),
        ("grid", "bpm = 90, 100; keyscale=Am, C major", {"bpm": [90, 100], "keyscale": ["A minor", "C major"]}),
        ("grid", "duration = 1:30, 45; shift = 3", {"duration": [90.0, 45.0], "shift": [3.0]}),
        ("grid", "use_adg = on, off", {"use_adg": [True, False]}),
        (
            "grid",
            '{"caption": ["slow jazz, brushes", "funk; horns"]}',
            {"caption": ["slow jazz, brushes", "funk; horns"]},
        ),
        ("grid", '{"timesteps": [[1, 0.5], [1, 0.7]]}', {"timesteps": [[1.0, 0.5], [1.0, 0.7]]}),
        ("grid", "", None),
        ("models.lm", "none", "none"),
        ("models.dit", "", None),
        ("loop.policy", "siblings", "siblings"),
        ("loop.takes", "12", 12),
    ],
)
def test_what_is_typed(name: str, typed: str, value: Any) -> None:
    assert parsed(name, typed) == value
    assert parsed(name, written(name, value)) == value


@pytest.mark.parametrize(
    ("name", "typed", "part"),
    [
        ("duration", "2:74", "from 1 to 600 seconds"),
        ("duration", "20:00", "from 1 to 600 seconds"),
        ("duration", "m", "duration"),
        ("bpm", "fast", "a whole number from 30 to 300"),
        ("keyscale", "H", "a note from A to G"),
        ("vocal_language", "klingon", "it must be one of"),
        ("adapters", "a=b", "no name with a number"),
        ("adapters", "[", "it must be a list"),
        ("caption", "a\x00b", "U+0000"),
        ("grid", "bpm", "it is written as 'bpm = 90, 100"),
        ("grid", "{", "it is written as 'bpm = 90, 100"),
        ("grid", "bpn = 90", "Nothing under [recipe.grid] is called 'bpn'"),
        ("grid", "bpm = ", "it must be a list of at least one value"),
        ("grid", "bpm = 9000", "a whole number from 30 to 300"),
        ("grid", "bpm = auto", "in a grid every value is given"),
    ],
)
def test_what_is_refused(name: str, typed: str, part: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parsed(name, typed)
    assert part in refused.value.error
    assert refused.value.hint
    assert str(why_not(name, typed)) == str(refused.value)
    assert why_not("bpm", "96") is None


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("bpm", None, "auto"),
        ("bpm", 104, "104"),
        ("duration", 124.0, "2:04"),
        ("duration", 12.5, "12.5"),
        ("vocal_language", None, "Unknown"),
        ("vocal_language", "en", "English"),
        ("timesignature", "6", "6/8"),
        ("seed", None, "random"),
        ("seeds", [1, 2], "1, 2"),
        ("seeds", None, "none"),
        ("thinking", None, "auto"),
        ("sampler_mode", None, "euler"),
        ("instruction", None, "none"),
        ("guidance_params", {"a": 1.0}, "a=1"),
        ("loop.takes", None, "auto"),
        ("grid", None, "none"),
        ("grid", {"bpm": [90, 100], "shift": [1.0]}, "bpm = 90, 100; shift = 1"),
    ],
)
def test_what_is_shown(name: str, value: Any, words: str) -> None:
    assert shown(name, value) == words


def test_clocks() -> None:
    assert [clock(seconds) for seconds in (0.0, 59.0, 60.0, 600.0, -75.0, 61.5)] == [
        "0", "59", "1:00", "10:00", "-1:15", "61.5",
    ]  # fmt: skip


@st.composite
def named_values(draw: st.DrawFn) -> tuple[str, Any]:
    """A field and a value that it can hold, in JSON form, None for its default."""
    name = draw(st.sampled_from(NAMES))
    field = field_of(name)
    stored = field.dump(field.clean(draw(st.none() | valid_values(field) if "." not in name else st.none())))
    if (
        isinstance(stored, str)
        and not is_text(name)
        and (stored.strip() != stored or stored.lower() in ("auto", "none"))
    ):
        stored = None
    return name, None if stored in (default_of(name), "") else stored


@QUICK
@given(named_values())
def test_every_value_comes_back_from_its_written_form(named: tuple[str, Any]) -> None:
    name, value = named
    assert parsed(name, written(name, value)) == value
    assert "\n" not in shown(name, value)


@QUICK
@given(
    st.sampled_from(NAMES), st.text(max_size=12) | st.sampled_from(["2:04", "=", "a=", "[{}]", "{", "[]", "1e999", "-"])
)
def test_every_text_is_read_or_refused(name: str, text: str) -> None:
    if (refused := why_not(name, text)) is not None:
        assert refused.error.endswith(".")
        return
    value = parsed(name, text)
    assert parsed(name, written(name, value)) == value
    if "." not in name and value is not None:
        field_of(name).clean(value)


def test_names_are_those_of_a_session() -> None:
    assert default_of("loop.policy") == "mix"
    assert is_text("caption")
    assert not is_text("bpm")
    with pytest.raises(KeyError):
        field_of("nothing")
    assert Recipe.from_dict({"duration": parsed("duration", "2:04")}).template == {"duration": 124.0}
