"""Themes for the toolkit: each colour of a theme becomes a variable of the style sheet.

Beside the toolkit's own names there are those of ``acetui.looks.themes`` (``$quiet``, ``$wave``, ``$pinned`` ...), and
three for what a theme without colours has to tell apart by other means: ``$cursor-style``, ``$selection-style`` and
``$strong-style``.
"""

from __future__ import annotations

from collections.abc import Mapping

from textual.theme import Theme as ToolkitTheme

from acetui.looks.themes import ANSI, BASE, Theme


def toolkit_theme(theme: Theme) -> ToolkitTheme:
    """``theme`` as the toolkit has it."""
    colour = {name: _written(value, theme.kind) for name, value in theme.colours.items()}
    return ToolkitTheme(
        name=theme.name,
        primary=colour["primary"],
        secondary=colour["secondary"],
        accent=colour["accent"],
        foreground=colour["foreground"],
        background=colour["background"],
        surface=colour["surface"],
        panel=colour["panel"],
        warning=colour["warning"],
        error=colour["error"],
        success=colour["success"],
        dark=theme.dark,
        ansi=theme.kind == ANSI,
        variables=variables(theme),
    )


def variables(theme: Theme) -> dict[str, str]:
    """The variables of the style sheet that are not the toolkit's own, and those of its own that follow from them."""
    colour = {name: _written(value, theme.kind) for name, value in theme.colours.items()}
    ansi = theme.kind == ANSI
    own = {name: value for name, value in colour.items() if name not in BASE}
    return own | _styles(ansi) | _toolkits(colour, ansi=ansi)


def _styles(ansi: bool) -> dict[str, str]:
    """Where colours do not tell what is chosen, it is reversed."""
    return {
        "cursor-style": "reverse" if ansi else "bold",
        "selection-style": "reverse" if ansi else "none",
        "strong-style": "bold",
    }


def _toolkits(colour: Mapping[str, str], *, ansi: bool) -> dict[str, str]:
    """The toolkit's own variables, so that whatever it draws by itself can be read too."""
    chosen = {
        f"{what}-{part}": colour[name]
        for what in ("block-cursor", "input-selection", "screen-selection")
        for part, name in (("background", "cursor"), ("foreground", "cursor-text"))
    }
    return {
        **chosen,
        **{f"text-{name}": colour[name] for name in BASE if name not in ("background", "surface", "panel")},
        "text": colour["foreground"],
        "text-muted": colour["quiet"],
        "text-disabled": colour["quiet"],
        "border": colour["primary"],
        "border-blurred": colour["boundary"],
        "ansi-background": colour["background"],
        "ansi-foreground": colour["foreground"],
        "foreground-disabled": colour["quiet"],
        "surface-active": colour["panel"],
        "block-cursor-text-style": "reverse" if ansi else "bold",
        "block-cursor-blurred-background": colour["surface"],
        "block-cursor-blurred-foreground": colour["foreground"],
        "input-cursor-background": colour["foreground"],
        "input-cursor-foreground": colour["background"],
        "input-cursor-text-style": "reverse" if ansi else "none",
    }


def _written(colour: str, kind: str) -> str:
    """A colour as the toolkit writes it."""
    return f"ansi_{colour.replace('-', '_')}" if kind == ANSI else colour
