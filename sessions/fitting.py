"""Whether a recipe fits into the memory of what renders it, before it is rendered. torch is not needed for it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from engine.allowance import Kind, Residence, allowance
from engine.cards import GB, Card, card_for, simulated_gb
from engine.checkpoints import find_models, open_planner
from engine.errors import EngineError
from engine.memory import APPLE_SHARE, Cards, available_bytes, memory_bytes
from engine.outfit import Outfit, outfit, residence_of
from engine.preflight import Need, Sizes, Wish, most_takes, need
from engine.profiles import Profile, profile_for
from engine.tasks import TASKS
from sessions.memory_watch import resident_bytes


@dataclass(frozen=True)
class Room:
    """The memory that a device has: bytes in all, and what this program could have of it."""

    kind: Kind
    total: int
    free: int
    capability: tuple[int, int] | None = None
    crowd: str = ""
    """Who else has most of a card (``Card.crowd``)."""


@dataclass(frozen=True)
class Fit:
    """What a batch needs against what there is. ``most`` is the largest batch of such takes that fits."""

    takes: int
    need: Need
    room: Room
    most: int
    residence: Residence

    @property
    def fits(self) -> bool:
        """Whether it fits into what is free."""
        return self.need.peak <= self.room.free

    @property
    def possible(self) -> bool:
        """Whether it fits where nobody else has anything."""
        return self.need.peak <= self.room.total

    @property
    def crowd(self) -> str:
        """Who else has most of the card; empty where nobody has."""
        return self.room.crowd

    @property
    def sentence(self) -> str:
        """In words: ``fits: batch 4, 3.1 of 8 GB``."""
        sizes = f"{self.need.gb:.1f} of {self.room.total / GB:.1f} GB"
        if self.fits:
            return f"fits: batch {self.takes}, {sizes}"
        if self.most:
            return f"does not fit: batch {self.takes} needs {sizes}; batch {self.most} fits"
        return f"does not fit: it needs {sizes}, and {self.room.free / GB:.1f} GB are free"

    def object(self) -> dict[str, Any]:
        """As JSON has it; sizes in tenths of 2**30 bytes."""
        return {
            "fits": self.fits,
            "takes": self.takes,
            "most_takes": self.most,
            "need_gb": round(self.need.gb, 1),
            "free_gb": round(self.room.free / GB, 1),
            "total_gb": round(self.room.total / GB, 1),
            "models_gb": round(self.need.models / GB, 1),
            "stage": self.need.stage,
            "residence": self.residence,
            "sentence": self.sentence,
        }


def room_of(
    device: str, cards: tuple[Card, ...], *, env: Mapping[str, str] | None = None, pid: int | None = None
) -> Room:
    """The memory of what ``device`` means; what the engine ``pid`` has of it is free for the next batch."""
    card, size = card_for(device, cards, env), simulated_gb(env)
    if card is not None and card.total:
        card = card.sized(size)
        total, free = card.total or 0, card.free if card.free is not None else card.total or 0
        others = card.crowd(() if pid is None else (pid,))
        return Room("cuda", total, min(total, free + _ours(card, pid)), card.capability, others)
    if size is not None and device != "cpu":
        return Room("cuda", int(size * GB), int(size * GB))
    mps = device == "mps" or (device == "auto" and sys.platform == "darwin")
    share = APPLE_SHARE if mps else 1.0
    total, ours = int(memory_bytes() * share), (resident_bytes(pid) or 0) if pid is not None else 0
    return Room("mps" if mps else "cpu", total, min(total, available_bytes() + ours))


def _ours(card: Card, pid: int | None) -> int:
    """What the engine has of a card. A driver that does not tell who has what is taken to mean this engine."""
    if pid is None:
        return 0
    told = next((tenant.used for tenant in card.tenants if tenant.pid == pid), None)
    return told if told is not None else (card.used or 0) if not card.tenants else 0


def fit(
    options: Mapping[str, Any],
    request: Mapping[str, Any],
    cards: Cards,
    *,
    pid: int | None = None,
    env: Mapping[str, str] | None = None,
) -> Fit:
    """For the models that ``options`` choose, as an engine is told to load them, and a request's fields.

    What the engine ``pid`` has already counts as free. Raises BadCheckpoint where the models are not there.
    """
    device = str(options.get("device") or "auto")
    found = () if device in ("cpu", "mps") else cards.look()
    room = room_of(device, found, env=env, pid=pid)
    sizes, profile, fitted = _sizes(
        str(find_models(options.get("models"), env)),
        options.get("dit"),
        options.get("lm"),
        options.get("lm_draft"),
        options.get("dtype"),
        options.get("quantization"),
        room.kind,
        round(room.total / GB, 1),
        room.capability,
    )
    wish = wish_of(request, profile, planner=fitted.planner_on, passes=int(options.get("guidance_passes") or 1))
    residence = residence_of(fitted, options.get("offload"), options.get("offload_dit"), room.kind)
    needed, most = need(sizes, wish, residence), most_takes(sizes, wish, room.free, residence)
    return Fit(wish.takes, needed, room, most, residence)


@lru_cache(maxsize=8)
def _sizes(
    root: str,
    dit: str | None,
    lm: str | None,
    lm_draft: str | None,
    dtype: str | None,
    quantization: str | None,
    kind: Kind,
    gb: float,
    capability: tuple[int, int] | None,
) -> tuple[Sizes, Profile, Outfit]:
    """The sizes of a set, its profile, and what it is used for here; configs alone are read."""
    allowed = allowance(kind, gb, capability)
    fitted = outfit(root, dit, lm, allowed, quantization)
    profile = fitted.bound(profile_for(fitted.models.dit.name, fitted.models.dit.config))
    sizes = Sizes.of(fitted.models, kind, dtype or allowed.dtype, fitted.quantization, allowed.tile)
    draft = open_planner(root, lm_draft).config if lm_draft else None
    return replace(sizes, draft=draft), profile, fitted


def wish_of(request: Mapping[str, Any], profile: Profile, *, planner: bool, passes: int = 1) -> Wish:
    """What of a request memory depends on, with the profile's values where it says nothing."""
    seeds = request.get("seeds") or ()
    scale = profile.guidance_scale if profile.guidance_fixed else request.get("guidance_scale")
    task = TASKS[str(request.get("task_type") or "text2music")]
    thinks = planner and request.get("thinking") is not False
    plans = thinks and task.planner == "codes" and not request.get("audio_codes")
    return Wish(
        takes=int(request.get("batch_size") or len(seeds) or profile.at_once or 1),
        seconds=float(request.get("duration") or profile.duration),
        guided=(profile.guidance_scale if scale is None else float(scale)) > 1.0,
        planner=bool(plans),
        source=bool(request.get("reference_audio")) or (task.needs_source and not request.get("audio_codes")),
        split=all(float(request.get(name) or 0.0) > 1 for name in ("guidance_scale_text", "guidance_scale_lyric")),
        words=_words(request),
        passes=passes,
    )


def _words(request: Mapping[str, Any]) -> int:
    """About how many tokens a planner has read and written before the codes: three letters make one.

    What it writes of its own is a caption, again, and the song's numbers.
    """
    caption, lyrics = (len(str(request.get(name) or "")) for name in ("caption", "lyrics"))
    return _PLAN + (max(2 * caption, _CAPTION) + lyrics) // 3


_PLAN, _CAPTION = 160, 400
"""Tokens around a plan, and letters of a caption, read and written, at least."""


def refusal(fit: Fit) -> EngineError | None:
    """Why a batch that cannot fit here is not begun; None where it may be tried."""
    if fit.possible:
        return None
    less = (
        f"A batch of {fit.most} fits: --batch {fit.most}." if fit.most else "Make it shorter, or take a smaller model."
    )
    return EngineError(f"This needs about {fit.need.gb:.1f} GB, and there are {fit.room.total / GB:.1f} GB here.", less)
