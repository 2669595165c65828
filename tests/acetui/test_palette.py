"""What the palette finds for what is typed."""

from __future__ import annotations

import pytest

from acetui.panes.palette import Entry, found


def titles(*names: str, typed: str) -> list[str]:
    """What is found among entries of these names, the best first."""
    return [entry.title for entry in found([Entry(name, "", "", lambda: None) for name in names], typed)]


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("score", ["score, largest first", "best score first", "underscored", "use_constrained_decoding"]),
        ("Name", ["name, smallest first", "by name", "rename"]),
        ("  seed ", ["seed, largest first", "sort, then edit"]),
    ],
)
def test_a_word_written_out_goes_before_letters_strewn_over_another(typed: str, names: list[str]) -> None:
    assert titles(*reversed(names), typed=typed) == names


def test_all_is_shown_while_nothing_is_typed_and_nothing_where_nothing_fits() -> None:
    assert titles("pin", "like", typed=" ") == ["pin", "like"]
    assert titles("pin", "like", typed="zebra") == []


def test_what_it_does_is_looked_at_too_but_its_name_goes_first() -> None:
    entries = [Entry("keep", "Pins the take.", "p", lambda: None), Entry("pin", "", "p", lambda: None)]
    assert [entry.title for entry in found(entries, "pin")] == ["pin", "keep"]
