"""The control guide's numbers on a 1.5 model, and what becomes of controls on their way to the solver."""

from __future__ import annotations

from typing import Any

import pytest

from engine.config import DiTConfig
from engine.controls import GUIDANCE_NUMBERS, granularity, guidance_numbers, native_scale
from engine.errors import InvalidRequest
from engine.profiles import Profile, profile_for
from engine.request import Request
from engine.sampling.schedule import picked, schedule
from engine.sampling.solvers import Plan
from engine.trajectory import trajectory
from engine.values import TURBO_TIMESTEPS

TURBO = profile_for("acestep-v15-turbo", DiTConfig(is_turbo=True))
BASE = profile_for("acestep-v15-base", DiTConfig())


def plan(profile: Profile = BASE, **fields: Any) -> Plan:
    return trajectory(Request(**fields).resolved(profile), profile)


@pytest.mark.parametrize(("omega", "factor"), [(8, 0.99215), (9, 0.99616), (10, 1.0), (11, 1.00367), (12, 1.00716)])
def test_omega_is_neutral_where_the_guide_is(omega: float, factor: float) -> None:
    assert granularity(omega) == pytest.approx(factor, abs=1e-5)
    assert plan(omega_scale=omega).granularity == granularity(omega)


@pytest.mark.parametrize(
    ("theirs", "ours"), [(15, 7.0), (18, 8.29), (12, 5.71), (9, 4.43), (5, 2.71), (3, 1.86), (2, 1.43), (1, 1), (0, 1)]
)
def test_scales_of_the_guide_as_scales_of_this_model(theirs: float, ours: float) -> None:
    assert native_scale(theirs, "apg_classic") == ours
    assert native_scale(theirs, "cfg") <= ours


def test_steps_that_are_picked() -> None:
    whole = schedule(60, 3.0)
    times = picked(60, 3.0, (10, 60, 20, 20), snap=False)
    assert times == [whole[0], whole[9], whole[19], whole[59], 0.0]
    assert picked(8, 1.0, (1, 30, 60), snap=False) == [schedule(60, 1.0)[k] for k in (0, 29, 59)] + [0.0]
    assert set(picked(60, 3.0, (10, 30, 55), snap=True)[:-1]) <= set(TURBO_TIMESTEPS)
    assert plan(oss_steps=(2, 4), inference_steps=4, shift=1).times == [1.0, 0.75, 0.25, 0.0]
    assert plan(oss_steps=(2, 4), timesteps=(0.9, 0.1)).times == [0.9, 0.1, 0.0]


@pytest.mark.parametrize(
    ("fields", "method", "heun", "multistep"),
    [
        ({}, "ode", False, False),
        ({"scheduler_type": "heun"}, "ode", True, False),
        ({"scheduler_type": "pingpong"}, "sde", False, False),
        ({"scheduler_type": "pingpong", "infer_method": "ode"}, "ode", False, False),
        ({"scheduler_type": "heun", "sampler_mode": "dpm3m"}, "ode", False, True),
        ({"sampler_mode": "dpm3m", "infer_method": "sde"}, "sde", False, False),
        ({"scheduler_type": "heun", "flow_edit_morph": True, "src_audio": "a"}, "ode", False, False),
        ({"scheduler_type": "pingpong", "flow_edit_morph": True, "src_audio": "a"}, "ode", False, False),
    ],
)
def test_the_words_for_a_solver(fields: dict[str, Any], method: str, heun: bool, multistep: bool) -> None:
    found = plan(**fields)
    assert (found.method, found.heun, found.multistep) == (method, heun, multistep)


@pytest.mark.parametrize(
    ("fields", "variant"),
    [
        ({}, "apg_classic"),
        ({"cfg_type": "apg"}, "apg_classic"),
        ({"cfg_type": "cfg_star"}, "cfg_star"),
        ({"cfg_type": "cfg", "guidance_variant": "adg"}, "adg"),
        ({"cfg_type": "cfg", "use_adg": True}, "cfg"),
        ({"use_adg": True, "flow_edit_morph": True, "src_audio": "a"}, "apg_classic"),
    ],
)
def test_the_words_for_guidance(fields: dict[str, Any], variant: str) -> None:
    request = Request(**fields).resolved(BASE)
    assert (request.cfg_type, request.scheduler_type) == (None, None)
    assert request.resolved(BASE) == request
    guidance = trajectory(request, BASE).steering.guidance
    assert guidance is not None
    assert guidance.variant == variant


def test_constants_of_guidance() -> None:
    guidance = plan(guidance_params={"momentum": 0.0, "eta": 0.5, "zero_init_steps": 2.0}).steering.guidance
    assert guidance is not None
    assert (guidance.constants.momentum, guidance.constants.norm_threshold) == (0.0, 2.5)
    assert (guidance.constants.eta, guidance.constants.zero_init_steps) == (0.5, 2)
    assert guidance_numbers((("other", 3.0),)) == dict(GUIDANCE_NUMBERS)


def test_a_turbo_model_has_no_guidance_to_shape() -> None:
    fields = {"guidance_interval": 0.5, "use_erg_tag": True, "cfg_type": "cfg", "guidance_scale_text": 3.0}
    assert plan(TURBO, **fields).steering.guidance is None
    assert {name for name, _ in Request(**fields).warnings(TURBO)} == set(fields)


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"use_erg_diffusion": True}, "use_erg_diffusion"),
        ({"min_guidance_scale": 3.0}, "min_guidance_scale"),
        ({"guidance_scale_text": 3.0}, "guidance_scale_text"),
        ({"guidance_scale_lyric": 3.0, "guidance_scale_text": 0.5}, "guidance_scale_lyric"),
        ({"omega_scale": 12.0, "infer_method": "sde"}, "omega_scale"),
        ({"oss_steps": (1, 2), "timesteps": (0.5,)}, "oss_steps"),
        ({"guidance_params": {"tau": 1}}, "guidance_params"),
        ({"sampler_mode": "dpm3m", "infer_method": "sde"}, "sampler_mode"),
        ({"flow_edit_morph": True, "src_audio": "a", "sampler_mode": "heun"}, "flow_edit_morph"),
    ],
)
def test_what_has_no_effect_is_said(fields: dict[str, Any], name: str) -> None:
    said = dict(Request(**fields).warnings(BASE))
    assert name in said
    assert said[name].endswith(".")


def test_too_many_steps_are_refused_by_the_name_that_they_have() -> None:
    with pytest.raises(InvalidRequest, match="a turbo model takes from 1 to 20") as refused:
        Request(oss_steps=tuple(range(1, 30))).resolved(TURBO)
    assert refused.value.field == "oss_steps"
    Request(oss_steps=(1, 30, 60)).resolved(TURBO)
