"""A text in the person's own editor and back, through a file that nobody else can read.

Handing the terminal over is for whoever calls: ``run`` is given the command and returns its exit status.
"""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from engine.errors import EngineError

_FALLBACKS = ("nano", "vim", "vi")
_HINT = "Set EDITOR to an editor that waits, as in EDITOR='code --wait'."


@dataclass(frozen=True)
class Edited:
    """What came back; ``changed`` is False where it is what was there before."""

    text: str
    changed: bool


class EditorFailed(EngineError):
    """The editor could not be used; the text is as it was before, and what was written is kept in a file."""


def editor_command(env: Mapping[str, str] | None = None) -> list[str]:
    """The person's editor: VISUAL, EDITOR, or the first usual one that is there. Raises EditorFailed."""
    env = os.environ if env is None else env
    for name in ("VISUAL", "EDITOR"):
        if env.get(name, "").strip():
            try:
                return shlex.split(env[name])
            except ValueError:
                raise EditorFailed(f"{name} cannot be read: a quote in it is never closed.", _HINT) from None
    for editor in _FALLBACKS:
        if shutil.which(editor, path=env.get("PATH")):
            return [editor]
    raise EditorFailed("There is no editor.", _HINT)


def edited(
    text: str, name: str, run: Callable[[list[str]], int], env: Mapping[str, str] | None = None, suffix: str = ".txt"
) -> Edited:
    """``text`` after the person has been through it in the editor. ``name`` becomes a part of the file's name.

    Raises EditorFailed where the editor does not start or ends with an error, and where what it leaves is no text;
    a file with words in it that are not in ``text`` then stays, and the error says where.
    """
    command = editor_command(env)
    folder = Path(tempfile.mkdtemp(prefix="acetui-"))  # 0700, and so is what editors leave beside the file
    path = folder / f"{name}{suffix}"
    before = text if text.endswith("\n") or not text else f"{text}\n"
    keep = False
    try:
        path.touch(mode=0o600)
        path.write_text(before, encoding="utf-8", newline="")
        status = _run(run, [*command, str(path)])
        after = _read(path)
        keep = after != before
        if status != 0:
            kept = f"What was written is in {path}." if keep else "Nothing was changed."
            raise EditorFailed(
                f"{command[0]} ended with status {status}.", f"{kept} {_HINT if not keep else ''}".strip()
            )
        keep = False
        return _came_back(text, before, after)
    except UnicodeDecodeError:
        keep = True
        raise EditorFailed(f"{path} is not UTF-8 any more.", "Save it as UTF-8, and open it again.") from None
    except OSError as cause:
        reason = cause.strerror or type(cause).__name__
        raise EditorFailed(
            f"The text could not be handed over ({reason}).", "Look at the disk, and try again."
        ) from cause
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def _run(run: Callable[[list[str]], int], command: list[str]) -> int:
    try:
        return run(command)
    except FileNotFoundError:
        raise EditorFailed(f"{command[0]} is not there.", _HINT) from None
    except PermissionError:
        raise EditorFailed(f"{command[0]} cannot be run.", _HINT) from None


def _read(path: Path) -> str:
    with suppress(FileNotFoundError):  # an editor that saves by removing and never writes again
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    return ""


def _came_back(text: str, before: str, after: str) -> Edited:
    """Editors end the last line; a text that did not end with a line end does not get one."""
    if after == before:
        return Edited(text, False)
    if not text.endswith("\n"):
        after = after.removesuffix("\n")
    return Edited(after, after != text)
