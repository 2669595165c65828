"""What ModelScope has of a model, by its two public addresses: one that lists a repository, and one that sends a file.

Its own client is not needed for that. Every file comes with its SHA-256 and with the revision that it is of.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from engine.errors import EngineError
from engine.hub.catalogue import Model
from engine.hub.hubs import Hub
from engine.hub.trouble import NotOffered, unreachable

BRANCH = "master"

SECONDS = 20.0
"""How long an answer may take."""


def files(model: Model, hub: Hub) -> list[Mapping[str, Any]]:
    """Every file of the model's repository: ``Path``, ``Size`` in bytes, ``Sha256``, ``Revision``.

    To be called inside ``in_words``. Raises NotOffered and Unreachable.
    """
    from huggingface_hub.utils import build_hf_headers, get_session

    address = f"{hub.endpoint}/api/v1/models/{model.repo}/repo/files"
    query = {"Revision": BRANCH, "Recursive": "true"}
    answer = get_session().get(address, params=query, headers=build_hf_headers(token=False), timeout=SECONDS)
    if answer.status_code >= 400:
        raise refused(hub, model, answer.status_code)
    try:
        told = answer.json()
        listed = told["Data"]["Files"] if told.get("Code", 200) == 200 else None
        if listed is None:
            raise NotOffered(f"{hub.page(model)} is not given to everybody.", "Try another hub with --hub.")
        return [each for each in listed if each["Type"] == "blob" and isinstance(each["Size"], int)]
    except (ValueError, LookupError, TypeError, AttributeError):
        raise unreachable(hub.endpoint, "what answers is no hub") from None


def url(model: Model, hub: Hub, path: str, revision: str) -> str:
    """Where a file of a repository is sent from."""
    query = urlencode({"Revision": revision or BRANCH, "FilePath": path})
    return f"{hub.endpoint}/api/v1/models/{model.repo}/repo?{query}"


def refused(hub: Hub, model: Model, status: int) -> EngineError:
    """Why a question was answered with an error."""
    if status == 404:
        return NotOffered(f"{hub.endpoint} does not have all of {model.repo}.", "Try another hub with --hub.")
    if status in (401, 403):
        return NotOffered(f"{hub.page(model)} is not given to everybody.", "Try another hub with --hub.")
    return unreachable(hub.endpoint, f"it answers with an error ({status})")
