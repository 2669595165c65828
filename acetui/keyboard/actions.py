"""Everything a person can do in the studio, as one table.

Key bindings, the key bar, the help screen, the palette, people's own keys, the table in docs/keys.md and the tests are
all made from it. What an action does is in ``acetui.doing``, in the module named after its ``group``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from acetui.keyboard.hearing_actions import HEARING_ACTIONS
from acetui.keyboard.remake_actions import REMAKE_ACTIONS
from acetui.keyboard.take_actions import TAKE_ACTIONS

EVERYWHERE = "everywhere"
"""Also while typing; letters, digits and signs then are text, and count elsewhere."""

STUDIO = "studio"
"""Anywhere on the desk but in a text that is being typed."""

TEXT = "text"
"""In the caption and the lyrics, while typing."""

SCOPES: Mapping[str, str] = MappingProxyType(
    {
        EVERYWHERE: "everywhere",
        STUDIO: "outside texts",
        TEXT: "in caption and lyrics",
        "caption": "in the caption",
        "lyrics": "in the lyrics",
        "takes": "in the list of takes",
        "metadata": "in the metadata",
        "field": "while typing into a field",
        "log": "in the log",
        "question": "while something is asked",
        "help": "in the help",
        "history": "in the history",
        "lineage": "in the lineage",
        "why": "in the reasons of a score",
        "spectrogram": "in the spectrogram",
        "remake": "while something is made from a take",
        "remake-line": "while typing for what is made",
        "settings": "in the settings",
        "welcome": "in the welcome",
        "models": "among the models",
        "sessions": "in the list of sessions",
    }
)
"""Where an action's keys count, with the words for it. Whatever has the focus goes before what is around it."""

GROUPS: Mapping[str, str] = MappingProxyType(
    {
        "applying": "Recipe",
        "loop": "Loop",
        "editing": "Caption and lyrics",
        "songwriting": "The planner's words",
        "filling": "Metadata",
        "looking_back": "History",
        "moving": "Moving in the list",
        "listing": "What the list holds",
        "listening": "Hearing takes",
        "hearing": "Comparing, radio, and taking takes elsewhere",
        "verdicts": "Verdicts",
        "making": "Making from a take",
        "asking": "About a take",
        "windows": "Panes and screens",
        "log": "Log",
        "beginning": "Sessions",
        "looks": "Looks",
    }
)
"""Modules of ``acetui.doing``, with their headings in the help."""


@dataclass(frozen=True)
class Action:
    """One thing that can be done: its words, its keys as shipped, and where they count."""

    id: str
    """Its name in people's own key files, and of its handler."""

    title: str
    """A word or two, for the key bar."""

    help: str
    """One sentence, for the help and the palette."""

    keys: tuple[str, ...]
    """Each a key (``ctrl+g``, ``p``, ``space``) or several in a row (``g g``)."""

    scope: str
    group: str
    bar: int = 0
    """Its place in the key bar where its keys count, 1 first; 0 leaves it out."""


