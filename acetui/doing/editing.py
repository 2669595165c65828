"""Caption and lyrics: examples, order, the person's own editor, sections, and what is typed and not applied."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from acetui.doing import Handler
from engine.errors import EngineError

if TYPE_CHECKING:
    from acetui.app import StudioApp
    from acetui.panes.words import WordsPane


def roll(app: StudioApp) -> None:
    """An example takes the place of words and metadata; what was there can be had again."""
    app.writing.roll()
    app.say("An example; nothing is rendered before it is applied.")


def tidy(app: StudioApp) -> None:
    """The text is put in order, and its words stay."""
    from acetui.lyrics.lyric_text import formatted

    pane = _text_here(app)
    pane.put(formatted(pane.text))


def own_editor(app: StudioApp) -> None:
    """The text goes to the person's own editor, which has the terminal until it ends."""
    from textual.app import SuspendNotSupported

    from acetui.looks.terminal_settings import editor_surroundings
    from acetui.own_editor import edited

    pane = _text_here(app)
    app.writing.keep_now()
    try:
        with app.suspend():
            surroundings = editor_surroundings(app.dressing.settings)
            back = edited(pane.text, str(pane.id), lambda command: subprocess.call(command), surroundings)
    except SuspendNotSupported:
        raise EngineError("Another program cannot have this terminal.", "Start acetui in a plain one.") from None
    finally:
        app.refresh(layout=True)
    pane.put(back.text)
    app.say("Taken over from the editor." if back.changed else "Nothing was changed.")


def complete_tag(app: StudioApp) -> None:
    """The rest of a tag that is begun is taken; where none is, the keys go to the next pane."""
    if not app.desk.lyrics.lyrics.complete():
        app.desk.move_focus(1)


def to_section(app: StudioApp, *, back: bool) -> None:
    """The cursor goes to another section."""
    app.desk.lyrics.lyrics.to_section(back=back)


def fold(app: StudioApp) -> None:
    """The song in a line a section; the one that is chosen is gone to."""
    from acetui.lyrics.lyric_text import folded
    from acetui.panes.palette import Entry

    editor = app.desk.lyrics.editor
    found = folded(editor.lines)
    if not editor.text.strip():
        raise EngineError("There are no lyrics yet.", "A section begins with a line such as [Verse].")

    def go(line: int) -> None:
        app.desk.go_to("lyrics")
        editor.move_cursor((line, 0))

    offered = [
        Entry(each.section.title or "beginning", each.words, f"{each.sung} lines", partial(go, each.section.first))
        for each in found
    ]
    app.desk.offer(offered, "which section?")


def next_finding(app: StudioApp) -> None:
    """Goes to the next thing that should be looked at, and says it."""
    found = _text_here(app).next_finding()
    app.say(f"{found.sentence} {found.hint}" if found else "There is nothing to look at.")


def put_away(app: StudioApp) -> None:
    """What is typed and not applied goes; the same again brings it back."""
    before = app.writing.drafting.differs()
    if not app.writing.put_away():
        app.say("Everything that is typed is applied.")
    elif before:
        app.say("What was typed is put away; the same key brings it back.")


async def adopt(app: StudioApp) -> None:
    """Goes on with the draft of a terminal that is gone."""
    draft = await app.writing.adopt()
    if draft is None:
        app.say("There is no draft of another terminal.")
    else:
        app.say(f"The draft of {draft.terminal}, typed on revision {draft.based_on}, is here now.")


def lock_caption(app: StudioApp) -> None:
    """The planner may rewrite the caption, or not."""
    from acetui.recipe.fields_shown import lock_changes

    app.writing.pull()
    changes = lock_changes("caption", app.writing.drafting.recipe(), {}) or {}
    app.writing.put(changes)
    locked = changes.get("use_cot_caption") is False
    app.say("The planner leaves the caption as it is." if locked else "The planner may rewrite the caption.")


def _text_here(app: StudioApp) -> WordsPane:
    """The text that the keys go to, else the caption."""
    from acetui.panes.words import WordsPane

    here = app.desk.pane_here()
    return here if isinstance(here, WordsPane) else app.desk.caption


HANDLERS: Mapping[str, Handler] = {
    "dice": roll,
    "format": tidy,
    "own-editor": own_editor,
    "complete-tag": complete_tag,
    "next-section": lambda app: to_section(app, back=False),
    "previous-section": lambda app: to_section(app, back=True),
    "sections": fold,
    "next-finding": next_finding,
    "put-draft-away": put_away,
    "adopt-draft": adopt,
    "lock-caption": lock_caption,
}
