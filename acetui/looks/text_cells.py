"""Text by the cells that it covers in a terminal: signs of two cells count as two. A person's own text is made safe."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size


def safe(text: str) -> str:
    """``text`` on one line, with nothing in it that would tell the terminal to do something."""
    if text.isprintable():
        return text
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def cut(text: str, cells: int, more: str) -> str:
    """``text``, or as much of it as fits into ``cells`` with ``more`` at its end."""
    text = safe(text)
    if len(text) <= cells and (text.isascii() or cell_len(text) <= cells):
        return text
    return set_cell_size(text, cells - len(more)).rstrip() + more if cells >= len(more) else ""


def filled(text: str, cells: int) -> str:
    """``text`` with blanks behind it up to ``cells``; longer text is cut off."""
    return text.ljust(cells)[:cells] if text.isascii() else set_cell_size(text, cells)
