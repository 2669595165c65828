"""What can be asked for: every published parameter by its published name (facts: parameters.md 1 and 2)."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from engine import advice, readers, resolve, values
from engine.errors import InvalidRequest
from engine.fields import Field, shown, spec
from engine.readers import Adapter
from engine.request_sampling import SamplingFields
from engine.tasks import TASKS
from engine.values import BPM, HIGHEST_SEED, INSTRUMENTAL, LARGEST_BATCH, SHORTEST_SECONDS, TRAINED_SECONDS

if TYPE_CHECKING:
    from engine.profiles import Profile

_BPM: dict[str, Any] = {"low": BPM[0], "high": BPM[1], "unit": "beats a minute"}
_KEYSCALE: dict[str, Any] = {
    "wants": "it must be a key such as 'F# minor', 'Bb major' or 'Am'",
    "read": readers.keyscale,
}
_TIME_SIGNATURE: dict[str, Any] = {
    "choices": tuple(values.TIME_SIGNATURES),
    "wants": "it must be one of 2, 3, 4, 6 (2/4, 3/4, 4/4, 6/8)",
    "read": readers.time_signature,
}
_LANGUAGE: dict[str, Any] = {"choices": tuple(values.LANGUAGES), "read": readers.language}
_DURATION: dict[str, Any] = {
    "low": SHORTEST_SECONDS,
    "high": TRAINED_SECONDS[1],
    "unit": "seconds",
    "wants": f"it must be from {SHORTEST_SECONDS:g} to {TRAINED_SECONDS[1]:g} seconds, or 0 or less for automatic",
    "read": readers.duration,
}
_PLACE: dict[str, Any] = {"low": -TRAINED_SECONDS[1], "high": TRAINED_SECONDS[1], "unit": "seconds"}
_LENGTH: dict[str, Any] = {"low": 0, "high": TRAINED_SECONDS[1], "unit": "seconds"}
_SHARE: dict[str, Any] = {"low": 0, "high": 1}
_SEED: dict[str, Any] = {"low": -1, "high": HIGHEST_SEED}


@dataclass(frozen=True, kw_only=True)
class Request(SamplingFields):
    """One render, immutable and checked: a value outside its range raises InvalidRequest and nothing else does.

    None means that the model's profile or the planner decides. ``FIELDS`` describes every field.
    """

    task_type: str = spec("text2music", group="task", help="What to make.", choices=tuple(TASKS))
    instruction: str = spec("", group="task", help="Replaces the task's own instruction to the model.")
    track: str | None = spec(
        None, group="task", help="The track to extract or add.", choices=values.TRACKS, read=readers.track
    )
    tracks: tuple[str, ...] = spec(
        (), group="task", help="The tracks to complete with.", choices=values.TRACKS, read=readers.tracks
    )

    caption: str = spec("", group="words", help="How the music should sound: style, instruments, mood, voice.")
    global_caption: str = spec("", group="words", help="The whole song's caption, for models made for lego with words.")
    lyrics: str = spec("", group="words", help="What is sung, with structure tags such as [Verse] and [Chorus].")
    instrumental: bool = spec(False, group="words", help="No voice: sets the lyrics to [Instrumental].")

    bpm: int | None = spec(None, group="metadata", help="Tempo.", **_BPM)
    keyscale: str | None = spec(None, group="metadata", help="Key, such as 'F# minor'.", **_KEYSCALE)
    timesignature: str | None = spec(None, group="metadata", help="Beats in a bar: 2, 3, 4 or 6.", **_TIME_SIGNATURE)
    vocal_language: str = spec(
        values.UNKNOWN_LANGUAGE, group="metadata", help="Language of the lyrics, such as en.", **_LANGUAGE
    )
    duration: float | None = spec(None, group="metadata", help="Length of the music.", **_DURATION)

    reference_audio: str | None = spec(
        None,
        group="sources",
        help="Audio whose sound is imitated: a path or a source's hash.",
        read=readers.text_or_none,
    )
    more_reference_audio: tuple[str, ...] = spec(
        (),
        group="sources",
        help="Further audio whose sound is imitated.",
        wants="it must be a list of paths or hashes",
        read=readers.paths,
    )
    src_audio: str | None = spec(
        None,
        group="sources",
        help="Audio to work on: a path, a source's hash, or 'take:7' in a session.",
        read=readers.text_or_none,
    )
    src_latents: str | None = spec(
        None, group="sources", help="The latents that src_audio was decoded from: a path.", read=readers.text_or_none
    )
    next_audio: str | None = spec(
        None, group="sources", help="Audio to join behind src_audio by a repaint.", read=readers.text_or_none
    )
    next_latents: str | None = spec(
        None, group="sources", help="The latents that next_audio was decoded from: a path.", read=readers.text_or_none
    )
    next_gap: float = spec(0.0, group="sources", help="Time between the two.", **_LENGTH)
    audio_codes: tuple[int, ...] = spec(
        (),
        group="sources",
        low=0,
        high=values.HIGHEST_CODE,
        help="Audio codes to follow, 5 a second.",
        read=values.parse_codes,
    )
    repainting_start: float = spec(0.0, group="sources", help="Start of the region; below 0 prepends.", **_PLACE)
    repainting_end: float = spec(
        -1.0, group="sources", help="End of the region; below 0 is the source's end.", **_PLACE
    )
    repaint_mode: str = spec(
        "balanced",
        group="sources",
        choices=("conservative", "balanced", "aggressive"),
        help="How closely a repaint holds on to its surroundings.",
    )
    repaint_strength: float = spec(
        0.5, group="sources", help="How far a balanced repaint may leave its surroundings.", **_SHARE
    )
    repaint_latent_crossfade_frames: int | None = spec(
        None,
        group="sources",
        low=0,
        high=250,
        unit="frames",
        help="Overrides the latent crossfade of the repaint mode.",
    )
    repaint_wav_crossfade_sec: float | None = spec(
        None,
        group="sources",
        low=0,
        high=10,
        unit="seconds",
        help="Overrides the audible crossfade of the repaint mode.",
    )
    chunk_mask_mode: str = spec(
        "auto", group="sources", choices=("auto", "explicit"), help="How the region is marked for the model."
    )
    crop_start: float = spec(0.0, group="sources", help="Where a crop begins.", **_LENGTH)
    crop_end: float = spec(-1.0, group="sources", help="Where it ends; below 0 is the source's end.", **_PLACE)
    fade_in: float = spec(0.0, group="sources", help="How long a crop fades in.", **_LENGTH)
    fade_out: float = spec(0.0, group="sources", help="How long it fades out.", **_LENGTH)
    audio_cover_strength: float = spec(
        1.0, group="sources", help="For how much of the steps a cover follows its source.", **_SHARE
    )
    cover_noise_strength: float = spec(
        0.0, group="sources", help="How much of the source's sound itself a cover starts from.", **_SHARE
    )
    flow_edit_morph: bool = spec(False, group="sources", help="Changes the source from one description to another.")
    flow_edit_source_caption: str = spec("", group="sources", help="What the source sounds like now.")
    flow_edit_source_lyrics: str = spec("", group="sources", help="What is sung in the source now.")
    flow_edit_n_min: float = spec(0.0, group="sources", help="Part of the steps at which editing begins.", **_SHARE)
    flow_edit_n_max: float = spec(1.0, group="sources", help="Part of the steps at which editing ends.", **_SHARE)
    flow_edit_n_avg: int = spec(1, group="sources", low=1, high=100, help="Draws averaged in every editing step.")
    adapters: tuple[Adapter, ...] = spec(
        (),
        group="sources",
        help="LoRA, DoRA or LoKr adapters, each with its scale: warm-tape=0.8.",
        wants='it must be a list of names or paths, or of {"path", "scale"}, with a scale from 0 to 2',
        read=readers.adapters,
    )

    batch_size: int | None = spec(None, group="seeds", low=1, high=LARGEST_BATCH, unit="takes", help="Takes a batch.")
    seed: int = spec(-1, group="seeds", help="Seed of the first take; -1 is random.", **_SEED)
    seeds: tuple[int, ...] = spec((), group="seeds", help="A seed for every take; -1 is random.", **_SEED)
    use_random_seed: bool | None = spec(
        None, group="seeds", help="Fresh seeds, whatever seeds are given; by default only where none is given."
    )
    retake_seed: tuple[int, ...] = spec(
        (), group="seeds", help="Seeds of the noise that is mixed in; -1 is random.", **_SEED
    )
    retake_variance: float = spec(0.0, group="seeds", help="How much of the retake seed's noise is used.", **_SHARE)

    thinking: bool | None = spec(
        None, group="planner", help="Lets the planner write audio codes; where nothing is said, the model decides."
    )
    lm_temperature: float = spec(0.85, group="planner", low=0, high=2, help="How adventurous the planner is.")
    lm_cfg_scale: float = spec(2.0, group="planner", low=1, high=3, help="How strictly the planner follows the words.")
    lm_top_k: int = spec(0, group="planner", low=0, high=100, help="Only the k likeliest codes; 0 is off.")
    lm_top_p: float = spec(0.9, group="planner", help="Only the likeliest codes up to this sum; 1 is off.", **_SHARE)
    lm_repetition_penalty: float = spec(
        1.0, group="planner", low=0.01, high=10, help="Above 1, the planner repeats itself less."
    )
    lm_negative_prompt: str = spec("NO USER INPUT", group="planner", help="What the planner should avoid.")
    lm_use_legacy_cfg_prompt: bool = spec(False, group="planner", help="Guides the planner as older versions did.")
    lm_batch_chunk_size: int = spec(8, group="planner", low=1, high=32, help="Takes that the planner writes at once.")
    allow_lm_batch: bool = spec(True, group="planner", help="Lets the planner write several takes at once.")
    use_constrained_decoding: bool = spec(True, group="planner", help="Holds the planner to valid plans.")
    constrained_decoding_debug: bool = spec(False, group="planner", help="Logs how the planner was held.")
    use_cot_metas: bool = spec(True, group="planner", help="Lets the planner fill in tempo, key, meter and length.")
    use_cot_caption: bool = spec(True, group="planner", help="Lets the planner rewrite the caption.")
    use_cot_language: bool = spec(True, group="planner", help="Lets the planner find the language.")
    use_cot_lyrics: bool = spec(False, group="planner", help="Reserved: lyrics by the planner.")
    plan_seed: int | None = spec(
        None, group="planner", help="Seed of the plan that a batch shares; -1 is random.", **_SEED
    )
    draft_plans: int = spec(
        0, group="planner", low=0, high=32, help="Drafts of codes, of which the best become takes; 0 is off."
    )

    cot_bpm: int | None = spec(None, group="plan", help="The tempo that the planner chose.", **_BPM)
    cot_keyscale: str | None = spec(None, group="plan", help="The key that the planner chose.", **_KEYSCALE)
    cot_timesignature: str | None = spec(
        None, group="plan", help="The meter that the planner chose.", **_TIME_SIGNATURE
    )
    cot_duration: float | None = spec(None, group="plan", help="The length that the planner chose.", **_DURATION)
    cot_vocal_language: str = spec(
        values.UNKNOWN_LANGUAGE, group="plan", help="The language that the planner found.", **_LANGUAGE
    )
    cot_caption: str = spec("", group="plan", help="The caption that the planner wrote.")
    cot_lyrics: str = spec("", group="plan", help="The lyrics that the planner wrote.")

    audio_format: str = spec(
        "flac", group="output", choices=("flac", "wav", "wav32", "mp3", "ogg", "opus"), help="Kind of audio file."
    )
    enable_normalization: bool = spec(True, group="output", help="Brings the loudest sample to a set level.")
    normalization_db: float = spec(-1.0, group="output", low=-60, high=0, unit="dBFS", help="That level.")
    use_tiled_decode: bool = spec(True, group="output", help="Decodes in tiles, which needs less memory.")
    auto_score: bool = spec(False, group="output", help="The published interface's scoring switch.")
    score_scale: float = spec(0.5, group="output", low=0.01, high=1, help="The published interface's scoring scale.")
    auto_lrc: bool = spec(False, group="output", help="The published interface's switch for timed lyrics.")
    autogen: bool = spec(False, group="output", help="The published interface's switch for the endless loop.")

    def __post_init__(self) -> None:
        """Brings every field to its stored form, then looks at fields that depend on each other."""
        for name, field in FIELDS.items():
            object.__setattr__(self, name, field.clean(getattr(self, name)))
        if self.instrumental:
            object.__setattr__(self, "lyrics", INSTRUMENTAL)
        self._check_order("cfg_interval_start", "cfg_interval_end")
        self._check_order("flow_edit_n_min", "flow_edit_n_max")
        self._check_region()
        if self.batch_size is None and len(self.seeds) > LARGEST_BATCH:
            raise FIELDS["seeds"].refusal(self.seeds, f"it must hold at most {LARGEST_BATCH} seeds, one for each take")

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Self:
        """The request that a JSON or TOML table describes; raises InvalidRequest for anything else."""
        if not isinstance(raw, Mapping):
            raise InvalidRequest(
                "A request must be a table of names and values.", "For example {'caption': 'warm jazz'}."
            )
        _check_names(raw)
        return cls(**raw)

    def to_dict(self) -> dict[str, Any]:
        """Every field as JSON types; ``from_dict`` gives the same request back."""
        return {name: field.dump(getattr(self, name)) for name, field in FIELDS.items()}

    def replace(self, **changes: Any) -> Self:
        """This request with other values; raises InvalidRequest as the constructor does."""
        _check_names(changes)
        return dataclasses.replace(self, **changes)

    def resolved(self, profile: Profile, *, seeds: Sequence[int] | None = None, batch_size: int = 1) -> Request:
        """This request with everything settled that can be before the planner runs: see ``engine.resolve``."""
        return resolve.resolved(self, profile, seeds=seeds, batch_size=batch_size)

    def warnings(self, profile: Profile) -> list[tuple[str, str]]:
        """(field, sentence) for values that are allowed but untrained, or without effect with this model."""
        return advice.warnings(self, profile)

    def _check_order(self, first: str, last: str) -> None:
        if getattr(self, first) > getattr(self, last):
            raise FIELDS[first].refusal(getattr(self, first), f"it must not be above {last}, {getattr(self, last):g}")

    def _check_region(self) -> None:
        if 0 <= self.repainting_end <= self.repainting_start:
            reason = f"it must lie after repainting_start, {self.repainting_start:g} seconds, or below 0 for the end"
            raise FIELDS["repainting_end"].refusal(self.repainting_end, reason)


GROUPS = (
    "task",
    "words",
    "metadata",
    "sources",
    "seeds",
    "sampling",
    "guidance",
    "planner",
    "plan",
    "output",
)
"""The groups of fields in their order."""

_declared = sorted(dataclasses.fields(Request), key=lambda field: GROUPS.index(field.metadata["group"]))
FIELDS: Mapping[str, Field] = MappingProxyType({field.name: Field.of(field) for field in _declared})
"""Every field in the order of a recipe: what flags, panes and the API's description are made from."""


def _check_names(raw: Mapping[Any, Any]) -> None:
    """Raises InvalidRequest for the first name that is no field's, with the nearest that is."""
    for name in raw:
        if name not in FIELDS:
            near = get_close_matches(name[:60], FIELDS, n=1, cutoff=0) if isinstance(name, str) else ()
            hint = f"The nearest known name is '{near[0]}'." if near else "Names are text, such as 'caption'."
            raise InvalidRequest(f"No field is called {shown(name)}.", hint)
