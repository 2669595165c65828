"""Changing single values in a TOML text that a person wrote: every other byte stays as it is.

Lines are cut and joined by their offsets (``sessions.toml_layout``), and tomlkit changes what stands inside an inline
table. tomlkit's own documents are not used for whole files: they put a new key behind the comment that introduces the
next table, end lines of Windows files differently, and drop the comments around a key that is removed from a table
whose subtable stands elsewhere.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

import tomlkit
from tomlkit.items import InlineTable

from engine.errors import InvalidRequest
from sessions.toml_layout import Layout, Statement, layout
from sessions.toml_text import key_written, written

_BOM = "\ufeff"


def with_values(text: str, table: tuple[str, ...], values: Mapping[str, Any]) -> str:
    """A valid TOML ``text`` with ``values`` in ``table``; None takes a key out, and leaves the comment on its line.

    Raises InvalidRequest for a value that is written as a list of tables: those have comments of their own.
    """
    body = text.removeprefix(_BOM)
    for name, value in values.items():
        body = _with_value(body, (*table, name), value)
    return _BOM + body if text.startswith(_BOM) else body


def _with_value(text: str, path: tuple[str, ...], value: Any) -> str:
    found = layout(text)
    if any(header.path == path and header.of_list for header in found.headers):
        name = ".".join(path)
        hint = f"Change it in the file itself, or write it there as {path[-1]} = [...]."
        raise InvalidRequest(f"{path[-1]} is written as [[{name}]] and cannot be changed here.", hint, field=path[-1])
    for statement in found.statements:
        if statement.path == path:
            if value is None:
                return _without(text, statement)
            same = tomllib.loads(f"value = {text[statement.value : statement.end]}")["value"] == value
            return text if same else _replaced(text, statement, written(value, _ends(text)))
        if path[: len(statement.path)] == statement.path:
            return _replaced(text, statement, _inside(text[statement.value : statement.end], path, statement, value))
    inner = _names_below(found, path)
    if inner and (value is None or isinstance(value, Mapping)):
        new = dict(value or {})
        # What goes is taken out last: until then it says where the table is.
        return with_values(text, path, new | dict.fromkeys(sorted(inner - new.keys())))
    return text if value is None else _inserted(text, found, path, value)


def _names_below(found: Layout, path: tuple[str, ...]) -> set[str]:
    """The keys of a table that is written as a section or with dotted keys."""
    deep = len(path)
    return {s.path[deep] for s in found.statements if len(s.path) > deep and s.path[:deep] == path}


def _replaced(text: str, statement: Statement, value: str) -> str:
    return text[: statement.value] + value + text[statement.end :]


def _inside(raw: str, path: tuple[str, ...], statement: Statement, value: Any) -> str:
    """An inline table with another value somewhere in it."""
    outer = table = tomlkit.value(raw)
    for name in path[len(statement.path) : -1]:
        table = table[name] if isinstance(table, InlineTable) else table
    if isinstance(table, InlineTable):
        if value is not None:
            table[path[-1]] = value
        elif path[-1] in table:
            del table[path[-1]]
    return outer.as_string()


def _without(text: str, statement: Statement) -> str:
    start, end = _line_start(text, statement.start), _line_end(text, statement.end)
    rest = text[statement.end : end].lstrip()
    kept = text[start : statement.start] + rest if rest.startswith("#") else ""
    return text[:start] + kept + text[end:]


def _inserted(text: str, found: Layout, path: tuple[str, ...], value: Any) -> str:
    """A new line at the end of what is already said about the table, before any comment that comes after it."""
    table, name = path[:-1], path[-1]
    ends = _ends(text)
    if text and not text.endswith("\n"):
        text += ends
    said = [s for s in found.statements if s.path[: len(table)] == table and len(s.section) <= len(table)]
    own = [s for s in said if s.section == table]
    header = next((header for header in found.headers if header.path == table), None)
    prefix: tuple[str, ...] = ()
    if own:
        start, end = own[-1].start, own[-1].end
    elif header:
        start, end = header.start, header.end
    elif said:
        start, end, prefix = said[-1].start, said[-1].end, table[len(said[-1].section) :]
    else:
        gap = ends if text and not text.endswith(ends * 2) else ""
        return f"{text}{gap}[{_dotted(table)}]{ends}{_dotted((name,))} = {written(value, ends)}{ends}"
    indent = text[_line_start(text, start) : start]
    at = _line_end(text, end)
    return f"{text[:at]}{indent}{_dotted((*prefix, name))} = {written(value, ends)}{ends}{text[at:]}"


def _dotted(path: tuple[str, ...]) -> str:
    return ".".join(key_written(name) for name in path)


def _ends(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _line_start(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1


def _line_end(text: str, at: int) -> int:
    """Behind the line end that follows, or the end of the text."""
    return text.find("\n", at) + 1 or len(text)
