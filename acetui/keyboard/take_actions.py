"""What can be done with takes: rows of the table of actions (``actions.py``), in the order of its fields."""

from __future__ import annotations

Fields = tuple[str, str, str, tuple[str, ...], str, str, int]

_LIST = "takes"


def _in_list(group: str, *rows: tuple[str, str, str, tuple[str, ...], int]) -> tuple[Fields, ...]:
    """Rows whose keys count in the list of takes."""
    return tuple((id, title, help, keys, _LIST, group, bar) for id, title, help, keys, bar in rows)


def _looking(scope: str, what: str) -> tuple[Fields, ...]:
    """The rows of a screen that tells something."""
    rows = (
        ("down", "down", f"Further down in {what}.", ("j", "down"), 0),
        ("up", "up", f"Further up in {what}.", ("k", "up"), 0),
        ("page-down", "page down", f"A page down in {what}.", ("pagedown", "ctrl+d", "space"), 0),
        ("page-up", "page up", f"A page up in {what}.", ("pageup", "ctrl+u"), 0),
        ("close", "close", f"Close {what}.", ("escape", "q"), 2),
    )
    return tuple((f"{scope}-{id}", title, help, keys, scope, "asking", bar) for id, title, help, keys, bar in rows)


_MOVING = _in_list(
    "moving",
    ("down", "down", "The next take.", ("j", "down"), 0),
    ("up", "up", "The take before.", ("k", "up"), 0),
    ("first", "first", "The first take of the list.", ("g g", "home"), 0),
    ("last", "last", "The last take of the list.", ("G", "end"), 0),
    ("half-down", "half a page", "Half a page down.", ("ctrl+d",), 0),
    ("half-up", "half a page up", "Half a page up.", ("ctrl+u",), 0),
    ("page-down", "page down", "A page down.", ("pagedown",), 0),
    ("page-up", "page up", "A page up.", ("pageup",), 0),
    ("new", "new", "Go to the new takes, below those that are sorted.", ("N",), 0),
    ("parent", "parent", "Go to the take that this one was made from.", ("g p",), 0),
    ("unheard", "unheard", "Go to the next take that was not heard.", ("g u",), 0),
    ("select", "select", "Select this take, or let it go; what follows is done to all that are selected.", ("m",), 0),
    ("select-to-here", "select to here", "Select all from the last one that was selected.", ("M",), 0),
    ("select-all", "select all", "Select every take of the list.", ("g m",), 0),
    ("clear", "clear", "Select nothing; or, if nothing is, take the filter away.", ("escape",), 0),
)

_LISTING = _in_list(
    "listing",
    ("filter", "filter", "List only takes such as score>0.8 and pinned, or with some words in them.", ("/",), 20),
    ("save-filter", "save filter", "Keep the filter under a name.", ("S",), 0),
    ("saved-filter", "saved filters", "List with a filter that was saved.", ("g f",), 0),
    ("sort", "sort", "Sort by anything, either way.", ("s",), 84),
    ("sort-in", "sort in", "Sort the new takes in, and list anew.", ("=",), 0),
    ("hide-rejected", "hide rejected", "Hide rejected takes, or show them again.", ("H",), 0),
    ("group", "group", "Keep takes of one revision together, or not.", ("g r",), 0),
    ("show-trash", "trash", "List what is in the trash, or the takes again.", ("D",), 0),
)

