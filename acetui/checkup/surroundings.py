"""What lies around a session: sound, the terminal, the disks, and what ends a studio when its person logs out."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from acetui.checkup.finding import FAILED, Finding, Problem
from acetui.looks.signs import over_ssh
from engine.own_folder import data_folder
from sessions.disk import file_system, free_bytes, is_shared
from sessions.places import list_sessions, sessions_folder, state_folder

_TAKE_BYTES = 12_000_000
"""About what a take of a minute takes on the disk, with its latents."""

_NOWHERE = "Discard all samples"
"""What ALSA calls the device that is always there, and is none."""

_LITTLE_DISK = 2_000_000_000
_NO_DISK = 200_000_000


def sound(env: Mapping[str, str]) -> Finding:
    """Where takes would be heard."""
    from acetui.player.device import device_names
    from acetui.player.pipes import COMMANDS

    devices = [name for name in device_names() if not name.startswith(_NOWHERE)]
    players = [name for name in COMMANDS if shutil.which(name, path=env.get("PATH"))]
    facts = {"sound": {"devices": devices, "players": players, "over_ssh": over_ssh(env)}}
    if devices or players:
        return Finding(facts)
    if over_ssh(env):
        hint = "'acetui studio SESSION --listen' opens a port for ssh -L, and a browser plays the takes."
        return Finding(facts, (Problem("This machine has no sound, and you are not at it.", hint),))
    return Finding(
        facts, (Problem("No sound device and no player was found.", "Plug one in, or export takes to hear elsewhere."),)
    )


def terminal(env: Mapping[str, str]) -> Finding:
    """What the terminal says of itself."""
    encoding = env.get("LC_ALL") or env.get("LC_CTYPE") or env.get("LANG") or ""
    facts: dict[str, Any] = {
        "term": env.get("TERM", ""),
        "colours": "16 million" if env.get("COLORTERM") in ("truecolor", "24bit") else "256 or fewer",
        "utf8": "utf" in encoding.lower(),
        "size": list(shutil.get_terminal_size()),
        "multiplexer": "tmux" if env.get("TMUX") else "screen" if env.get("STY") else None,
        "over_ssh": over_ssh(env),
    }
    problems = []
    if not facts["utf8"] and platform.system() == "Linux":
        hint = "Set LANG to one that ends in UTF-8; --ascii draws without."
        problems.append(Problem("The terminal does not say that it draws Unicode.", hint))
    return Finding({"terminal": facts}, tuple(problems))


def disks(env: Mapping[str, str]) -> Finding:
    """The folders that are written to: whether they can be, what is free there, how many takes that is."""
    folders = {"sessions": sessions_folder(env), "models": data_folder(env) / "models", "state": state_folder(env)}
    told: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, folder in folders.items():
        there = _nearest(folder)
        try:
            free = free_bytes(there)
        except OSError:
            free = 0
        kind, writable = file_system(there), os.access(there, os.W_OK | os.X_OK)
        told[name] = {"folder": str(folder), "free_bytes": free, "writable": writable, "file_system": kind}
        if not writable:
            move = "ACETUI_STATE" if name == "state" else "ACETUI_DATA"
            problems.append(Problem(f"{there} is not yours to write to.", f"{move} names another folder.", FAILED))
        elif free < _NO_DISK and name != "models":
            problems.append(Problem(f"The disk of {there} is full.", "Make room; no take can be kept.", FAILED))
        if name == "sessions" and _NO_DISK <= free < _LITTLE_DISK:
            problems.append(
                Problem(f"The disk of {there} has {free / 1e9:.1f} GB left.", "The loop pauses before it is full.")
            )
        if name == "sessions" and is_shared(kind):
            hint = "Sessions work there, a little slower; one on a disk of this machine is quicker."
            problems.append(Problem(f"{folder} is on a network's file system ({kind}).", hint))
    told["sessions"]["count"] = len(list_sessions(env))
    told["sessions"]["takes_left"] = told["sessions"]["free_bytes"] // _TAKE_BYTES
    return Finding({"folders": told}, tuple(problems))


def _nearest(folder: Path) -> Path:
    """The folder, or the one above it that is there."""
    return next((each for each in (folder, *folder.absolute().parents) if each.is_dir()), Path("/"))


def logging_out(env: Mapping[str, str], lingering: Path = Path("/var/lib/systemd/linger")) -> Finding:
    """Whether a studio outlives its person's login: some systems end everything that was started in it."""
    if not over_ssh(env) or not Path("/run/systemd/system").is_dir():
        return Finding({})
    user = env.get("USER", "")
    if not user or (lingering / user).exists() or not _kills_user_processes():
        return Finding({})
    hint = f"`loginctl enable-linger {user}` lets the studio go on."
    return Finding({}, (Problem("This system ends your programs when you log out.", hint),))


def _kills_user_processes(conf: Path = Path("/etc/systemd/logind.conf")) -> bool:
    try:
        lines = conf.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    return any(line.replace(" ", "").lower() in ("killuserprocesses=yes", "killuserprocesses=true") for line in lines)


def engine_starts() -> Finding:
    """Whether what the engine needs beside torch is installed."""
    wanted = ("numpy", "safetensors", "tokenizers", "soundfile", "soxr", "yaml")
    missing = [name for name in wanted if importlib.util.find_spec(name) is None]
    if not missing:
        return Finding({"engine": {"installed": True, "missing": []}})
    problem = Problem(f"The engine's libraries are not all here: {', '.join(missing)}.", "Run `make studio`.")
    return Finding({"engine": {"installed": False, "missing": missing}}, (problem,))
