"""Models from a real small hub to their place: what arrives, what is cut, damaged, refused, and already here."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.checkpoints import open_set
from engine.errors import EngineError, InvalidRequest
from engine.hub import getting
from engine.hub.catalogue import MAIN, MODELS, TEXT, VAE, find, wanted, with_needs
from engine.hub.checking import check
from engine.hub.fetching import PIECE, Patience
from engine.hub.getting import ARRIVING, MANIFEST, Getting, Progress
from engine.hub.here import cache_folder, elsewhere, own_root, present
from engine.hub.hubs import Hub as Address
from engine.hub.hubs import hubs_of
from engine.hub.listing import ask, endpoint_of
from engine.hub.trouble import Damaged, NoRoom, NotOffered, Unreachable
from tests.engine.hub.hub_double import REVISION, Hub, Repo, Whims, hub

HASTE = Patience(seconds=2.0, tries=2, pause=0.01, longest_pause=0.02)
TURBO = find("turbo")
NOBODY = Address("huggingface", "http://127.0.0.1:9")
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def small_hub(tiny_turbo: Path) -> Iterator[Hub]:
    """A hub with a tiny set in the repository of whole sets, and its planner in one of its own."""
    with hub() as state:
        for name in (TURBO.name, "vae", TEXT.name):
            state.add(MAIN, next(path for path in tiny_turbo.iterdir() if _is(path, name)), name)
        state.repos[MAIN].files[f"{TURBO.name}/modeling_acestep.py"] = b"raise SystemExit"
        state.repos[MAIN].files["README.md"] = b"# A set"
        planner = next(path for path in tiny_turbo.iterdir() if "lm" in path.name)
        state.add(find("0.6B").repo, planner)
        yield state


def _is(path: Path, name: str) -> bool:
    """A tiny set's text encoder has a name of its own."""
    return path.name == name or (name == TEXT.name and path.name.startswith("Qwen3-Embedding"))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    return tmp_path / "models"


def got(hub: Hub, root: Path, **more: object) -> Getting:
    env = {"HF_HUB_CACHE": str(root.parent / "cache")}
    return Getting(root, (hub.as_hub,), patience=HASTE, env=env, **more)  # type: ignore[arg-type]


# --- all is well -----------------------------------------------------------------------------------------------------


def test_a_whole_set_arrives_and_can_be_opened(small_hub: Hub, root: Path) -> None:
    moved: list[tuple[str, int, int]] = []
    job = got(small_hub, root, told=lambda now: moved.append((now.model, now.done, now.total)))
    planner = find("0.6B")
    assert [job.get(model) for model in with_needs([TURBO, planner])] == ["downloaded"] * 4
    models = open_set(root)
    assert (models.dit.name, models.vae.name, models.lm and models.lm.name) == (TURBO.name, "vae", planner.name)
    assert not (root / TURBO.name / "modeling_acestep.py").exists()  # nothing of a model is ever run
    for name in (TURBO.name, "vae", TEXT.name, planner.name):
        mine = [each for each in moved if each[0] == name]
        assert mine[-1][1] == mine[-1][2] > 0
        assert [each[1] for each in mine] == sorted(each[1] for each in mine)
    assert json.loads((root / "vae" / MANIFEST).read_text())["revision"] == REVISION
    before = len(small_hub.asked)
    assert job.get(TURBO) == "here"
    assert len(small_hub.asked) == before


def test_the_catalogue_is_found_by_short_names() -> None:
    assert find("turbo").name == "acestep-v15-turbo"
    assert find("XL-SFT").repo == "ACE-Step/acestep-v15-xl-sft"
    assert find("acestep-5hz-lm-4b").short == "4B"
    assert with_needs([find("sft")]) == (find("sft"), VAE, TEXT)
    assert with_needs([find("sft"), find("scragvae")]) == (find("sft"), find("scragvae"), TEXT)
    assert with_needs([find("4B")]) == (find("4B"),)
    assert len({model.name for model in MODELS}) == len(MODELS)
    with pytest.raises(InvalidRequest, match="no published model called 'gpt'"):
        find("gpt")


