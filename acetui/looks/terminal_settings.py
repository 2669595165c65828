"""How this terminal looks and behaves: a person's own choices, in config.toml of their own folder.

A choice on the command line goes before the environment, the environment before the file, and the file before the
default; each value remembers where it came from. A value that cannot be used is told of, and the default stands in.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from acetui.own_files import TomlFile, config_folder
from engine import readers
from engine.errors import EngineError, InvalidRequest
from engine.fields import spec
from sessions.table import Table

FILE = "config.toml"
TABLE = "terminal"
AUTO = "auto"

PAGE = "page"
"""Sound goes to the listen pages that are open."""

OUTPUTS = (AUTO, "device", "mpv", "pw-play", "paplay", "aplay", "ffplay", PAGE, "none")
"""Where sound can go (``acetui.player``)."""


@dataclass(frozen=True, kw_only=True)
class TerminalSettings(Table):
    """The table [terminal]. None is "as it fits this terminal"."""

    theme: str = spec(AUTO, group="looks", help="The colours: the name of a theme, or auto.", read=readers.text)
    ascii: bool | None = spec(None, group="looks", help="Draws with plain ASCII alone.")
    waveform: str = spec(
        AUTO, group="looks", choices=(AUTO, "braille", "blocks", "ascii"), help="What waveforms are drawn with."
    )
    layout: str = spec(
        AUTO,
        group="looks",
        choices=(AUTO, "narrow", "medium", "wide"),
        help="How many panes stand side by side; auto goes by the width.",
    )
    output: str = spec(
        AUTO, group="sound", choices=OUTPUTS, help="Where takes are heard: a sound device, or a player of this machine."
    )
    sound_device: str = spec(
        AUTO, group="sound", help="The sound device, by a part of its name, or auto.", read=readers.text
    )
    volume: int = spec(100, group="sound", low=0, high=100, help="How loud takes are played.", unit="percent")
    match_loudness: bool = spec(True, group="sound", help="Plays all takes equally loud, so that none wins by that.")
    radio: str = spec(
        "newest", group="sound", choices=("newest", "best"), help="Which new takes the radio plays first."
    )
    mouse: bool = spec(True, group="hands", help="Listens to the mouse; off leaves selecting text to the terminal.")
    editor: str | None = spec(
        None,
        group="hands",
        help="The editor for lyrics and captions; else $VISUAL or $EDITOR.",
        read=readers.text_or_none,
    )
    slow_line: bool | None = spec(None, group="line", help="Draws what moves less often; auto does so over ssh.")


@dataclass(frozen=True)
class Found:
    """The settings, and of each by name where its value came from: ``problems`` are the values that cannot be used."""

    settings: TerminalSettings
    origins: Mapping[str, str]
    problems: tuple[EngineError, ...] = ()


AS_SHIPPED = Found(
    TerminalSettings(theme="nocturne", ascii=False),
    MappingProxyType(dict.fromkeys(TerminalSettings.fields(), "default")),
)
"""The settings where nobody has set anything, whatever the terminal is."""


def variable_of(name: str) -> str:
    """The environment variable that sets a field."""
    return f"ACETUI_{name.upper()}"


def read_settings(flags: Mapping[str, str | None] | None = None, env: Mapping[str, str] | None = None) -> Found:
    """All settings from where they are set. Never raises: what cannot be used is among the problems."""
    env = os.environ if env is None else env
    fields = TerminalSettings.fields()
    problems: list[EngineError] = []
    values: dict[str, Any] = {}
    origins = dict.fromkeys(fields, "default")
    try:
        values, wrong = _from_file(TomlFile.read(config_folder(env) / FILE))
        problems += wrong
        origins |= dict.fromkeys(values, FILE)
    except EngineError as error:
        problems.append(error)
    variables = {name: env.get(variable_of(name)) for name in fields}
    arguments = {name: (flags or {}).get(name) for name in fields}
    for source, written in (("", variables), ("--", arguments)):
        for name, text in written.items():
            if text:
                label = f"--{name.replace('_', '-')}" if source else variable_of(name)
                try:
                    values[name], origins[name] = fields[name].parse(text), label
                except InvalidRequest as error:
                    problems.append(InvalidRequest(f"{label}: {error.error}", error.hint, field=name))
    return Found(replace(TerminalSettings(), **values), MappingProxyType(origins), tuple(problems))


def save(changes: Mapping[str, Any], env: Mapping[str, str] | None = None) -> Path:
    """Writes choices into the file and leaves the rest of it, comments included, as it is; returns its path.

    A value that is the default is taken out. Raises InvalidRequest for a value or a file that cannot be used, and
    RenderFailed where it cannot be written.
    """
    from sessions.toml_edit import with_values
    from sessions.whole_files import write_whole

    path = config_folder(env) / FILE
    text = TomlFile.read(path).text
    fields = TerminalSettings.fields()
    cleaned = {name: fields[name].clean(value) for name, value in changes.items()}
    kept = {name: None if value == fields[name].default else value for name, value in cleaned.items()}
    write_whole(path, with_values(text, (TABLE,), kept).encode(), overwrite=True)
    return path


def editor_surroundings(settings: TerminalSettings, env: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment in which an editor is looked for: the person's own choice goes before what is there."""
    env = os.environ if env is None else env
    return {**env, "VISUAL": settings.editor} if settings.editor else dict(env)


def _from_file(file: TomlFile) -> tuple[dict[str, Any], list[EngineError]]:
    """The values that can be used, and what is wrong with the others."""
    fields = TerminalSettings.fields()
    known = (TABLE,)
    wrong: list[EngineError] = [file.unknown(known, name) for name in file.tables if name not in known]
    table = file.tables.get(TABLE, {})
    if not isinstance(table, dict):
        return {}, [*wrong, file.refusal(f"{TABLE} must be a table.", f"Write a line '[{TABLE}]'.", TABLE)]
    values = {}
    for name, value in table.items():
        if name not in fields:
            wrong.append(file.unknown(tuple(fields), TABLE, name))
            continue
        try:
            values[name] = fields[name].clean(value)
        except InvalidRequest as error:
            wrong.append(file.refusal(error.error, error.hint, TABLE, name))
    return values, wrong
