"""The models of the studio's machine in words: what there is, what it has room for, what is on its way. No toolkit.

``told`` is the answer of ``GET /api/models``. Nothing is downloaded before its size and its place have been said.
"""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import wrap
from typing import Any

from acetui.how_long import left, size
from acetui.looks.signs import Looks
from acetui.studio_state import Fetch

Said = tuple[str, str]
"""Words, and what kind they are of, as ``TextLines`` has them."""

_BAR_CELLS = 20
_NAME_CELLS = 22


def offer(told: Mapping[str, Any]) -> str:
    """What could be fetched, with its size and its place; empty where nothing lacks."""
    if not told["missing"]:
        return ""
    names = _listed(told["missing"])
    if not told["bytes"]:
        are = "is" if len(told["missing"]) == 1 else "are"
        return f"{names} {are} on this machine already, and can be used in place."
    return f"This machine has room for {names}: {size(told['bytes'])} to download into {told['own']}."


def model_lines(told: Mapping[str, Any], fetch: Fetch | None, now: float, width: int, looks: Looks) -> list[Said]:
    """The screen of models, line by line, for ``width`` cells."""
    if not told:
        return [("The studio is asked.", "quiet")]
    lines: list[Said] = [("Rendered with now", "heading"), *_wrapped(rendering(told), width), ("", "text")]
    lines += [("What this machine has room for", "heading")]
    lines += [(_row(each), "quiet" if each["here"] else "text") for each in told["wanted"]]
    lines.append(("", "text"))
    for words, kind in _next(told, fetch, now, looks):
        lines += _wrapped(words, width, kind)
    return lines


def first_step(told: Mapping[str, Any], fetch: Fetch | None) -> str:
    """What Enter would do: ``fetch``, ``use``, or nothing."""
    if not told or (fetch is not None and fetch.state == "fetching"):
        return ""
    return "use" if told["use"] else "fetch" if told["missing"] else ""


def rendering(told: Mapping[str, Any]) -> str:
    """What takes are made with now, or why with nothing."""
    if told["trouble"]:
        return " ".join(filter(None, (told["trouble"]["error"], told["trouble"]["hint"])))
    if told["sketch"]:
        return "The small model in the box: it sketches instrumentals of up to half a minute."
    planner = f"planner {told['planners'][0]}" if told["planners"] else "no planner"
    return f"{_listed(told['music']) or 'No music model'}; {planner}. They are in {told['folder']}."


def _row(each: Mapping[str, Any]) -> str:
    if each["here"]:
        about = "here"
    elif each["elsewhere"]:
        about = f"used in place, from {each['elsewhere']}"
    elif each["arrived"]:
        about = f"{size(each['arrived'])} of it have arrived"
    else:
        about = each["about"]
    return f"  {each['name']:<{_NAME_CELLS}} {size(each['bytes']):>7}  {about}"


def _next(told: Mapping[str, Any], fetch: Fetch | None, now: float, looks: Looks) -> list[Said]:
    """What goes on, or could be done."""
    if fetch is not None and fetch.state == "fetching":
        return _underway(fetch, now, looks)
    if told["use"]:
        words = "They are here. Enter renders with them from the next batch on; what is being made is finished."
        return [(words, "mark")]
    said: list[Said] = []
    if fetch is not None and fetch.state == "failed" and told["missing"]:
        said.append((fetch.trouble, "trouble"))
    if told["missing"]:
        return [*said, *_asked(told)]
    return [*said, ("All of it is here.", "text")]


def _asked(told: Mapping[str, Any]) -> list[Said]:
    said: list[Said] = []
    if not told["card"]:
        said.append(("Without a graphics card these are slow; the model in the box is quick.", "quiet"))
    if not told["bytes"]:
        return [*said, (f"Enter puts links to them into {told['own']}; nothing is downloaded.", "mark")]
    free = f", where {size(told['free_bytes'])} are free" if told["free_bytes"] is not None else ""
    said.append((f"Enter downloads {size(told['bytes'])} from {told['hub']} into {told['own']}{free}.", "mark"))
    said.append(("Nothing is downloaded before that. It goes on beside everything else, and when you leave.", "quiet"))
    return said


def _underway(fetch: Fetch, now: float, looks: Looks) -> list[Said]:
    share = fetch.done / fetch.total if fetch.total else 0.0
    edge = ("|", "|") if looks.ascii else ("▕", "▏")
    bar = f"{edge[0]}{looks.bar(share, _BAR_CELLS)}{edge[1]}"
    until = fetch.left(now)
    words = f"{bar} {size(fetch.done)} of {size(fetch.total)}{f', {left(until)}' if until else ''}"
    what = f"{fetch.model} is on its way." if fetch.model else "The hub is asked."
    return [(words, "mark"), (what, "text"), ("x stops it; what has arrived is kept.", "quiet")]


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def _wrapped(words: str, width: int, kind: str = "text") -> list[Said]:
    return [(line, kind) for line in wrap(words, max(20, min(width, 100) - 2))]
