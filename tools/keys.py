"""``python -m tools.keys > docs/keys.md``: every action of the studio with its keys, from the table of actions."""

from __future__ import annotations

import sys

from acetui.keyboard.actions import ACTIONS, GROUPS, SCOPES, Action

_HEAD = """# Keys

Made from the table of actions by `python -m tools.keys > docs/keys.md`. In the studio `?` shows the same, with the keys
that count where you are first, and `:` finds any of it by a part of its name.

Letters, digits and signs are keys outside texts only: while you type they are text. Keys one after the other, such as
`g g`, are pressed one after the other. `^g` is Ctrl with g.

## Keys of your own

`keys.toml` in the config folder (`ACETUI_CONFIG`, else `~/.config/acetui`) has them by the action's name, the last
column here. What is not in it stays as it is; a list gives several keys, an empty list none.

```toml
pin = "P"
help = ["?", "f12"]
zoom = []
```

Keys are written as `x`, `X`, `?`, `space`, `enter`, `tab`, `shift+tab`, `ctrl+g`, `f5`, `pagedown`, `"g g"`. A key that
means two things in one place is told when the studio opens, and the first one counts.
"""


def document() -> str:
    """The whole text of docs/keys.md."""
    parts = [_HEAD]
    for group, heading in GROUPS.items():
        actions = [action for action in ACTIONS if action.group == group]
        rows = "\n".join(_row(action) for action in actions)
        parts.append(f"## {heading}\n\n| key | does | where | action |\n|---|---|---|---|\n{rows}\n")
    return "\n".join(parts)


def _row(action: Action) -> str:
    keys = ", ".join(f"`{_written(each)}`" for each in action.keys)
    return f"| {keys} | {_cell(action.help)} | {SCOPES[action.scope]} | `{action.id}` |"


def _written(keys: str) -> str:
    """Keys as the file wants them, with Ctrl in short; a bar would end the cell of the table."""
    return _cell(keys.replace("ctrl+", "^"))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(document())