def test_a_token_is_sent_to_who_asks_for_it(small_hub: Hub, root: Path) -> None:
    small_hub.repos[MAIN].token = "secret"
    with pytest.raises(NotOffered, match="does not show it to you") as caught:
        got(small_hub, root).get(VAE)
    assert "HF_TOKEN" in caught.value.hint
    assert got(small_hub, root, token="secret").get(VAE) == "downloaded"


def test_large_files_come_from_elsewhere_and_the_token_stays_here(small_hub: Hub, root: Path) -> None:
    data = big(small_hub)
    small_hub.repos[MAIN].token = "secret"
    with hub() as store:
        store.repos["any"] = Repo({"vae/" + WEIGHTS: data})
        store.whims[WEIGHTS] = Whims(cut_after=PIECE + 7, cuts=1)
        small_hub.whims[WEIGHTS] = Whims(elsewhere=store.url.replace("127.0.0.1", "localhost"))
        assert got(small_hub, root, token="secret").get(VAE) == "downloaded"
        first, second = store.sent(WEIGHTS)
        assert (first, second >= PIECE) == (0, True)
        assert store.tokens == {None}
    assert (root / "vae" / WEIGHTS).read_bytes() == data


def test_the_mirror_that_is_named_is_asked() -> None:
    assert endpoint_of({"HF_ENDPOINT": "http://mirror.example/"}) == "http://mirror.example"
    assert endpoint_of({}).startswith("https://")


# --- what goes wrong on the way --------------------------------------------------------------------------------------


def big(hub: Hub) -> bytes:
    """Makes the VAE's weights as large as several pieces, by padding the header of the file."""
    path = "vae/diffusion_pytorch_model.safetensors"
    data = hub.repos[MAIN].files[path]
    length = int.from_bytes(data[:8], "little")
    padded = data[8 : 8 + length] + b" " * (4 * PIECE)
    hub.repos[MAIN].files[path] = len(padded).to_bytes(8, "little") + padded + data[8 + length :]
    return hub.repos[MAIN].files[path]


WEIGHTS = "diffusion_pytorch_model.safetensors"


def test_a_line_that_is_cut_goes_on_where_it_ended(small_hub: Hub, root: Path) -> None:
    data = big(small_hub)
    small_hub.whims[WEIGHTS] = Whims(cut_after=2 * PIECE + 100, cuts=1)
    assert got(small_hub, root).get(VAE) == "downloaded"
    first, second = small_hub.sent(WEIGHTS)
    assert (first, second) == (0, second)
    assert 2 * PIECE <= second < len(data)
    assert (root / "vae" / WEIGHTS).read_bytes() == data


def test_a_program_that_ended_goes_on_where_it_ended(small_hub: Hub, root: Path) -> None:
    data = big(small_hub)

    def stop(now: Progress) -> None:
        if now.file == WEIGHTS and now.done > 2 * PIECE:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        got(small_hub, root, told=stop).get(VAE)
    assert not (root / "vae").exists()
    kept = (root / ARRIVING / "vae" / WEIGHTS).stat().st_size
    assert PIECE <= kept < len(data)
    small_hub.asked.clear()
    assert got(small_hub, root).get(VAE) == "downloaded"
    assert small_hub.sent(WEIGHTS) == [kept]
    assert small_hub.sent("config.json") == []  # what was whole is not sent again
    assert (root / "vae" / WEIGHTS).read_bytes() == data


def test_a_line_that_stays_cut_is_told_of_and_nothing_is_lost(small_hub: Hub, root: Path) -> None:
    big(small_hub)
    small_hub.whims[WEIGHTS] = Whims(failing=99)
    with pytest.raises(Unreachable, match="cannot be reached") as caught:
        got(small_hub, root).get(VAE)
    assert "What has arrived is kept" in caught.value.hint
    assert len(small_hub.sent(WEIGHTS)) == 1 + HASTE.tries
    assert (root / ARRIVING / "vae" / "config.json").is_file()


