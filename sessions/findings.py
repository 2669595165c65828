"""What a look through a session's folder has found and put right, for a log and for people."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Report:
    """Names and numbers of what was not as it should be; all of it empty after a clean end.

    Where the folder is read-only nothing in it was changed, and the takes are shown as they would be.
    """

    index: str = ""
    """Why the index was built anew or lives in memory; empty if it did not have to."""

    adopted: list[int] = field(default_factory=list)
    """Takes made from audio without JSON."""

    restored: list[int] = field(default_factory=list)
    """Takes whose JSON was gone or broken, and which the index remembered whole."""

    marked: list[int] = field(default_factory=list)
    """Takes whose audio is not there."""

    returned: list[int] = field(default_factory=list)
    """Takes whose audio is there again."""

    renumbered: list[tuple[int, int]] = field(default_factory=list)
    """Old and new numbers of takes that had the number of another one."""

    moved: list[int] = field(default_factory=list)
    """Takes whose way into the trash or out of it was interrupted, and which have arrived now."""

    gone: list[int] = field(default_factory=list)
    """Takes that somebody removed by hand."""

    broken: list[str] = field(default_factory=list)
    """JSON files that are no takes, and under which name they are kept."""

    newer: list[str] = field(default_factory=list)
    """JSON files of a newer version, left as they are."""

    strays: list[str] = field(default_factory=list)
    """Why audio without JSON was left alone."""

    troubles: list[str] = field(default_factory=list)
    """What could not be put right."""

    swept: list[str] = field(default_factory=list)
    """Temporary files that killed processes had left."""

    loose_latents: list[str] = field(default_factory=list)
    """Latents that no take names; their audio was never finished."""

    def lines(self) -> list[str]:
        """A sentence for everything that a person should know."""
        numbered = (
            (self.adopted, "{}: no JSON was there; read from the tags inside the audio."),
            (self.restored, "{}: the JSON was lost and is written again as it last was."),
            (self.marked, "{}: the audio is not there; decode or render again to hear it."),
            (self.returned, "{}: the audio is there again."),
            (self.moved, "{}: was on the way into or out of the trash and has arrived."),
            (self.gone, "{}: removed by hand; the number is not used again."),
        )
        lines = [self.index] if self.index else []
        lines += [words.format(_takes(numbers)) for numbers, words in numbered if numbers]
        lines += [f"Take {old} was there twice; one of the two is take {new} now." for old, new in self.renumbered]
        lines += [f"{name} is not a take that can be read; it is kept under this name." for name in self.broken]
        lines += [f"{name} was written by a newer acetui and is left as it is." for name in self.newer]
        lines += [*self.strays, *self.troubles]
        if self.swept:
            lines.append(f"Removed what {len(self.swept)} interrupted writes had left.")
        if self.loose_latents:
            lines.append(f"{len(self.loose_latents)} files in latents/ belong to no take.")
        return lines


def edited_line(numbers: list[int]) -> str:
    """What to say of takes that somebody edited."""
    return f"{_takes(numbers)}: edited by hand while the session was closed; read again."


def _takes(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:12]))
    more = f" and {len(numbers) - 12} more" if len(numbers) > 12 else ""
    return f"Take{'s' if len(numbers) > 1 else ''} {shown}{more}"
