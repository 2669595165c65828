"""Another music model and another planner between two batches of a loop that goes on, in one studio, all of it real."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from engine.process import COMMAND
from engine.testing import make_checkpoint
from tests.e2e import tiny
from tests.sessions.jamming import Stage
from tests.sessions.studios import Api, api

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

RECIPE = {**tiny.RECIPE, "batch_size": 1, "bpm": 96, "use_cot_caption": False}


class Real(Stage):
    """A session that the real engine renders for."""

    @property
    def command(self) -> tuple[str, ...]:
        return COMMAND


def test_models_change_between_batches_and_the_studio_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in tiny.surroundings(tmp_path).items():
        monkeypatch.setenv(name, value)
    root = make_checkpoint(tmp_path / "models", variant="turbo")
    make_checkpoint(root, variant="sft")
    folder = tiny.session(tmp_path, recipe={**RECIPE, "thinking": False})
    dits = ("acestep-v15-turbo", "acestep-v15-sft")

    async def act(ask: Api) -> None:
        async def models(revision: int, **changes: Any) -> None:
            await ask("PATCH", "/api/recipe", {"revision": revision, **changes})

        async def made_with(**wanted: Any) -> dict[str, Any]:
            """The first take of the loop that was made so."""

            async def found() -> dict[str, Any] | None:
                rows = (await ask("GET", "/api/takes?limit=200"))["takes"]
                whole = [await ask("GET", f"/api/takes/{row['number']}") for row in rows]
                told = [{"planner": bool(each["plan"]), **each["identity"]} for each in whole]
                fits = (each for each, said in zip(whole, told, strict=True) if wanted.items() <= said.items())
                return next(fits, None)

            for _ in range(600):
                if (take := await found()) is not None:
                    return take
                await asyncio.sleep(0.1)
            raise AssertionError(f"no take was made with {wanted}")

        await models(1, models={"dit": dits[0], "lm": "none"})
        await ask("POST", "/api/loop", {"action": "on", "headless": True})
        first = await made_with(profile="turbo")
        await models(2, models={"dit": dits[1]})
        second = await made_with(profile="sft")
        await models(3, models={"dit": dits[0], "lm": None}, recipe={"thinking": True})
        third = await made_with(profile="turbo", planner=True)
        await models(4, models={"quantization": "int8_weight_only"})
        fourth = await made_with(profile="turbo", planner=True, quantization="int8_weight_only")
        await ask("POST", "/api/loop", {"action": "stop-now"})
        numbers = [each["number"] for each in (first, second, third, fourth)]
        assert numbers == sorted(set(numbers))
        assert set(second["identity"]["models"]) >= {dits[1]}
        assert ask.studio.engine.deaths == 0  # engines were replaced, and none of them died

    async def session() -> None:
        async with api(Real(folder)) as asked:
            await act(asked)

    asyncio.run(session())