_LISTENING = _in_list(
    "listening",
    ("play", "play", "Play the take, or stop it where it is, or go on.", ("space",), 1),
    ("play-from-start", "from start", "Play the take from its beginning.", ("enter",), 0),
    ("back", "back", "2 seconds back.", (",",), 0),
    ("forward", "on", "2 seconds further on.", (".",), 0),
    ("far-back", "far back", "10 seconds back.", ("<",), 0),
    ("far-forward", "far on", "10 seconds further on.", (">",), 0),
    ("beat-back", "beat back", "A beat back.", ("{",), 0),
    ("beat-forward", "beat on", "A beat further on.", ("}",), 0),
    ("line-back", "line back", "To the line of the lyrics before.", ("(",), 0),
    ("line-forward", "line on", "To the next line of the lyrics.", (")",), 0),
    ("region-start", "region", "Begin a region here, to hear it again and again.", ("[",), 0),
    ("region-end", "end region", "End the region here, and hear it again and again.", ("]",), 0),
    ("region-off", "no region", "Play on after the region.", ("\\",), 0),
    ("louder", "louder", "Louder.", ("+",), 0),
    ("quieter", "quieter", "Quieter.", ("-",), 0),
    ("match-loudness", "one loudness", "Play all takes equally loud, or as loud as they are.", ("g l",), 0),
    ("to-playing", "what plays", "Go to the take that plays.", ("g n",), 0),
)

_VERDICTS = _in_list(
    "verdicts",
    ("pin", "pin", "Pin the take: it is kept, and the loop makes siblings of it.", ("p",), 2),
    ("unpin", "unpin", "Take the pin away.", ("P",), 0),
    ("like", "like", "Like the take.", ("l",), 3),
    ("unlike", "unlike", "Take the like away.", ("L",), 0),
    ("reject", "reject", "Reject the take; that takes pin and like away.", ("x",), 4),
    ("unreject", "unreject", "Take the rejection away.", ("X",), 0),
    ("heard", "heard", "Mark the take as heard.", ("h",), 0),
    ("not-heard", "not heard", "Mark the take as not heard yet.", ("g h",), 0),
    *((f"rate-{n}", f"rate {n}", f"Rate the take with {n} of 5.", (f"* {n}",), 0) for n in range(6)),
    ("unrate", "unrate", "Take the rating away.", ("* x",), 0),
    ("note", "note", "Write a note about the take.", ("n",), 0),
    ("tags", "tags", "Give the take tags, or take some away.", ("t",), 0),
    ("rename", "rename", "Give the take another name.", ("R",), 0),
    ("trash", "trash", "Move the take to the trash.", ("d",), 0),
    ("restore", "restore", "Bring the take back from the trash.", ("g d",), 0),
    ("undo", "undo", "Take back what was last done to takes.", ("u",), 0),
    ("redo", "redo", "Do again what was taken back.", ("ctrl+r",), 0),
)

_MAKING = _in_list(
    "making",
    ("sibling", "sibling", "Render a take near this one.", ("v",), 5),
    ("finish", "finish", "Render this take as well as its model can, or its audio again if that is gone.", ("f",), 0),
    ("repaint", "repaint", "Render a part of this take anew.", ("r",), 82),
    ("cover", "cover", "Render this take in another style.", ("c",), 0),
    ("extend", "extend", "Render more of this take, before or after it.", ("e",), 0),
)

_ASKING = (
    *_in_list(
        "asking",
        ("why", "why", "Why the take scores as it does, and what was asked, planned and sent.", ("i",), 86),
        ("lineage", "lineage", "The takes that this one comes from, and that came of it.", ("T",), 0),
        ("verify", "verify", "Render the take again, and see whether it is the same.", ("V",), 0),
        ("copy-path", "copy path", "Copy where the audio is.", ("y p",), 0),
        ("copy-seed", "copy seed", "Copy the seed.", ("y s",), 0),
        ("copy-recipe", "copy recipe", "Copy the recipe, as a file for acetui render.", ("y r",), 0),
    ),
    ("lineage-go", "go", "Go to this take in the list.", ("enter",), "lineage", "asking", 1),
    *_looking("lineage", "the lineage"),
    *_looking("why", "the reasons"),
)

TAKE_ACTIONS: tuple[Fields, ...] = (*_MOVING, *_LISTING, *_LISTENING, *_VERDICTS, *_MAKING, *_ASKING)
"""The rows."""
