"""The messages between an engine process and whoever drives it. No torch here: both ends import this module.

One message is one line: a JSON object in UTF-8, ended by a newline. ``type`` says which message it is; ``id``, chosen
by the parent, says which job it belongs to. The same words in prose, with examples, are in docs/engine-protocol.md:
any program that speaks them can stand where ``engine.host`` stands.

====================  ==========================================================================================
parent to engine      what it asks for
====================  ==========================================================================================
``load``              make a model ready; answered by ``loaded``
``render``            takes of one request, written as files; answered by one ``take`` each and then ``done``
``write``             words: a plan, a sample, a polish, or what music says; answered by ``written``
``cancel``            stop the job ``id`` at its next step; that job ends with an ``error`` of the kind "cancelled"
``ping``              answered by ``pong`` at once, also while a job runs
``shutdown``          stop at the next step and exit; closing the engine's standard input means the same
====================  ==========================================================================================

====================  ==========================================================================================
engine to parent      what it says
====================  ==========================================================================================
``hello``             the first line, before anything heavy is imported
``loaded``            the model is ready
``progress``          a stage of the job moved on
``take``              one take is on disk, whole
``written``           what the planner wrote
``notice``            something a person should know that is not an error
``error``             the job ended without its result; without ``id``: a line that could not be understood
``done``              the job ended well
``pong``              the answer to ``ping``
====================  ==========================================================================================

Every ``load``, ``render`` and ``write`` ends with exactly one of ``loaded``, ``done``, ``written`` or ``error``.
Parsing is strict: an unknown type, a missing, unknown or mistyped field is a :class:`ProtocolError`, never a guess.
"""

from __future__ import annotations

import json
import typing
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar

from engine.errors import BadCheckpoint, Cancelled, EngineError, InvalidRequest, OutOfMemory, RenderFailed
from engine.strict_json import Mismatch, brief, build, parse_object

PROTOCOL_VERSION = 4
MAX_LINE = 16 * 2**20
"""Bytes that a line may have at most, newline included; longer lines are refused, not read."""

TAKE_KEYS = (
    *("id", "number", "name", "seed", "duration", "score", "parts", "faults", "verdict", "parent", "operation"),
    *("revision", "files", "request", "gain", "loudness", "hashes", "timings", "identity", "layout"),
)
"""What a take object has at least. ``number``, ``score``, ``parent`` and ``revision`` are for a session to fill in."""


ERROR_KINDS: Mapping[str, type[EngineError]] = MappingProxyType(
    {
        "failed": RenderFailed,
        "out_of_memory": OutOfMemory,
        "invalid": InvalidRequest,
        "missing": BadCheckpoint,
        "cancelled": Cancelled,
    }
)
"""What an ``error`` can be about, for programs, and the exception that it becomes."""


class ProtocolError(EngineError):
    """A line that is not a message. ``id`` is the job it named, where that much could be read."""

    def __init__(self, error: str, *, id: str | None = None) -> None:
        super().__init__(error, "docs/engine-protocol.md describes the messages.")
        self.id = id


