"""Why what plays is not heard: a device is opened beside everything else, and it takes a moment to know."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from acetui.player.player import Player
    from engine.errors import EngineError

OPENING_SECONDS = 2.0
"""How long a sound device may take to open before it is believed that it will."""

_LOOK_SECONDS = 0.05


async def silence_of(player: Player | None) -> EngineError | None:
    """Why a player is not heard, once that is known; None where it is, or plays nothing."""
    if player is None:
        return None
    for _ in range(round(OPENING_SECONDS / _LOOK_SECONDS)):
        heard = player.look()
        if player.silence is not None or heard.output or not heard.playing:
            break
        await asyncio.sleep(_LOOK_SECONDS)
    return player.silence
