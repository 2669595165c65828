"""Is a take what its record says? It is rendered again from what is stored, and the samples are compared by hash."""

from __future__ import annotations

import contextlib
import itertools
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any

from engine.errors import EngineError
from engine.file_names import INDEX
from engine.protocol import Output, TakeEvent
from sessions.crew import Crew
from sessions.take import Take

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "engine": "another version of the engine may compute in another order",
        "torch": "another version of torch may compute in another order",
        "models": "other weights make other music",
        "settings": "a model with other settings makes other music",
        "profile": "another model makes other music",
        "adapters": "another adapter makes other music",
        "device": "another device rounds in its own way",
        "dtype": "another precision rounds in its own way",
        "quantization": "quantised weights are other weights",
        "threads": "sums over another number of threads are rounded in another order",
        "instruction_set": "another instruction set rounds in its own way",
        "passes": "guidance in two passes is rounded in another way than in one",
        "lanes": "takes that are sampled together are rounded in another way than takes alone",
    }
)
"""Why the samples may differ where a field of the identity does."""

_NEVER = ("models", "settings", "profile", "quantization")
"""Where these differ, the same samples cannot come out: rendering would be a waste."""

_LEFT_OUT = ("quantization", "passes")
"""What an identity does not have where it is as it is usually."""

_jobs = itertools.count(1)


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What came of it. ``identical`` is None where nothing could be compared; ``reason`` is a sentence.

    ``differs`` names the hashes that are not the same, ``identity`` the fields of the identity that are not, each with
    what it was and what it is now.
    """

    number: int
    identical: bool | None
    reason: str
    differs: tuple[str, ...] = ()
    identity: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)
    """The hashes of what was rendered now."""

    def object(self) -> dict[str, Any]:
        """The outcome as the command line and the API print it."""
        return asdict(self) | {
            "differs": list(self.differs),
            "identity": {name: {"was": was, "now": now} for name, (was, now) in self.identity.items()},
        }


async def verify(take: Take, engine: Crew) -> Verification:
    """Renders ``take`` again on the engine that runs, beside the session, and compares.

    It waits its turn behind what the engine has to do already. Raises what the render raises.
    """
    if not take.hashes:
        reason = "The take does not say what its samples were: it was made by hand, or by an older version."
        return Verification(number=take.number, identical=None, reason=reason)
    now = engine.loaded.identity if engine.ready and engine.loaded else None
    if now is not None and (foreign := _differing(take.identity, now, _NEVER)):
        reason = f"Not rendered: {_because(foreign)}."
        return Verification(number=take.number, identical=False, reason=reason, identity=foreign)
    with tempfile.TemporaryDirectory(prefix="acetui-verify-") as folder:
        return compared(take, await render_again(take, engine, folder, format="wav16"))


def compared(take: Take, made: Mapping[str, Any]) -> Verification:
    """``take`` beside the engine's take object of another render of it."""
    differs = tuple(
        name for name, value in take.hashes.items() if name in made["hashes"] and made["hashes"][name] != value
    )
    identity = _differing(take.identity, made["identity"], (*REASONS,))
    return Verification(
        number=take.number,
        identical=not differs if take.hashes else None,
        reason=_reason(differs, identity, made["identity"]),
        differs=differs,
        identity=identity,
        hashes=made["hashes"],
    )


async def render_again(take: Take, engine: Crew, folder: str, *, format: str) -> Mapping[str, Any]:
    """The engine's take object of the same take, its files in ``folder``; made in a batch of the same width."""
    lanes = max(1, take.layout.get("lanes", 1))
    place = take.layout.get("index", 0) % lanes
    retake = list(take.request.get("retake_seed") or [])[:1]
    request = {
        **take.request,
        "batch_size": lanes,
        "seed": take.seed,
        "seeds": [take.seed] * lanes,
        "retake_seed": retake * lanes,
        "use_random_seed": False,
    }
    output = Output(folder, INDEX, format, keep_latents=True)
    made: Mapping[str, Any] | None = None
    async with contextlib.aclosing(engine.render(f"again-{next(_jobs)}", request, output)) as events:
        async for event in events:
            if isinstance(event, TakeEvent) and event.take["layout"]["index"] == place:
                made = event.take
    if made is None:
        raise EngineError(f"Take {take.number} was rendered again, and nothing came out.", "Look at the studio's log.")
    return made


def _differing(was: Mapping[str, Any], now: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, tuple[Any, Any]]:
    told = [name for name in names if name in was or name in _LEFT_OUT]
    return {name: (was.get(name), now.get(name)) for name in told if was.get(name) != now.get(name)}


def _reason(differs: tuple[str, ...], identity: Mapping[str, tuple[Any, Any]], now: Mapping[str, Any]) -> str:
    if not differs:
        return f"Identical, although not everything is as it was: {', '.join(identity)}." if identity else "Identical."
    if identity:
        return f"It differs, as it may: {_because(identity)}."
    if now.get("dtype") == "float32" and now.get("instruction_set"):
        return "It differs, and nothing of its identity does: its files, or the machine, are not to be trusted."
    return "It differs, as it may: on this device and in this precision the same samples are not promised."


def _because(identity: Mapping[str, tuple[Any, Any]]) -> str:
    return ", and ".join(REASONS[name] + _change(*identity[name]) for name in identity)


def _change(was: Any, now: Any) -> str:
    plain = not isinstance(was, Mapping | list) and not isinstance(now, Mapping | list)
    return f" ({was or 'none'} then, {now or 'none'} now)" if plain else ""