@dataclass(frozen=True)
class Message:
    """What all messages share: a ``type`` on the wire, and the way there."""

    type: ClassVar[str]

    def to_json(self) -> str:
        """One line without its newline; ProtocolError for a value that JSON has no form for, such as NaN."""
        try:
            return json.dumps({"type": self.type, **asdict(self)}, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as cause:
            raise ProtocolError(f"The '{self.type}' message has a value that JSON cannot carry: {cause}.") from cause


@dataclass(frozen=True)
class Load(Message):
    """Make a model ready, in place of the one that is loaded if anything here differs from it.

    ``models`` is a checkpoints folder, ``dit`` and ``lm`` are names in it; null leaves the choice to the engine.
    """

    type: ClassVar[str] = "load"
    id: str
    models: str | None = None
    dit: str | None = None
    lm: str | None = None
    device: str = "auto"
    dtype: str | None = None
    threads: int | None = None
    offload: bool | None = None
    """Whether text encoder, VAE and planner are in memory only while they work; null is as the device needs it."""

    offload_dit: bool | None = None
    """Whether the music model's layers are on the card only while each of them works; null is as the card needs it."""

    guidance_passes: int | None = None
    """2 has what guidance pulls away from computed after what is asked for, and not beside it; null is 1."""

    quantization: str | None = None
    """How the music model's weights are kept: a published method, ``none``, or null for what the device needs."""

    lm_draft: str | None = None
    """A smaller planner that writes codes ahead of the planner, which checks them; null is none."""


@dataclass(frozen=True)
class Output:
    """Where a render's files go: ``folder`` must exist, ``stem`` is the file name without its suffix.

    ``{seed}`` in ``stem`` becomes the take's seed and ``{index}`` its position in the batch; a render of several takes
    needs one of them. ``tags`` are added to the tags that the engine writes itself. ``keep_latents`` writes
    ``<stem>.safetensors`` beside the audio. ``names`` are what the recipe inside the audio has in place of paths of the
    request: a file may travel, and where it was made is nobody's business.
    """

    folder: str
    stem: str
    format: str = "flac"
    overwrite: bool = False
    keep_latents: bool = False
    tags: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Render(Message):
    """Render one request: published parameter names to values, as ``Request.from_dict`` reads them."""

    type: ClassVar[str] = "render"
    id: str
    request: dict[str, Any]
    output: Output


@dataclass(frozen=True)
class Write(Message):
    """One of the planner's jobs: plan, sample, format or understand.

    ``request`` has published parameters: what is asked for and set, and how adventurous to be. ``query`` is the
    sentence of a sample. ``source`` is a file to understand; without one it is the request's ``audio_codes``.
    """

    type: ClassVar[str] = "write"
    id: str
    job: str
    request: dict[str, Any] = field(default_factory=dict)
    query: str = ""
    source: str | None = None


@dataclass(frozen=True)
class Cancel(Message):
    """Stop the job ``id``. A job that has ended, or never was, is no error: the two may cross on the way."""

    type: ClassVar[str] = "cancel"
    id: str


@dataclass(frozen=True)
class Ping(Message):
    """Are you there?"""

    type: ClassVar[str] = "ping"
    id: str


@dataclass(frozen=True)
class Shutdown(Message):
    """Stop what runs at its next step, drop what waits, and exit."""

    type: ClassVar[str] = "shutdown"


@dataclass(frozen=True)
class Hello(Message):
    """The engine's first line. A parent refuses another ``protocol`` than its own."""

    type: ClassVar[str] = "hello"
    protocol: int
    engine: str
    version: str
    pid: int
    capabilities: tuple[str, ...] = ()


@dataclass(frozen=True)
class Loaded(Message):
    """The model is ready: its profile (defaults and limits) and the identity that every take of it will carry."""

    type: ClassVar[str] = "loaded"
    id: str
    profile: dict[str, Any]
    identity: dict[str, Any]
    seconds: float
    planner: str | None = None
    """The name of the planner that is there, loaded once it is wanted."""

    offload: bool | None = None
    """Whether text encoder, VAE and planner are in memory only while they work; null where nobody knows."""

    saving: dict[str, Any] = field(default_factory=dict)
    """All that is done to save memory, by the names of what ``load`` is told; empty where nobody knows."""


@dataclass(frozen=True)
class ProgressEvent(Message):
    """``done`` of ``total`` in a stage: load, conditions, planner, sampling, decode or write.

    ``take`` is the position in the batch where a stage works on one take alone.
    """

    type: ClassVar[str] = "progress"
    id: str
    stage: str
    done: int
    total: int
    take: int | None = None


@dataclass(frozen=True)
class TakeEvent(Message):
    """One take, complete on disk before this line is sent; an object with at least :data:`TAKE_KEYS`."""

    type: ClassVar[str] = "take"
    id: str
    take: dict[str, Any]

    def __post_init__(self) -> None:
        missing = [key for key in TAKE_KEYS if key not in self.take]
        if missing:
            raise ProtocolError(f"A take object lacks {', '.join(missing)}.", id=self.id)


@dataclass(frozen=True)
class Notice(Message):
    """Words for the person about a job, or about the engine where ``id`` is null."""

    type: ClassVar[str] = "notice"
    text: str
    id: str | None = None


@dataclass(frozen=True)
class ErrorEvent(Message):
    """The job ``id`` ended without its result; ``kind`` is one of :data:`ERROR_KINDS`."""

    type: ClassVar[str] = "error"
    error: str
    kind: str = "failed"
    hint: str = ""
    field: str | None = None
    id: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in ERROR_KINDS:
            raise ProtocolError(f"There is no error of the kind {brief(self.kind)}.", id=self.id)

    @classmethod
    def of(cls, error: EngineError, id: str | None = None) -> ErrorEvent:
        """The message that carries ``error``."""
        if isinstance(error, OutOfMemory):
            kind = "out_of_memory"
        else:  # the other kinds are told apart by what the command line would exit with
            kind = next((name for name, each in ERROR_KINDS.items() if each.exit_code == error.exit_code), "failed")
        return cls(error.error, kind, error.hint, error.field, id)

    def to_exception(self) -> EngineError:
        """The exception that was carried; its class follows the kind."""
        if self.kind == "cancelled":
            return Cancelled(self.error, self.hint)
        return ERROR_KINDS[self.kind](self.error, self.hint, field=self.field)


@dataclass(frozen=True)
class Done(Message):
    """The job ended well; ``summary`` has ``takes`` and ``seconds`` for a render."""

    type: ClassVar[str] = "done"
    id: str
    summary: dict[str, Any]


@dataclass(frozen=True)
class Written(Message):
    """What the planner wrote: ``plan`` has published names, and ``codes``."""

    type: ClassVar[str] = "written"
    id: str
    plan: dict[str, Any]


@dataclass(frozen=True)
class Pong(Message):
    """I am here."""

    type: ClassVar[str] = "pong"
    id: str


Command = Load | Render | Write | Cancel | Ping | Shutdown
Event = Hello | Loaded | ProgressEvent | TakeEvent | Notice | ErrorEvent | Done | Written | Pong

_MESSAGES: Mapping[str, type[Message]] = {
    message.type: message for message in (*typing.get_args(Command), *typing.get_args(Event))
}


def cancelled(takes: int) -> Cancelled:
    """What a render that was stopped ends with, after ``takes`` of its takes were finished."""
    if not takes:
        return Cancelled()
    return Cancelled(hint="The take that was finished is kept." if takes == 1 else f"{takes} finished takes are kept.")


def parse(line: bytes | str) -> Message:
    """The message on ``line``; ProtocolError for everything that is not exactly one message."""
    try:
        raw = parse_object(line)
    except Mismatch as mismatch:
        raise ProtocolError(f"A line is not a message: {mismatch}.") from None
    job = raw.get("id")
    job = job if isinstance(job, str) else None
    name = raw.pop("type", None)
    kind = _MESSAGES.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ProtocolError(f"There is no message of the type {brief(name)}.", id=job)
    try:
        return build(kind, raw)
    except Mismatch as mismatch:
        raise ProtocolError(f"The '{name}' message is not well formed: {mismatch}.", id=job) from None
