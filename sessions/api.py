"""The studio's HTTP: one table of routes, served on a Unix socket and, when asked, on a loopback port.

docs/api.md says it in words; ``GET /api/openapi.json`` is made from the same table.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from engine.errors import EngineError
from sessions import (
    api_comparisons,
    api_exports,
    api_fit,
    api_generate,
    api_listen,
    api_marks,
    api_models,
    api_operations,
    api_planner,
    api_revisions,
    api_rows,
    api_session,
    api_spectrogram,
    api_takes,
    api_tokens,
    api_trash,
)
from sessions.api_errors import LARGEST_BODY, ApiError, errors_as_json, read_json, refuse_unknown, reply
from sessions.api_route import GUARD, PEAKS, STUDIO, Answer, Body, Route, studio_of
from sessions.api_security import Guard, guarding
from sessions.discovery import Door
from sessions.openapi import document
from sessions.schemas import TABLE, TEXT, WHOLE, table
from sessions.studio import Studio

HOST = "127.0.0.1"
FIRST_PORT = 20_000
PORTS = 20_000
"""Where a session's own port is, if it is free: the same one every time, so that a forwarded port stays good."""

LOOK_SECONDS = 1.0
"""How often it is looked whether the socket is still there."""

LAST_WORDS_SECONDS = 2.0
"""How long requests may take to come to their end when the studio ends."""

SERVER: web.AppKey[Server] = web.AppKey("server")


def _in_a_line(record: logging.LogRecord) -> bool:
    """What is no HTTP, or too long a line of it, is its sender's mistake: a line of the log, and no traceback."""
    cause = record.exc_info[1] if record.exc_info else None
    if isinstance(cause, HttpProcessingError):
        said = cause.message.split(":")[0].strip()
        record.msg, record.args, record.exc_info = "A request was refused (%s): %s.", (cause.code, said), None
        record.levelno, record.levelname = logging.WARNING, "WARNING"
    return True


_http_log = logging.getLogger(f"{__name__}.http")
_http_log.addFilter(_in_a_line)


async def openapi(request: web.Request) -> web.Response:
    """The document."""
    return reply(document(ROUTES))


async def listen(request: web.Request) -> web.Response:
    """Opens the loopback port, or tells which one is open."""
    body = await read_json(request)
    refuse_unknown(body, ("port",))
    port = body.get("port")
    if port is not None and (type(port) is not int or not 0 < port < 2**16):
        raise ApiError(400, "port is a number from 1 to 65535.", "Leave it out for the session's own.", field="port")
    return reply({"url": await request.app[SERVER].listen(port)})


ROUTES: tuple[Route, ...] = (
    *api_session.ROUTES,
    *api_planner.ROUTES,
    *api_fit.ROUTES,
    *api_models.ROUTES,
    *api_operations.ROUTES,
    *api_revisions.ROUTES,
    *api_takes.ROUTES,
    *api_trash.ROUTES,
    *api_marks.ROUTES,
    *api_rows.ROUTES,
    *api_listen.ROUTES,
    *api_exports.ROUTES,
    *api_comparisons.ROUTES,
    *api_spectrogram.ROUTES,
    *api_tokens.ROUTES,
    *api_generate.ROUTES,
    Route(
        "POST",
        "/api/listen",
        listen,
        "Opens a port on this machine's own address, for browsers and for ssh -L.",
        {200: Answer("Where.", table({"url": TEXT}))},
        body=Body(table({"port": WHOLE})),
    ),
    Route("GET", "/api/openapi.json", openapi, "This document.", {200: Answer("It.", TABLE)}),
)


def make_app(studio: Studio, guard: Guard) -> web.Application:
    """The application that answers for ``studio`` to whom ``guard`` admits."""
    app = web.Application(middlewares=[errors_as_json, guarding(guard), _counted], client_max_size=LARGEST_BODY)
    app[STUDIO], app[GUARD], app[PEAKS] = studio, guard, asyncio.Semaphore(1)
    for route in ROUTES:
        app.router.add_route(route.method, route.path, route.handler)
    for path in api_listen.PAGES:
        app.router.add_get(path, api_listen.page, allow_head=False)
    return app


@web.middleware
async def _counted(request: web.Request, handler: Any) -> web.StreamResponse:
    """Whoever waits for an answer is attached."""
    studio = studio_of(request)
    studio.attached += 1
    try:
        answer: web.StreamResponse = await handler(request)
        return answer
    finally:
        studio.attached -= 1
        studio.touched = asyncio.get_running_loop().time()


class Server:
    """Serves a studio inside an ``async with`` block. Entering it raises NoPlace where there can be no socket."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._token = studio.place.token()
        app = make_app(studio, Guard(self._token, studio.place.cookie))
        app[SERVER] = self
        self._runner = web.AppRunner(app, access_log=None, logger=_http_log, shutdown_timeout=LAST_WORDS_SECONDS)
        self._door = Door(studio.place)
        self._unix: web.SockSite | None = None
        self._keeper: asyncio.Task[None] | None = None
        self.url: str | None = None
        """The address of the loopback port, if it is open."""

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await self._open_door()
        self._keeper = asyncio.create_task(self._keep_door())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        self._door.close()
        self._studio.events.close()  # whoever follows them has come to the end
        await self._runner.cleanup()

    async def listen(self, port: int | None = None) -> str:
        """Opens a port of the loopback address and returns its URL; once open, it stays the one.

        Without a ``port`` it is the session's own, or any that is free. Raises ApiError for one that is taken.
        """
        if self.url is None:
            own = FIRST_PORT + int(self._studio.place.key, 16) % PORTS
            listening = _bound([port] if port is not None else [own, 0])
            await web.SockSite(self._runner, listening).start()
            self.url = f"http://{HOST}:{listening.getsockname()[1]}/"
        return self.url

    async def _open_door(self) -> None:
        before, listening = self._unix, await asyncio.to_thread(self._door.open)
        self._unix = web.SockSite(self._runner, listening)
        await self._unix.start()
        if before is not None:
            await before.stop()

    async def _keep_door(self) -> None:
        """Puts socket and token back where somebody has removed them: a cleaner of temporary files, or a logout."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            with contextlib.suppress(EngineError, OSError):  # the next look tries again
                place = self._studio.place
                if not await asyncio.to_thread(self._door.is_there):
                    await self._open_door()
                if await asyncio.to_thread(place.known_token) != self._token:
                    await asyncio.to_thread(place.keep_token, self._token)


def _bound(ports: list[int]) -> socket.socket:
    """A listening socket on the first of ``ports`` that is free."""
    for port in ports:
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((HOST, port))
            listening.listen(128)
            listening.setblocking(False)
            return listening
        except OSError as cause:
            listening.close()
            if cause.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
    raise ApiError(409, f"Port {ports[0]} is not free.", "Choose another one, or leave it out.", field="port")
