"""Who may speak to a studio: whoever has its token, from this machine's own name, and no web page but its own.

Every request carries the token on every transport, because a forwarded socket is a port on somebody's laptop. A page
gets a cookie for it once. Names and origins are checked beside it: a page of somebody else's that leads a browser
here by a name of its own, or from another port, is refused before anything else is looked at.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Any

from aiohttp import web

from sessions.api_errors import ApiError

HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})
"""Names by which this machine calls itself; a forwarded port has one of them too."""

PAGE = "/listen/"
"""Where the files of the listen page are."""

_HOST = re.compile(r"(?P<name>\[[0-9a-f:]+\]|[a-z0-9.-]+)(?::(?P<port>[0-9]{1,5}))?")
_SITES = (None, "none", "same-origin")
"""What a browser may say of where a request comes from; ``same-site`` would be another port of this machine."""


class Guard:
    """The door of one studio: its token, and the cookie of that ``cookie`` name that stands for it."""

    def __init__(self, token: str, cookie: str) -> None:
        self.token = token
        self.cookie = cookie

    @property
    def secret(self) -> str:
        """The cookie's value: made from the token, which it does not reveal."""
        return hmac.new(self.token.encode(), b"cookie of the listen page", hashlib.sha256).hexdigest()

    def admit(self, request: web.Request, *, by_cookie: bool = True) -> None:
        """Raises ApiError, 403 or 401, for a request that may not pass."""
        check_names(request)
        if not (self._bearer(request) or (by_cookie and self._has_cookie(request))):
            raise ApiError(
                401,
                "This request does not carry the studio's token.",
                "Send it as 'Authorization: Bearer TOKEN'; 'acetui studio SESSION --status' says where it is kept.",
            )

    def set_cookie(self, response: web.Response) -> None:
        """Gives a page what it needs to come back: unseen by scripts, and never sent from other sites."""
        response.set_cookie(self.cookie, self.secret, httponly=True, samesite="Strict", path="/")

    def _bearer(self, request: web.Request) -> bool:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        return kind.lower() == "bearer" and _same(token.strip(), self.token)

    def _has_cookie(self, request: web.Request) -> bool:
        return _same(request.cookies.get(self.cookie, ""), self.secret)


def check_names(request: web.Request) -> None:
    """Raises ApiError for a foreign Host, Origin or site."""
    hosts = request.headers.getall("Host", [])
    host = _HOST.fullmatch(hosts[0].lower()) if len(hosts) == 1 else None
    if host is None or host["name"] not in HOSTS:
        raise ApiError(403, "This studio is not called so.", "Reach it as localhost or 127.0.0.1.")
    origins = request.headers.getall("Origin", [])
    if any(origin.lower() != f"http://{hosts[0].lower()}" for origin in origins):
        raise ApiError(403, "This request comes from another site.", "Open the studio's own page.")
    if request.headers.get("Sec-Fetch-Site") not in _SITES:
        raise ApiError(403, "This request comes from another site.", "Open the studio's own page.")


def guarding(guard: Guard) -> Any:
    """The middleware that lets nothing through to any route, known or not, that ``guard`` does not admit.

    The listen page itself has nothing of the session in it: it is opened before it can send a token.
    """

    @web.middleware
    async def admitted(request: web.Request, handler: Any) -> web.StreamResponse:
        if request.method == "GET" and (request.path == "/" or request.path.startswith(PAGE)):
            check_names(request)
        else:
            guard.admit(request, by_cookie=request.path != "/api/cookie")
        answer: web.StreamResponse = await handler(request)
        return answer

    return admitted


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), wanted.encode())
