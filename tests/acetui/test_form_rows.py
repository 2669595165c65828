"""The form as rows."""

from __future__ import annotations

from acetui.recipe.field_values import why_not
from acetui.recipe.fields_shown import GROUPS, PLANNER, YOURS, choices
from acetui.recipe.form_rows import FormFacts, FormRow, group_of, matching, open_at_first, rows
from engine.config import DiTConfig
from engine.profiles import profile_for

TURBO = profile_for("acestep-v15-turbo", DiTConfig(is_turbo=True))


def by_name(facts: FormFacts, *opened: str) -> dict[str, FormRow]:
    return {row.name or row.group: row for row in rows(facts, opened)}


def test_folded_groups_say_what_is_set_in_them() -> None:
    facts = FormFacts({"recipe": {"bpm": 96, "inference_steps": 4, "shift": 1.0}, "loop": {"takes": 3}}, profile=TURBO)
    found = rows(facts, open_at_first())
    assert [row.group for row in found if not row.name] == [group.title for group in GROUPS]
    folded = {row.group: row for row in found if not row.name}
    assert folded["sampling"].value == "steps 4, shift 1"
    assert folded["sampling"].trouble == "A turbo model is at its best with 8 steps."
    assert folded["loop"].value == "takes 3"
    assert folded["metadata"].value == ""
    assert (folded["metadata"].folded, folded["sampling"].folded) == (False, True)
    assert [row.label for row in found if row.group == "metadata" and row.name] == [
        "bpm", "key", "time", "language", "duration", "instrumental",
    ]  # fmt: skip


def test_every_entry_of_an_open_group_is_a_row() -> None:
    everything = rows(FormFacts(), [group.title for group in GROUPS])
    assert len(everything) == len(GROUPS) + sum(len(group.names) for group in GROUPS)
    assert all(row.explained for row in everything)


def test_entries() -> None:
    problem = why_not("duration", "long")
    assert problem is not None
    recipe = {"bpm": 40, "vocal_language": "en"}
    facts = FormFacts({"recipe": recipe}, {"bpm": "40", "duration": "long"}, {"duration": problem}, TURBO)
    found = by_name(facts, "metadata")
    assert (found["bpm"].value, found["bpm"].typed, found["bpm"].decides) == ("40", True, YOURS)
    assert "outside 60 to 180" in found["bpm"].trouble
    assert not found["bpm"].wrong
    assert (found["duration"].value, found["duration"].wrong, found["duration"].set) == ("long", True, True)
    assert (found["keyscale"].value, found["keyscale"].decides, found["keyscale"].set) == ("auto", PLANNER, False)
    assert found["vocal_language"].value == "English"
    assert (found["metadata"].typed, found["metadata"].wrong) == (True, True)


def test_presets() -> None:
    assert by_name(FormFacts({"recipe": {}}), "model")["preset"].value == "normal"
    draft = FormFacts({"recipe": {"inference_steps": 4, "thinking": False}}, profile=TURBO)
    assert by_name(draft, "model")["preset"].value == "draft"
    assert by_name(FormFacts({"recipe": {"inference_steps": 5}}), "model")["preset"].value == "own"
    assert by_name(FormFacts(), "model")["preset"].explained.startswith("Normal: ")


def test_where_an_entry_is() -> None:
    assert (group_of("bpm"), group_of("loop.takes"), group_of("cot_bpm")) == ("metadata", "loop", "planner")


def test_searching_a_choice() -> None:
    languages = choices("vocal_language")
    assert matching(languages, "ja")[0] == ("ja", "Japanese")
    assert matching(languages, "creole")[0] == ("ht", "Haitian Creole")
    assert matching(languages, "it")[0] == ("it", "Italian")
    assert [code for code, _ in matching(languages, "swe")] == ["sv"]
    assert matching(languages, "zzz") == []
    assert len(matching(languages, " ")) == len(languages)
    assert matching(choices("keyscale"), "f# m")[0][0] == "F# major"