def test_a_hub_that_stumbles_is_asked_again(small_hub: Hub, root: Path) -> None:
    small_hub.whims[WEIGHTS] = Whims(failing=2)
    assert got(small_hub, root).get(VAE) == "downloaded"


def test_a_hub_that_knows_no_ranges_sends_it_from_the_start(small_hub: Hub, root: Path) -> None:
    data = big(small_hub)
    small_hub.whims[WEIGHTS] = Whims(cut_after=PIECE + 5, cuts=1, ignores_range=1)
    moved: list[int] = []
    assert got(small_hub, root, told=lambda now: moved.append(now.done)).get(VAE) == "downloaded"
    assert (root / "vae" / WEIGHTS).read_bytes() == data
    assert moved[-1] == max(moved)


def test_a_slow_line_is_a_line(small_hub: Hub, root: Path) -> None:
    big(small_hub)
    small_hub.whims[WEIGHTS] = Whims(slow=0.005, piece=PIECE)
    moved: list[int] = []
    assert got(small_hub, root, told=lambda now: moved.append(now.done)).get(VAE) == "downloaded"
    assert len(set(moved)) >= 5


def test_a_silent_line_is_given_up(small_hub: Hub, root: Path) -> None:
    small_hub.whims[WEIGHTS] = Whims(slow=1.0)
    quick = Patience(seconds=0.2, tries=0, pause=0.01)
    job = Getting(root, (small_hub.as_hub,), patience=quick, env={"HF_HUB_CACHE": "/nothing"})
    with pytest.raises(Unreachable, match="does not answer in time"):
        job.get(VAE)


def test_what_arrives_damaged_is_fetched_again(small_hub: Hub, root: Path) -> None:
    small_hub.whims[WEIGHTS] = Whims(damaged=1)
    assert got(small_hub, root).get(VAE) == "downloaded"
    assert len(small_hub.sent(WEIGHTS)) == 2
    assert check(present(root)[0]).trouble == ""


def test_what_arrives_damaged_twice_is_never_put_in_place(small_hub: Hub, root: Path) -> None:
    small_hub.whims["config.json"] = Whims(damaged=2)
    with pytest.raises(Damaged, match=r"vae/config\.json arrived damaged twice"):
        got(small_hub, root).get(VAE)
    assert not (root / "vae").exists()
    assert got(small_hub, root).get(VAE) == "downloaded"


def test_a_file_that_the_hub_lists_and_does_not_have(small_hub: Hub, root: Path) -> None:
    small_hub.whims[WEIGHTS] = Whims(missing=True)
    with pytest.raises(NotOffered, match="does not have all of"):
        got(small_hub, root).get(VAE)
    assert not (root / "vae").exists()


def test_a_set_that_lacks_a_file_is_never_put_in_place(small_hub: Hub, root: Path) -> None:
    del small_hub.repos[MAIN].files[f"{TEXT.name}/tokenizer.json"]
    with pytest.raises(Damaged, match=r"tokenizer\.json"):
        got(small_hub, root).get(TEXT)
    assert not (root / TEXT.name).exists()


def test_a_gated_repository_says_what_to_do(small_hub: Hub, root: Path) -> None:
    small_hub.repos[MAIN].gated = True
    with pytest.raises(NotOffered, match="only to those who have asked") as caught:
        got(small_hub, root).get(VAE)
    assert caught.value.exit_code == 3
    assert "HF_TOKEN" in caught.value.hint


def test_a_repository_that_is_not_there(small_hub: Hub, root: Path) -> None:
    with pytest.raises(NotOffered, match="has no ACE-Step/acestep-v15-sft"):
        got(small_hub, root).get(find("sft"))
    small_hub.add(find("sft").repo, Path(__file__).parent / "nothing")
    with pytest.raises(NotOffered, match="holds nothing"):
        got(small_hub, root).get(find("sft"))


