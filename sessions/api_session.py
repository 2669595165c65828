"""The session over HTTP: what it is, its recipe, its loop, its sources and its drafts."""

from __future__ import annotations

import asyncio
import re
import socket
from typing import Any

from aiohttp import web

from engine import __version__
from sessions.api_errors import ApiError, failure, flag, read_json, recipe_changes, refuse_unknown, reply
from sessions.api_events import event_id, events
from sessions.api_route import BYTES, GUARD, SAID, Answer, Body, Param, Route, studio_of
from sessions.api_takes import MADE, answered
from sessions.clock import moment
from sessions.drafts import Draft
from sessions.errors import Clash
from sessions.schemas import FLAG, NUMBER, SCHEMAS, TABLE, TEXT, WHOLE, many, or_none, ref, table
from sessions.settings import TABLES, LoopSettings
from sessions.steering import ACTIONS
from sessions.studio import Studio
from sessions.uploads import receive

_REVISION = re.compile(r'"?([0-9]{1,9})"?')


async def session(request: web.Request) -> web.Response:
    """Everything that a client needs to begin; ``last_event`` is where to follow from."""
    return reply(await described(studio_of(request)))


async def described(studio: Studio) -> dict[str, Any]:
    """The session as it is right now."""
    last = event_id(studio, studio.events.last_id)  # first: what changes meanwhile comes as an event
    revision, problem = studio.revisions.current, studio.revisions.problem
    counts, machine = await studio.counts(), await studio.machine.now()
    return {
        "id": studio.place.key,
        "name": studio.session.name,
        "folder": str(studio.session),
        "host": socket.gethostname(),
        "version": __version__,
        "now": moment(),
        "started": studio.started,
        "attached": studio.attached,
        "last_event": last,
        "writable": studio.store.writable,
        "revision": {
            "number": revision.number,
            "changed": revision.changed,
            "text": revision.text,
            "settings": revision.settings.to_dict(),
            "problem": problem and problem.to_dict(),
        },
        "loop": studio.loop.status(),
        "engine": studio.engine_status(),
        "progress": studio.loop.progress() or studio.engine.loading,
        "machine": machine,
        "listening": studio.following.now(),
        "fetching": studio.fetching.now(),
        "takes": counts,
    }


async def recipe(request: web.Request) -> web.Response:
    """Changes values, or the whole text, of the revision that the caller has seen."""
    studio, body = studio_of(request), await read_json(request)
    refuse_unknown(body, ("revision", "text", "instead_of", *TABLES))
    based_on = _based_on(request, body)
    text, instead_of = body.get("text"), body.get("instead_of")
    if not (text is None or isinstance(text, str)) or not (instead_of is None or isinstance(instead_of, str)):
        raise ApiError(400, "text and instead_of are texts.", "Send the text of a session.toml.", field="text")
    changes = {name: body[name] for name in TABLES if name in body}
    if (text is None) == (not changes):
        raise ApiError(400, "Either a text or tables are changed.", "Send 'text', or 'recipe' with its new values.")
    try:
        if text is not None:
            revision = await studio.apply(text, based_on, instead_of=instead_of)
        else:
            revision = await studio.change_recipe(changes, based_on)
    except Clash as clash:
        texts = {"mine": _sendable(clash.mine), "theirs": _sendable(clash.theirs)}
        return failure(clash, **texts, kept=clash.kept.name, revision=studio.revisions.current.number)
    answer = {"revision": revision.number, "changed": revision.changed, "settings": revision.settings.to_dict()}
    return reply(answer, headers={"ETag": f'"{revision.number}"'})


def _sendable(text: str) -> str:
    """The text of a file, which may not have been UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _based_on(request: web.Request, body: dict[str, Any]) -> int:
    """The revision that the caller started from: in the body, or as HTTP says such things."""
    given = body.get("revision", request.headers.get("If-Match"))
    if given is None:
        hint = "GET /api/session tells its number; send it as 'revision', or as If-Match."
        raise ApiError(428, "A change says which revision it started from.", hint, field="revision")
    match = _REVISION.fullmatch(str(given))
    if match is None:
        raise ApiError(400, "revision is the number of a revision.", "GET /api/session tells it.", field="revision")
    return int(match[1])


async def loop(request: web.Request) -> web.Response:
    """Turns the loop on or off, or skips what is being made."""
    studio, body = studio_of(request), await read_json(request)
    action = body.pop("action", None)
    if action not in ACTIONS:
        raise ApiError(400, "That is nothing to do with the loop.", f"It can {', '.join(ACTIONS)}.", field="action")
    refuse_unknown(body, tuple(LoopSettings.fields()) if action == "on" else ())
    await studio.steering.steer(action, body)
    return reply(studio.loop.status())


async def render(request: web.Request) -> web.Response:
    """Renders the current recipe, with other values if there are any, before the loop goes on."""
    studio, body = studio_of(request), await read_json(request)
    refuse_unknown(body, ("recipe", "wait"))
    wait = flag(body, "wait")
    return await answered(await studio.ask(recipe_changes(body)), wait)


async def source(request: web.Request) -> web.Response:
    """Takes an upload in; of its name only the suffix is kept."""
    digest = await receive(request.content, request.query.get("name", ""), studio_of(request).sources)
    return reply({"hash": digest}, 201)


async def drafts(request: web.Request) -> web.Response:
    """What is typed anywhere and not applied."""
    found = await asyncio.to_thread(studio_of(request).drafts.all)
    return reply({"drafts": [_draft(draft) for draft in found]})


async def draft(request: web.Request) -> web.Response:
    """Keeps what a terminal has typed; nothing typed takes the draft away."""
    body = await read_json(request)
    refuse_unknown(body, ("revision", "typed"))
    typed = body.get("typed", {})
    if not isinstance(typed, dict) or not all(isinstance(text, str) for text in typed.values()):
        raise ApiError(400, "typed is a table of texts.", "For example {'caption': 'slow jazz'}.", field="typed")
    new = Draft(request.match_info["terminal"], _based_on(request, body), typed)
    await asyncio.to_thread(studio_of(request).drafts.save, new)
    return reply(_draft(new))


def _draft(draft: Draft) -> dict[str, Any]:
    return {"terminal": draft.terminal, "revision": draft.based_on, "typed": dict(draft.typed)}


async def cookie(request: web.Request) -> web.Response:
    """Gives the cookie to whoever sends the token: a page does so once, with what stood behind the # of its address."""
    answer = reply({"cookie": request.app[GUARD].cookie})
    request.app[GUARD].set_cookie(answer)
    return answer


