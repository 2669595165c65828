"""A take as audio to work on: "take:7", or "take:" and its id, wherever a recipe may name a file; and its children."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.file_names import take_name
from sessions.batch import RENDER
from sessions.take import Take

PREFIX = "take:"

STITCH = "stitch"
"""The operation that puts another take behind one."""

LATENTS_OF: Mapping[str, str] = {"src_audio": "src_latents", "next_audio": "next_latents"}
"""Fields that name what is worked on, and those that name its latents."""

_LONGEST_NUMBER = 9


def name_of(take: Take) -> str:
    """What recipes call a take: by its id, which is the same in any session."""
    return PREFIX + take.id


def key_of(name: str) -> int | str | None:
    """The number or the id of the take that a recipe names; None for anything else."""
    if not name.startswith(PREFIX):
        return None
    key = name.removeprefix(PREFIX).strip()
    return int(key) if key.isdecimal() and key.isascii() and len(key) <= _LONGEST_NUMBER else key


def operation_of(request: Mapping[str, Any]) -> str:
    """What is done to a take by a request that works on one: ``repaint``, ``cover``, ``extract`` ..."""
    task = str(request.get("task_type") or "text2music")
    if task == "text2music":
        return RENDER
    return STITCH if request.get("next_audio") else task.removesuffix("-nofsq")


def source_of(request: Mapping[str, Any]) -> int | str | None:
    """The number or the id of the take that a request works on; None where there is none."""
    return key_of(str(request.get("src_audio") or "")) if operation_of(request) != RENDER else None


def child_name(parent: Take | None, request: Mapping[str, Any]) -> str:
    """What takes are called that are made from ``parent``; empty where there is none, for the engine names others.

    They have its name, which may be a person's, unless other words were written for them. What the planner has made of
    the parent's words is none of those.
    """
    if parent is None:
        return ""
    caption = str(request.get("caption") or "").strip()
    same = ("", *(str(parent.request.get(name) or "").strip() for name in ("caption", "cot_caption")))
    return parent.name if caption in same else take_name(caption)