def test_no_hub_at_all(root: Path) -> None:
    job = Getting(root, (NOBODY,), patience=HASTE, env={"HF_HUB_CACHE": "/nothing"})
    with pytest.raises(Unreachable, match=r"The hub http://127\.0\.0\.1:9 cannot be reached") as caught:
        job.get(VAE)
    assert "HF_ENDPOINT" in caught.value.hint
    assert "models path" in caught.value.hint


@pytest.mark.parametrize("address", ["hub.example", "ftp://hub.example", "http://[::1"])
def test_a_mirror_that_is_no_address_is_said_to_be_none(root: Path, address: str) -> None:
    with pytest.raises(Unreachable, match="HF_ENDPOINT is no address") as caught:
        Getting(root, (Address("huggingface", address),), patience=HASTE, env={}).get(VAE)
    assert "https://" in caught.value.hint


def test_nothing_is_asked_where_that_is_forbidden(small_hub: Hub, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(Unreachable, match="HF_HUB_OFFLINE is set"):
        got(small_hub, root).get(VAE)
    assert small_hub.asked == []


# --- the disk --------------------------------------------------------------------------------------------------------


def test_a_disk_without_room_is_seen_before_anything_is_sent(
    small_hub: Hub, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(getting.shutil, "disk_usage", lambda _: Usage(10**12, 10**12 - 10**6, 10**6))
    with pytest.raises(NoRoom, match=r"vae needs 0\.0 GB more"):
        got(small_hub, root).get(VAE)
    assert small_hub.sent("config.json") == []


def test_a_disk_that_fills_up_on_the_way(small_hub: Hub, root: Path) -> None:
    root.mkdir()
    (root / ARRIVING / "vae").mkdir(parents=True)
    (root / ARRIVING / "vae" / "config.json").symlink_to("/dev/full")
    with pytest.raises(NoRoom, match="No space left on device"):
        got(small_hub, root).get(VAE)


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_shared_folder_that_is_not_ours(small_hub: Hub, root: Path) -> None:
    root.mkdir()
    root.chmod(0o500)
    with pytest.raises(EngineError, match="not yours to write to"):
        got(small_hub, root).get(VAE)
    root.chmod(0o700)


def test_two_downloads_of_one_model_do_not_meet(small_hub: Hub, root: Path) -> None:
    met: list[str] = []

    def second(now: Progress) -> None:
        if not met:
            met.append("once")
            with pytest.raises(EngineError, match="being downloaded already"):
                got(small_hub, root).get(VAE)

    assert got(small_hub, root, told=second).get(VAE) == "downloaded"
    assert met


# --- what is here already --------------------------------------------------------------------------------------------


def test_what_another_program_has_is_used_in_place(small_hub: Hub, root: Path, tiny_turbo: Path) -> None:
    (root.parent / "checkpoints").symlink_to(tiny_turbo)
    assert got(small_hub, root).get(VAE) == "linked"
    assert (root / "vae").is_symlink()
    assert small_hub.asked == []
    (there,) = present(root)
    assert (there.linked, there.trouble) == (True, "")
    assert check(there).how == "headers"


def test_the_hubs_cache_is_used_in_place_and_can_be_checked(small_hub: Hub, root: Path) -> None:
    listing = ask(VAE, small_hub.as_hub)
    cache = cache_folder({"HF_HUB_CACHE": str(root.parent / "cache")}) / f"models--{MAIN.replace('/', '--')}"
    blobs, snapshot = cache / "blobs", cache / "snapshots" / REVISION / "vae"
    blobs.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    for file in listing.files:
        name = file.sha256 or file.blob
        (blobs / name).write_bytes(small_hub.repos[MAIN].files[file.path])
        (snapshot / file.name).symlink_to(os.path.relpath(blobs / name, snapshot))
    small_hub.asked.clear()
    assert got(small_hub, root).get(VAE) == "linked"
    assert small_hub.asked == []
    verdict = check(present(root)[0])
    assert (verdict.how, verdict.files, verdict.trouble) == ("checksums", len(listing.files), "")
    weights = (snapshot / WEIGHTS).resolve()
    data = weights.read_bytes()
    weights.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert "is not what was published" in check(present(root)[0]).trouble


def test_a_folder_that_somebody_began_is_finished(small_hub: Hub, root: Path, tiny_turbo: Path) -> None:
    shutil.copytree(tiny_turbo / "vae", root / "vae")
    data = (root / "vae" / WEIGHTS).read_bytes()
    (root / "vae" / WEIGHTS).write_bytes(data[: len(data) // 2])
    assert got(small_hub, root).get(VAE) == "downloaded"
    assert small_hub.sent(WEIGHTS) == [len(data) // 2]
    assert (root / "vae" / WEIGHTS).read_bytes() == data


def test_a_link_that_leads_nowhere_is_replaced(small_hub: Hub, root: Path) -> None:
    root.mkdir()
    (root / "vae").symlink_to(root.parent / "unplugged")
    assert got(small_hub, root).get(VAE) == "downloaded"
    assert not (root / "vae").is_symlink()


def test_where_models_are_looked_for(root: Path, tiny_turbo: Path) -> None:
    env = {"ACETUI_DATA": str(root.parent)}
    assert own_root(None, env) == root
    assert own_root(tiny_turbo, env) == tiny_turbo
    assert own_root(None, env | {"ACETUI_MODELS": str(tiny_turbo)}) == tiny_turbo
    assert elsewhere(VAE, root, {"ACESTEP_CHECKPOINTS_DIR": str(tiny_turbo), "HF_HUB_CACHE": "/nothing"}) is not None
    assert elsewhere(VAE, tiny_turbo, {"ACESTEP_CHECKPOINTS_DIR": str(tiny_turbo), "HF_HUB_CACHE": "/nothing"}) is None
    assert elsewhere(find("sft"), root, {"ACESTEP_CHECKPOINTS_DIR": str(tiny_turbo), "HF_HUB_CACHE": "/x"}) is None


def test_a_model_that_was_changed_is_seen(small_hub: Hub, root: Path) -> None:
    got(small_hub, root).get(VAE)
    (there,) = present(root)
    assert check(there).how == "checksums"
    told: list[tuple[str, int, int]] = []
    check(there, lambda *step: told.append(step))
    assert told[0][2] == len(told)
    with (root / "vae" / WEIGHTS).open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last[0] ^ 1]))
    assert check(there).trouble == f"vae/{WEIGHTS} is not what was published."


def test_what_a_machine_wants_is_a_set() -> None:
    from engine.allowance import allowance

    assert [model.short for model in wanted(allowance("cuda", 4))] == ["turbo", "vae", "Qwen3-Embedding-0.6B"]
    assert wanted(allowance("cuda", 80))[-1].short == "4B"


# --- a second hub -----------------------------------------------------------------------------------------------------


def test_modelscope_sends_the_same_with_its_checksums_and_goes_on_where_it_was_cut(small_hub: Hub, root: Path) -> None:
    data = big(small_hub)
    small_hub.whims[WEIGHTS] = Whims(cut_after=PIECE + 7, cuts=1, damaged=0)
    job = Getting(root, (small_hub.as_modelscope,), "secret", HASTE, env={"HF_HUB_CACHE": "/nothing"})
    assert [job.get(model) for model in with_needs([TURBO])] == ["downloaded"] * 3
    assert (root / "vae" / WEIGHTS).read_bytes() == data
    first, second = small_hub.sent(WEIGHTS)[:2]
    assert (first, second >= PIECE) == (0, True)
    assert small_hub.tokens == {None}  # a token of the other hub is not shown to this one
    assert not (root / TURBO.name / "modeling_acestep.py").exists()
    told = json.loads((root / "vae" / MANIFEST).read_text())
    assert {file["revision"] for file in told["files"]} == {REVISION}
    assert all(file["sha256"] for file in told["files"])
    assert check(next(each for each in present(root) if each.name == "vae")).how == "checksums"


def test_damage_and_absence_at_modelscope_are_told_in_words(small_hub: Hub, root: Path) -> None:
    job = Getting(root, (small_hub.as_modelscope,), None, HASTE, env={"HF_HUB_CACHE": "/nothing"})
    small_hub.whims[WEIGHTS] = Whims(damaged=2)
    with pytest.raises(Damaged, match="arrived damaged twice"):
        job.get(VAE)
    small_hub.whims[WEIGHTS] = Whims(missing=True)
    with pytest.raises(NotOffered, match=f"does not have all of {re.escape(MAIN)}"):
        job.get(VAE)
    with pytest.raises(NotOffered, match="does not have all of ACE-Step/acestep-v15-sft"):
        job.get(find("sft"))
    small_hub.repos[MAIN].gated = True
    with pytest.raises(NotOffered, match="not given to everybody"):
        job.get(TEXT)
    with pytest.raises(Unreachable, match="what answers is no hub"):
        ask(VAE, Address("modelscope", f"{small_hub.url}/api/models/{MAIN}?"))


def test_where_the_first_hub_cannot_be_reached_the_second_is_asked_and_stays_first(small_hub: Hub, root: Path) -> None:
    said: list[str] = []
    hubs = (NOBODY, small_hub.as_modelscope)
    job = Getting(root, hubs, None, HASTE, said=said.append, env={"HF_HUB_CACHE": "/nothing"})
    assert [job.get(model) for model in (VAE, TEXT)] == ["downloaded"] * 2
    assert len(said) == 1
    assert said[0].startswith("The hub http://127.0.0.1:9 cannot be reached: ")
    assert said[0].endswith(f"{small_hub.url} is asked in its place.")
    with pytest.raises(NotOffered):  # that it does not have it is an answer: nobody else is asked
        job.get(find("xl-turbo"))
    assert len(said) == 1


def test_what_one_hub_began_the_other_finishes(small_hub: Hub, root: Path) -> None:
    data = big(small_hub)
    with hub() as failing:
        failing.repos = {MAIN: Repo(dict(small_hub.repos[MAIN].files))}
        failing.whims[WEIGHTS] = Whims(cut_after=PIECE + 7, cuts=99)

        def sends_no_more(now: Progress) -> None:
            if now.file == WEIGHTS and now.done > PIECE:
                failing.whims[WEIGHTS].failing = 99

        hubs = (failing.as_hub, small_hub.as_modelscope)
        job = Getting(root, hubs, None, HASTE, told=sends_no_more, env={"HF_HUB_CACHE": "/nothing"})
        assert job.get(VAE) == "downloaded"
    assert (root / "vae" / WEIGHTS).read_bytes() == data
    assert small_hub.sent(WEIGHTS)[0] >= PIECE


def test_no_hub_at_all_is_one_error_that_names_them(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hubs = (NOBODY, Address("modelscope", "http://127.0.0.1:7"))
    job = Getting(root, hubs, None, HASTE, env={"HF_HUB_CACHE": "/nothing"})
    with pytest.raises(Unreachable) as caught:
        job.get(VAE)
    assert caught.value.error.count("cannot be reached") == 2
    assert "acetui models path" in caught.value.hint
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(Unreachable, match="HF_HUB_OFFLINE is set"):
        job.get(VAE)


def test_which_hubs_are_asked() -> None:
    both = [hub.endpoint for hub in hubs_of({})]
    assert both == ["https://huggingface.co", "https://www.modelscope.cn"]
    assert [hub.kind for hub in hubs_of({}, "modelscope")] == ["modelscope"]
    assert [hub.endpoint for hub in hubs_of({"HF_ENDPOINT": "http://mirror.example/"})] == ["http://mirror.example"]
    moved = {"MODELSCOPE_DOMAIN": "www.modelscope.ai", "HF_ENDPOINT": "http://mirror.example"}
    assert hubs_of(moved, "modelscope") == (Address("modelscope", "https://www.modelscope.ai"),)