_RECIPE = {"revision": WHOLE, "text": TEXT, "instead_of": TEXT, **{name: ref(name.title()) for name in TABLES}}
_APPLIED = table({"revision": WHOLE, "changed": TEXT, "settings": TABLE})
_LIMITS = ("takes", "minutes", "until_score", "ceiling", "unheard", "takes_left", "seconds_left", "best")
_LOOP = table(
    {
        **dict.fromkeys(("on", "headless"), FLAG),
        **dict.fromkeys(("state", "reason", "since", "policy"), TEXT),
        **dict.fromkeys(("made", "batches", "skipped", "failed"), WHOLE),
        **dict.fromkeys((*_LIMITS, "takes_per_hour"), or_none(NUMBER)),
    }
)
_STEER = table({"action": {"enum": list(ACTIONS)}, **SCHEMAS["Loop"]["properties"]}, required=("action",))
_TYPED = {"type": "object", "additionalProperties": TEXT}
_DRAFT = table({"terminal": TEXT, "revision": WHOLE, "typed": _TYPED})
_MATCH = (Param("If-Match", "the revision that the change started from, if the body does not say it"),)

ROUTES = (
    Route("GET", "/api/session", session, "Everything that a client begins with.", {200: Answer("It.", TABLE)}),
    Route(
        "PATCH",
        "/api/recipe",
        recipe,
        "Changes session.toml: some values, or its whole text. With the revision that the change started from; where "
        "another change came first, 412 has both texts, and neither is lost.",
        {200: Answer("The revision that counts now.", _APPLIED), 412: Answer("A clash.", ref("Clash"))},
        headers=_MATCH,
        body=Body(table(_RECIPE)),
    ),
    Route(
        "POST",
        "/api/loop",
        loop,
        "Turns the loop on (with settings for this run alone), ends it after the batch (off), after the take "
        "(stop-after) or at once (stop-now), or skips what is being made.",
        {200: Answer("The loop.", _LOOP)},
        body=Body(_STEER),
    ),
    Route(
        "POST",
        "/api/render",
        render,
        "Renders the recipe once, with other values if given, before the loop goes on.",
        MADE,
        body=Body(table({"recipe": ref("Recipe"), "wait": FLAG})),
    ),
    Route(
        "POST",
        "/api/sources",
        source,
        "Keeps a file that recipes can then name by its hash.",
        {201: Answer("Its hash.", table({"hash": TEXT}))},
        query=(Param("name", "a file name; its suffix is kept"),),
        body=Body({"type": "string", "format": "binary"}, BYTES),
    ),
    Route(
        "GET",
        "/api/events",
        events,
        "What happens, as server-sent events: take, changed, progress, loop, run, recipe, engine, machine, counts, "
        "models, scored, notice, error, done; and missed where some cannot be had again.",
        {200: Answer("The stream.", TEXT, "text/event-stream")},
        query=(
            Param("after", "the id of the event that was seen last, for a client that cannot send the header"),
            Param("page", "true: a listen page follows, which counts and hears of every heartbeat", SAID),
        ),
        headers=(Param("Last-Event-ID", "the id of the event that was seen last"),),
    ),
    Route(
        "GET",
        "/api/drafts",
        drafts,
        "What is typed and not applied.",
        {200: Answer("All of it.", table({"drafts": many(_DRAFT)}))},
    ),
    Route(
        "PUT",
        "/api/drafts/{terminal}",
        draft,
        "Keeps what a terminal has typed; nothing typed takes the draft away.",
        {200: Answer("The draft.", _DRAFT)},
        headers=_MATCH,
        body=Body(table({"revision": WHOLE, "typed": _TYPED})),
    ),
    Route(
        "POST",
        "/api/cookie",
        cookie,
        "Gives a page that sends the token a cookie in its place.",
        {200: Answer("Its name.", table({"cookie": TEXT}))},
    ),
)
