"""What goes wrong between here and a hub, each as a sentence and a hint."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from engine.errors import BadCheckpoint, EngineError

if TYPE_CHECKING:
    from engine.hub.catalogue import Model

BY_HAND = "Or place its folder by hand: `acetui models path` says where."


class Unreachable(EngineError):
    """No hub answers; what is here already works without one."""


class Offline(Unreachable):
    """No hub is to be asked."""


class NotOffered(BadCheckpoint):
    """The hub answers, and does not give this: it is not there, or not for everybody."""


class Damaged(EngineError):
    """What arrived is not what was sent."""


class NoRoom(EngineError):
    """The disk is too small for a model."""


def unreachable(endpoint: str, why: str) -> Unreachable:
    """Nothing answers at ``endpoint``."""
    return Unreachable(
        f"The hub {endpoint} cannot be reached: {why}.",
        f"Check the network, or name a mirror in HF_ENDPOINT. What has arrived is kept. {BY_HAND}",
    )


def offline() -> Unreachable:
    """The person has said that nothing is to be fetched."""
    return Offline("HF_HUB_OFFLINE is set, so nothing is downloaded.", f"Unset it to download. {BY_HAND}")


def none_reached(failed: Sequence[Unreachable]) -> Unreachable:
    """Every hub was asked; one is told of as it is."""
    if len(failed) == 1:
        return failed[0]
    sentences = " ".join(error.error for error in failed)
    return Unreachable(
        sentences, f"Check the network, or name a mirror in HF_ENDPOINT. What has arrived is kept. {BY_HAND}"
    )


@contextlib.contextmanager
def in_words(model: Model, endpoint: str) -> Iterator[None]:
    """Turns what the hub's client raises inside the block into what people are told."""
    from huggingface_hub import errors
    from huggingface_hub.utils import httpx

    try:
        yield
    except errors.OfflineModeIsEnabled:
        raise offline() from None
    except errors.GatedRepoError:
        raise NotOffered(
            f"{model.repo} is given only to those who have asked for it.",
            f"Ask at {endpoint}/{model.repo}, make a token, and set HF_TOKEN to it or run `hf auth login`.",
        ) from None
    except (errors.RevisionNotFoundError, errors.EntryNotFoundError):
        place = f"{model.repo}/{model.inside}" if model.inside else model.repo
        raise NotOffered(
            f"{endpoint} does not have all of {place}.", f"Try another hub in HF_ENDPOINT. {BY_HAND}"
        ) from None
    except errors.RepositoryNotFoundError:
        raise NotOffered(
            f"{endpoint} has no {model.repo}, or does not show it to you.",
            "A private one needs a token in HF_TOKEN; a mirror may lack it: unset HF_ENDPOINT.",
        ) from None
    except errors.HfHubHTTPError as error:
        raise _refused(endpoint, error.response.status_code if error.response is not None else 0) from None
    except (httpx.InvalidURL, httpx.UnsupportedProtocol):
        raise Unreachable(
            f"HF_ENDPOINT is no address: {endpoint}.", "It begins with https://, as in https://hub.example."
        ) from None
    except httpx.TimeoutException:
        raise unreachable(endpoint, "it does not answer in time") from None
    except httpx.TransportError as error:
        raise unreachable(endpoint, _reason(error)) from None


def _refused(endpoint: str, status: int) -> EngineError:
    if status in (401, 403):
        return NotOffered(
            f"{endpoint} does not accept the token ({status}).", "Set HF_TOKEN to one that is valid, or unset it."
        )
    if status == 429:
        return Unreachable(f"{endpoint} asks for a pause: too many requests.", "Try again in some minutes.")
    return unreachable(endpoint, f"it answers with an error ({status})" if status else "it answers with an error")


def _reason(error: Exception) -> str:
    """What the system says of a connection, without its numbers."""
    words = str(error).rpartition("]")[2].strip().rstrip(".")
    return words[:1].lower() + words[1:] if words else "there is no connection"
