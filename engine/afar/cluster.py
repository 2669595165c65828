"""A Ray cluster: joined, asked how many engines it has places for, and given engines to run. The one place with Ray."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import engine
from engine.afar.station import Heard, Station
from engine.errors import BadCheckpoint, EngineError

THIS = "ray://auto"
"""The cluster that this machine is a part of, or that RAY_ADDRESS names."""

PLACE_SECONDS = 50.0
"""How long to wait for a machine that has room: less than whoever starts an engine waits for its first word."""

THREADS = 4
"""Calls of an actor that may be under way: one listens while others tell."""


class Cluster:
    """A cluster, joined between ``with`` and the end of the block. Raises EngineError where it cannot be."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._ray: Any = None

    def __enter__(self) -> Self:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody is told of anything
        try:
            import ray
        except ModuleNotFoundError as missing:
            raise BadCheckpoint("Ray is not installed here.", "pip install 'acetui[ray]'.") from missing
        try:
            where = "auto" if self._address == THIS else self._address
            ray.init(address=where, log_to_driver=False, logging_level=logging.ERROR, namespace="acetui")
        except Exception as cause:  # Ray has many names for it
            hint = "Start one with 'ray start --head', and look at it with 'ray status'."
            raise EngineError(f"The Ray cluster at {self._address} cannot be joined.", hint) from cause
        self._ray = ray
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(Exception):
            self._ray.shutdown()

    def places(self) -> int:
        """How many engines there are places for: one a card, and where there is no card, one a machine."""
        return self._cards() or len(self._machines())

    @contextmanager
    def station(self, number: int, command: Sequence[str]) -> Iterator[Afar]:
        """An actor on a machine that has room, with an engine running; ended at the end of the block."""
        options: dict[str, Any] = {"num_cpus": 1, "max_restarts": 0, "max_concurrency": THREADS}
        if self._cards():
            options["num_gpus"] = 1
        else:
            from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

            machines = sorted(self._machines())
            near = NodeAffinitySchedulingStrategy(machines[number % len(machines)], soft=True)
            options["scheduling_strategy"] = near
        actor = self._ray.remote(Station).options(**options).remote(list(command))
        try:
            yield Afar(self._ray, actor)
        finally:
            with contextlib.suppress(Exception):
                self._ray.kill(actor)

    def _cards(self) -> int:
        return int(self._ray.cluster_resources().get("GPU", 0))

    def _machines(self) -> list[str]:
        return [str(node["NodeID"]) for node in self._ray.nodes() if node["Alive"]]


class Afar:
    """A station of another machine. ``folder`` is where it keeps files. Raises EngineError where it is lost."""

    def __init__(self, ray: Any, actor: Any) -> None:
        self._ray = ray
        self._actor = actor
        try:
            version, self.folder = ray.get(actor.greet.remote(), timeout=PLACE_SECONDS)
        except ray.exceptions.GetTimeoutError:
            sentence = "No machine of the cluster has room for another engine."
            raise EngineError(sentence, "Look at it with 'ray status'.") from None
        except ray.exceptions.RayError as cause:
            raise _lost(cause) from cause
        if version != engine.__version__:
            sentence = f"The machines of the cluster have acetui {version}, and this one {engine.__version__}."
            raise EngineError(sentence, "Install the same version everywhere.")

    def tell(self, line: bytes, files: Mapping[str, bytes]) -> None:
        """Passes a message on, with files that it speaks of, by their places in ``folder``."""
        self._got(self._actor.tell.remote(line, dict(files)))

    def hear(self) -> list[Heard]:
        """What the engine has said since; waits a while where it has said nothing."""
        heard: list[Heard] = self._got(self._actor.hear.remote())
        return heard

    def _got(self, promise: Any) -> Any:
        try:
            return self._ray.get(promise)
        except self._ray.exceptions.RayError as cause:
            raise _lost(cause) from cause


def _lost(cause: Exception) -> EngineError:
    reason = str(cause).strip().splitlines() or [type(cause).__name__]
    return EngineError(f"The machine of the engine is lost: {reason[0][:200]}", "It is tried on another one.")
