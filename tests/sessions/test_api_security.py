"""Nobody gets into a studio without its token, and no web page but its own gets in with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sessions.api import ROUTES
from tests.sessions.jamming import state
from tests.sessions.studios import TOKEN, Api, on_api

__all__ = ["state"]

pytestmark = pytest.mark.usefixtures("state")


def test_every_route_wants_the_token(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        paths = [(route.method, route.path) for route in ROUTES] + [("POST", "/"), ("GET", "/nothing"), ("PUT", "/api")]
        wrong: list[dict[str, str]] = [
            {},
            {"Authorization": "Bearer "},
            {"Authorization": f"Bearer {TOKEN}x"},
            {"Authorization": f"Basic {TOKEN}"},
            {"Authorization": TOKEN},
            {"Authorization": "Bearer \u00e9"},
            {"Cookie": f"{ask.studio.place.cookie}={TOKEN}"},
        ]
        for method, path in paths:
            for headers in wrong:
                async with await ask.raw(method, path, token=None, headers=headers) as response:
                    assert response.status == 401, (method, path, headers)
                    assert response.headers["WWW-Authenticate"] == "Bearer"
                    assert method == "HEAD" or "token" in (await response.json())["error"]

    on_api(tmp_path, act)


def test_a_page_exchanges_the_token_for_a_cookie_once(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        async with await ask.raw("POST", "/api/cookie") as response:
            cookie = response.headers["Set-Cookie"]
        name, _, rest = cookie.partition("=")
        value = rest.partition(";")[0]
        assert name == ask.studio.place.cookie
        assert ask.studio.place.key in name
        assert TOKEN not in cookie
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
        ask.client.session.cookie_jar.clear()
        with_it = {"Cookie": f"{name}={value}"}
        async with await ask.raw("GET", "/api/session", token=None, headers=with_it) as response:
            assert response.status == 200
        async with await ask.raw("POST", "/api/cookie", token=None, headers=with_it) as response:
            assert response.status == 401
        other = {"Cookie": f"acetui-000000000000={value}"}
        async with await ask.raw("GET", "/api/session", token=None, headers=other) as response:
            assert response.status == 401

    on_api(tmp_path, act)


def test_foreign_names_origins_and_sites_are_refused(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        port = ask.client.port
        for headers in (
            {"Host": "evil.example"},
            {"Host": f"evil.example:{port}"},
            {"Host": "localhost.evil.example"},
            {"Host": "localhost@evil.example"},
            {"Host": "10.0.0.1"},
            {"Host": "[::2]"},
            {"Host": ""},
            {"Origin": "http://evil.example"},
            {"Origin": "null"},
            {"Origin": "http://localhost:3000"},
            {"Origin": f"https://127.0.0.1:{port}"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
        ):
            for method, path in (("GET", "/api/session"), ("POST", "/api/loop")):
                async with await ask.raw(method, path, headers=headers) as response:
                    assert response.status == 403, headers
        for headers in (
            {"Host": "localhost"},
            {"Host": "LOCALHOST:8123"},
            {"Host": "[::1]:8123"},
            {"Origin": f"http://127.0.0.1:{port}", "Sec-Fetch-Site": "same-origin"},
            {"Sec-Fetch-Site": "none"},
        ):
            async with await ask.raw("GET", "/api/session", headers=headers) as response:
                assert response.status == 200, headers

    on_api(tmp_path, act)


def test_no_path_of_the_callers_choosing_leads_to_a_file(tmp_path: Path) -> None:
    async def act(ask: Api) -> None:
        (tmp_path / "secret.flac").write_bytes(b"what it holds")
        for key in (
            "..%2f..%2fsecret",
            "%2e%2e/%2e%2e/secret.flac",
            "....//secret",
            "/etc/passwd",
            "%00",
            "secret.flac",
        ):
            for rest in ("", "/audio", "/peaks"):
                async with await ask.raw("GET", f"/api/takes/{key}{rest}") as response:
                    assert response.status == 404, key
                    assert b"what it holds" not in await response.read()

    on_api(tmp_path, act)
