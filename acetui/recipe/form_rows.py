"""The metadata form as rows: headings that fold, and entries with their value and what there is to say of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from acetui.recipe.field_values import place_of, shown
from acetui.recipe.fields_shown import (
    GROUPS,
    PLANNER,
    PRESET,
    YOURS,
    FormGroup,
    decides,
    explained,
    label,
    outside,
    preset_of,
)
from engine.errors import InvalidRequest
from engine.profiles import Profile
from sessions.presets import PRESETS

MIXTURE = "own"
"""What the preset is called where its fields are a mixture."""


@dataclass(frozen=True)
class FormRow:
    """One row. Of a heading ``name`` is empty, and ``value`` says what is set below it while it is folded."""

    name: str
    group: str
    label: str
    value: str
    folded: bool = False
    set: bool = False
    """Somebody has chosen the value."""

    typed: bool = False
    """It is typed, and not applied."""

    decides: str | None = None
    """Who decides over it, where the planner might."""

    trouble: str = ""
    """Why the value cannot be read, or will not do what one thinks."""

    wrong: bool = False
    """It cannot be applied as it is."""

    explained: str = ""


@dataclass(frozen=True)
class FormFacts:
    """What a form shows: the tables as they would be applied, what is typed of them, and the model that renders."""

    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    typed: Mapping[str, str] = field(default_factory=dict)
    problems: Mapping[str, InvalidRequest] = field(default_factory=dict)
    profile: Profile | None = None

    @property
    def recipe(self) -> Mapping[str, Any]:
        """The recipe as it would be applied."""
        return self.settings.get("recipe", {})

    def value(self, name: str) -> Any:
        """The value of an entry, in JSON form; None where nothing is set."""
        table, key = place_of(name)
        return self.settings.get(table, {}).get(key)


def rows(facts: FormFacts, open_groups: Collection[str]) -> list[FormRow]:
    """Every row that is to be seen: all headings, and the entries of groups that are open."""
    warned = outside(facts.recipe, facts.profile)
    found: list[FormRow] = []
    for group in GROUPS:
        opened = group.title in open_groups
        found.append(_heading(group, facts, warned, opened))
        if opened:
            found += [_entry(name, group, facts, warned) for name in group.names]
    return found


def open_at_first() -> set[str]:
    """The groups that are open until somebody folds them."""
    return {group.title for group in GROUPS if not group.folded}


def group_of(name: str) -> str:
    """The heading that an entry is under."""
    return next(group.title for group in GROUPS if name in group.names)


def _heading(group: FormGroup, facts: FormFacts, warned: Mapping[str, str], opened: bool) -> FormRow:
    entries = [_entry(name, group, facts, warned) for name in group.names]
    told = [f"{row.label} {row.value}" for row in entries if row.set] if not opened else []
    return FormRow(
        "",
        group.title,
        group.title,
        ", ".join(told),
        folded=not opened,
        typed=any(row.typed for row in entries),
        trouble=next((row.trouble for row in entries if row.trouble), ""),
        wrong=any(row.wrong for row in entries),
        explained=f"{len(entries)} fields; enter {'folds them away' if opened else 'shows them'}.",
    )


def _entry(name: str, group: FormGroup, facts: FormFacts, warned: Mapping[str, str]) -> FormRow:
    if name == PRESET:
        found = preset_of(facts.recipe, facts.profile)
        words = MIXTURE if found is None else found
        chosen = found not in (None, "normal")
        return FormRow(name, group.title, label(name), words, set=chosen, explained=_preset_words(found))
    problem, value = facts.problems.get(name), facts.value(name)
    words = " ".join(facts.typed[name].split()) if problem is not None else shown(name, value)
    return FormRow(
        name,
        group.title,
        label(name),
        words,
        set=problem is not None or value is not None,
        typed=name in facts.typed,
        decides=decides(name, facts.recipe),
        trouble=str(problem) if problem is not None else warned.get(name, ""),
        wrong=problem is not None,
        explained=f"{explained(name)}{_DECIDES.get(decides(name, facts.recipe) or '', '')}",
    )


_DECIDES = {YOURS: " Locked against the planner.", PLANNER: " The planner chooses."}


def _preset_words(found: str | None) -> str:
    if found is None:
        return "A mixture of your own; a preset replaces the fields that say how it is rendered."
    return f"{PRESETS[found].title}: {PRESETS[found].help}"


def matching(options: Collection[tuple[str, str]], typed: str) -> list[tuple[str, str]]:
    """The options that fit what is typed: those that begin with it first, then those with a word that does, then
    those that have it anywhere.
    """
    low = typed.strip().lower()
    if not low:
        return list(options)

    def place(option: tuple[str, str]) -> int:
        code, name = option[0].lower(), option[1].lower()
        if low == code:
            return 0
        if name.startswith(low) or code.startswith(low):
            return 1
        return 2 if any(word.startswith(low) for word in name.split()) else 3

    return sorted((each for each in options if low in each[0].lower() or low in each[1].lower()), key=place)
