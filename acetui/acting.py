"""An app whose actions come from the table: it does them, says what came of them, and asks what it has to know.

Nothing of a studio is known here.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, cast

from textual.app import App

from acetui.doing import handler
from engine.errors import EngineError

if TYPE_CHECKING:
    from acetui.app import StudioApp
    from acetui.screens.desk import Desk

_log = logging.getLogger(__name__)


class ActingApp(App[str | None], inherit_bindings=False):
    """The half of ``StudioApp`` that people work with."""

    @property
    def desk(self) -> Desk:
        """The main screen, also while another one lies over it."""
        return cast("Desk", self.screen_stack[0])

    def perform(self, action_id: str) -> None:
        """Does one action of the table."""
        try:
            outcome = handler(action_id)(cast("StudioApp", self))
        except EngineError as error:
            self.complain(error)
            return
        except Exception as error:
            self._unexpected(error)
            return
        if inspect.isawaitable(outcome):
            self.run_worker(self.finish(outcome), name=action_id, exit_on_error=False)

    async def finish(self, outcome: Awaitable[None]) -> None:
        """Waits for what an action does; what goes wrong with it is told."""
        try:
            await outcome
        except EngineError as error:
            self.complain(error)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self._unexpected(error)

    def _unexpected(self, error: Exception) -> None:
        """An action has a fault. The terminal goes on: what is typed and what plays are worth more than a trace."""
        _log.exception("an action failed")
        self.complain(EngineError(f"That failed unexpectedly: {type(error).__name__}: {error}.", "Please report it."))

    def write_to_terminal(self, sequence: str) -> None:
        """Writes what is no part of the picture, such as text for the clipboard."""
        if self._driver is not None:
            self._driver.write(sequence)

    def say(self, message: str) -> None:
        """Tells something in the last line, until the next key."""
        self.desk.say(message)
        self._note(message)

    def complain(self, error: EngineError | str, hint: str = "") -> None:
        """Tells what went wrong and what to do, in the last line until the next key, and in the log."""
        error = error if isinstance(error, EngineError) else EngineError(error, hint)
        self.desk.complain(error)
        self._note(str(error), warning=True)

    def _note(self, words: str, *, warning: bool = False) -> None:
        """Says it on the screen that lies over the desk as well."""
        note = getattr(self.screen, "note", None)
        if note is not None:
            note.say(words, warning=warning)

    async def ask_line(
        self,
        question: str,
        initial: str = "",
        *,
        typing: Callable[[str], None] | None = None,
        complete: Callable[[str], str | None] | None = None,
    ) -> str | None:
        """What a person types to a question in the last line; None where they do not answer."""
        return await self.desk.ask_line(question, initial, typing, complete)

    async def confirm(self, question: str) -> bool:
        """Whether a person says yes."""
        answer = await self.desk.ask_line(f"{question} (y or n)")
        return answer is not None and answer.strip().lower() in ("y", "yes")