ACTIONS: tuple[Action, ...] = (
    # Recipe
    Action("apply", "apply", "Apply what is typed, and render it.", ("ctrl+g",), EVERYWHERE, "applying", 10),
    # Caption and lyrics
    Action("dice", "dice", "An example in the place of words and metadata.", ("ctrl+t",), EVERYWHERE, "editing", 70),
    Action(
        "own-editor", "editor", "The text in your own editor ($VISUAL or $EDITOR).", ("ctrl+e",), TEXT, "editing", 12
    ),
    Action("format", "format", "Put the text in order: blank lines, ends, tags.", ("ctrl+f",), TEXT, "editing", 13),
    Action("next-finding", "check", "The next thing in the text to look at.", ("ctrl+r",), TEXT, "editing", 14),
    Action("complete-tag", "tag", "Take the tag that is offered, else the next pane.", ("tab",), "lyrics", "editing"),
    Action("next-section", "section", "The next section of the lyrics.", ("ctrl+n",), "lyrics", "editing", 15),
    Action("previous-section", "section before", "The section before.", ("ctrl+o",), "lyrics", "editing"),
    Action("sections", "sections", "The song in a line a section, to go to one.", ("ctrl+l",), "lyrics", "editing", 16),
    Action(
        "put-draft-away",
        "put away",
        "Put away what is typed and not applied, or bring it back.",
        ("w x",),
        EVERYWHERE,
        "editing",
    ),
    Action(
        "adopt-draft", "take over", "Go on with the draft of a terminal that is gone.", ("w o",), EVERYWHERE, "editing"
    ),
    Action(
        "lock-caption", "lock caption", "Let the planner rewrite the caption, or not.", ("w k",), EVERYWHERE, "editing"
    ),
    # The planner's words
    Action("write-song", "write", "A song by the planner, of one sentence.", ("w a",), EVERYWHERE, "songwriting"),
    Action("polish", "polish", "Have the planner polish the words.", ("w f",), EVERYWHERE, "songwriting"),
    Action("understand", "understand", "The take in the planner's words, as a draft.", ("w u",), STUDIO, "songwriting"),
    Action(
        "understand-file",
        "understand file",
        "A sound file in the planner's words, as a draft.",
        ("w i",),
        EVERYWHERE,
        "songwriting",
    ),
    # Metadata
    Action(
        "form-enter",
        "edit",
        "Type into the field, search its choices, or unfold.",
        ("enter",),
        "metadata",
        "filling",
        1,
    ),
    Action("form-more", "next", "The next value, or unfold.", ("right", "l", "space"), "metadata", "filling", 2),
    Action("form-less", "before", "The value before, or fold.", ("left", "h"), "metadata", "filling", 3),
    Action("form-unset", "unset", "Leave the field open again.", ("backspace", "delete"), "metadata", "filling", 4),
    Action(
        "lock",
        "lock",
        "Hold the field against the planner, or leave it to the planner.",
        ("=",),
        "metadata",
        "filling",
        5,
    ),
    Action("tap-tempo", "tap", "Tap the tempo.", ("t",), "metadata", "filling", 6),
    Action(
        "preset", "preset", "How it is rendered, in one word: draft, normal, best ...", ("s",), "metadata", "filling", 7
    ),
    Action("form-down", "down", "The next field.", ("down", "j"), "metadata", "filling"),
    Action("form-up", "up", "The field before.", ("up", "k"), "metadata", "filling"),
    Action("form-first", "first", "The first field.", ("home", "g g"), "metadata", "filling"),
    Action("form-last", "last", "The last field.", ("end", "G"), "metadata", "filling"),
    Action("form-cancel", "leave", "Leave for the list of takes.", ("escape",), "metadata", "filling"),
    Action("field-next", "next", "Keep what is typed, and go on below.", ("down",), "field", "filling", 1),
    Action("field-previous", "before", "Keep what is typed, and go on above.", ("up",), "field", "filling"),
    Action("field-cancel", "cancel", "Drop what is typed into the field.", ("escape",), "field", "filling", 2),
    # History
    Action(
        "history",
        "history",
        "What every revision changed, and any of them back.",
        ("f7", "w h"),
        EVERYWHERE,
        "looking_back",
    ),
    Action(
        "history-take-back", "take back", "The revision as what is typed.", ("enter",), "history", "looking_back", 1
    ),
    Action("history-down", "down", "An older revision.", ("down", "j"), "history", "looking_back"),
    Action("history-up", "up", "A newer revision.", ("up", "k"), "history", "looking_back"),
    Action(
        "history-page-down", "page down", "Much older revisions.", ("pagedown", "ctrl+d"), "history", "looking_back"
    ),
    Action("history-page-up", "page up", "Much newer revisions.", ("pageup", "ctrl+u"), "history", "looking_back"),
    Action(
        "history-more", "more", "Further down in what changed.", ("right", "l", "space"), "history", "looking_back", 2
    ),
    Action("history-less", "less", "Further up in what changed.", ("left", "h"), "history", "looking_back"),
    Action("history-close", "close", "Close the history.", ("escape", "q"), "history", "looking_back", 3),
    # Loop
    Action("loop", "loop", "Turn the loop on, or off after this batch.", ("a",), STUDIO, "loop", 60),
    Action("skip", "skip", "Drop what the loop is making, and go on with the next.", ("K",), STUDIO, "loop"),
    Action("stop-after", "end after", "End the loop after the take that is being made.", ("A",), STUDIO, "loop"),
    Action("stop-now", "end now", "End the loop at once; what is half made is dropped.", ("ctrl+x",), STUDIO, "loop"),
    Action("policy", "policy", "What the loop makes: new ideas, siblings, or both.", ("o p",), STUDIO, "loop"),
    Action(
        "limit", "limit", "After how many takes or minutes, or at which score, the loop ends.", ("o l",), STUDIO, "loop"
    ),
    Action("taste", "taste", "Let your own taste count in scores, or leave it out.", ("o y",), STUDIO, "loop"),
    Action("go-on", "go on", "Let the loop go on where it waits for ears, or has given up.", ("o g",), STUDIO, "loop"),
    # Takes
    *(Action(*fields) for fields in TAKE_ACTIONS),
    *(Action(*fields) for fields in HEARING_ACTIONS),
    *(Action(*fields) for fields in REMAKE_ACTIONS),
    Action("pause", "pause", "Stop what plays where it is, or go on with it.", ("f10",), EVERYWHERE, "listening"),
    # Panes and screens
    Action("palette", "palette", "Do anything by its name.", (":", "ctrl+p"), EVERYWHERE, "windows", 80),
    Action("help", "help", "Every key, and what it does.", ("?", "f1"), EVERYWHERE, "windows", 50),
    Action("next-pane", "next", "Go to the next pane.", ("tab",), EVERYWHERE, "windows"),
    Action("previous-pane", "previous", "Go to the pane before.", ("shift+tab",), EVERYWHERE, "windows"),
    Action("caption", "caption", "Go to the caption.", ("f2", "w c"), EVERYWHERE, "windows"),
    Action("lyrics", "lyrics", "Go to the lyrics.", ("f3", "w l"), EVERYWHERE, "windows"),
    Action("metadata", "metadata", "Go to the metadata.", ("f4", "w m"), EVERYWHERE, "windows"),
    Action("takes", "takes", "Go to the list of takes.", ("f5", "w t"), EVERYWHERE, "windows"),
    Action("leave-text", "takes", "Leave the text for the list of takes.", ("escape",), TEXT, "windows", 20),
    Action("zoom", "zoom", "Let this pane fill the screen, or shrink it again.", ("z", "f6"), EVERYWHERE, "windows"),
    Action(
        "zoom-take",
        "large take",
        "Let the take fill the screen beneath a few rows, or not.",
        ("Z",),
        "takes",
        "windows",
    ),
    Action("log", "log", "Show or hide the log.", ("f9", "w e"), EVERYWHERE, "windows"),
    Action("redraw", "redraw", "Draw all anew, if something wrote over it.", ("ctrl+l",), EVERYWHERE, "windows"),
    Action("leave", "leave", "Leave the terminal; the loop goes on.", ("q", "ctrl+q"), EVERYWHERE, "windows", 95),
    Action("stop-and-leave", "end", "End the studio with its loop, and leave.", ("Q",), EVERYWHERE, "windows"),
    Action("help-close", "close", "Close the help.", ("escape",), "help", "windows", 1),
    Action("help-down", "down", "Further down in the help.", ("down",), "help", "windows"),
    Action("help-up", "up", "Further up in the help.", ("up",), "help", "windows"),
    Action("help-page-down", "page down", "A page down in the help.", ("pagedown",), "help", "windows"),
    Action("help-page-up", "page up", "A page up in the help.", ("pageup",), "help", "windows"),
    Action("dismiss", "close", "Shut the question or the palette.", ("escape",), "question", "windows", 1),
    Action("complete", "complete", "Take what is offered behind the cursor.", ("tab",), "question", "windows", 2),
    Action("choice-down", "down", "The next entry of the palette.", ("down", "ctrl+n"), "question", "windows"),
    Action("choice-up", "up", "The entry before in the palette.", ("up",), "question", "windows"),
    # Log
    Action("log-down", "down", "Further down in the log.", ("j", "down"), "log", "log"),
    Action("log-up", "up", "Further up in the log.", ("k", "up"), "log", "log"),
    Action("log-page-down", "page down", "A page down in the log.", ("pagedown", "ctrl+d"), "log", "log"),
    Action("log-page-up", "page up", "A page up in the log.", ("pageup", "ctrl+u"), "log", "log"),
    Action("log-end", "end", "The latest line of the log.", ("G", "end"), "log", "log"),
    Action("log-start", "start", "The oldest line of the log.", ("g g", "home"), "log", "log"),
    Action("log-level", "level", "Show everything, what the studio says, or errors alone.", ("e",), "log", "log", 1),
    Action("log-find", "find", "Show only lines with some words in them.", ("/",), "log", "log", 2),
    # Sessions
    Action("sessions", "sessions", "Choose another session, or begin a new one.", ("w s",), STUDIO, "beginning"),
    Action("sessions-open", "open", "Open the session.", ("enter",), "sessions", "beginning", 1),
    Action("sessions-new", "new", "Begin a new session.", ("n",), "sessions", "beginning", 2),
    Action("sessions-down", "down", "The next session.", ("j", "down"), "sessions", "beginning"),
    Action("sessions-up", "up", "The session before.", ("k", "up"), "sessions", "beginning"),
    Action("sessions-close", "close", "Close the list of sessions.", ("escape", "q"), "sessions", "beginning", 3),
    Action("welcome", "welcome", "What this machine can do, and a first take.", ("w w",), STUDIO, "beginning"),
    Action("first-take", "first take", "Make a first take at once.", ("enter",), "welcome", "beginning", 1),
    Action("welcome-models", "models", "The models that could be fetched.", ("m",), "welcome", "beginning", 2),
    Action("welcome-close", "look around", "Go to the desk.", ("escape", "q"), "welcome", "beginning", 3),
    Action("models", "models", "The models here, and fetching what lacks.", ("w g",), STUDIO, "beginning"),
    Action(
        "models-go", "fetch", "Fetch what lacks, or render with what has come.", ("enter",), "models", "beginning", 1
    ),
    Action("models-stop", "stop", "Stop fetching; what has arrived is kept.", ("x",), "models", "beginning", 2),
    Action("models-close", "close", "Close the models.", ("escape", "q"), "models", "beginning", 3),
    # Looks
    Action(
        "settings", "settings", "Everything about this terminal that can be set.", ("f8", "o s"), EVERYWHERE, "looks"
    ),
    Action("next-theme", "theme", "The next theme.", ("o t",), STUDIO, "looks"),
    Action("theme", "theme", "Choose a theme by its name.", ("o T",), STUDIO, "looks"),
    Action("ascii", "ascii", "Draw with plain ASCII, or with Unicode's signs.", ("o a",), STUDIO, "looks"),
    Action("mouse", "mouse", "Leave the mouse to the terminal, or take it back.", ("o m",), STUDIO, "looks"),
    Action("settings-down", "down", "The next setting.", ("j", "down", "tab"), "settings", "looks"),
    Action("settings-up", "up", "The setting before.", ("k", "up", "shift+tab"), "settings", "looks"),
    Action("settings-next", "next", "The next value.", ("l", "right", "space"), "settings", "looks", 2),
    Action("settings-previous", "before", "The value before.", ("h", "left"), "settings", "looks"),
    Action("settings-keep", "keep", "Keep the theme that is tried on.", ("enter",), "settings", "looks", 1),
    Action("settings-close", "close", "Close the settings.", ("escape", "q"), "settings", "looks", 3),
)
"""The table."""

BY_ID: Mapping[str, Action] = MappingProxyType({action.id: action for action in ACTIONS})
