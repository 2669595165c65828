"""The arguments of the verbs that make music or write of it; what they do is in a module for each."""

from __future__ import annotations

from acetui.verbs.parsing import (
    AddVerb,
    Parser,
    Verbs,
    add_engine_flags,
    add_output_flags,
    add_verb,
    add_workers_flag,
    fill_with_recipe,
    key_name,
    whole,
)

_PLANNER = {
    "plan": ("let the planner fill in what a recipe leaves open, and write codes", "[RECIPE.toml]", "a recipe"),
    "sample": ("make a whole song description of one sentence", "[SENTENCE]", "what the song is to be like"),
    "format": ("polish caption and lyrics", "[RECIPE.toml]", "a recipe"),
    "understand": ("put music into words: caption, lyrics, tempo, key", "FILE", "an audio file"),
}
"""What each of them does, what it takes, and what that is."""


def add_render(verbs: Verbs, name: str) -> None:
    """``acetui render``."""
    parser = add_verb(
        verbs,
        name,
        "acetui.verbs.render:run",
        "render takes of one recipe to audio files",
        "Render takes of one recipe to audio files. Flags win over the recipe file.",
        usage="acetui render [RECIPE.toml] [--caption TEXT] [--lyrics TEXT] [--any-recipe-field VALUE ...]\n"
        "                     [--batch N] [--seed S ...] [-o FILE or DIR]",
    )
    parser.fill = lambda: _fill_render(parser)


def _fill_render(parser: Parser) -> None:
    from acetui.verbs.flags import add_recipe_flags
    from engine.file_names import SUFFIXES
    from sessions.presets import PRESETS

    parser.add_argument("recipe", nargs="?", metavar="RECIPE.toml", help="a recipe: keys at the top or under [recipe]")
    parser.add_argument("--preset", metavar="NAME", help=f"how it is rendered, before the flags: {', '.join(PRESETS)}")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE|DIR",
        help="an audio file, or a folder if it exists or ends with a slash (default: a name made from the caption)",
    )
    parser.add_argument(
        "--format", choices=SUFFIXES, help="of the files (default: from -o, else the recipe, else flac)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace files that are there")
    parser.add_argument("--keep-latents", action="store_true", help="write the latents beside the audio (.safetensors)")
    add_engine_flags(parser)
    add_output_flags(parser)
    add_recipe_flags(parser)


def add_jam(verbs: Verbs, name: str) -> None:
    """``acetui jam``."""
    parser = add_verb(
        verbs,
        name,
        "acetui.verbs.jam:run",
        "keep rendering takes of a session until a limit, or until Ctrl-C",
        "Keep rendering new takes of a session, which is made if it is not there; recipe flags go into it. "
        "Saved edits of its session.toml count from the next batch on. Ctrl-C stops after this batch, twice at once.",
        usage="acetui jam SESSION [--takes N] [--minutes M] [--until-score X] [--keep K] [--json]\n"
        "                  [--caption TEXT] [--any-recipe-field VALUE ...]",
    )
    parser.add_argument("session", metavar="SESSION", help="a name in your own sessions, or the path of a folder")
    group = parser.add_argument_group("when to end, for this run alone")
    group.add_argument("--takes", metavar="N", help="after so many takes")
    group.add_argument("--minutes", metavar="M", help="after so long")
    group.add_argument("--until-score", metavar="X", help="once a take scores so well (0 to 1)")
    group.add_argument("--keep", metavar="K", help="keep the best so many of this run; the rest go to the trash")
    group.add_argument("--policy", metavar="WORD", help="explore, siblings (of pinned takes) or mix (the default)")
    add_engine_flags(parser)
    add_workers_flag(parser)
    parser.set_defaults(device=None)
    add_output_flags(parser)
    fill_with_recipe(parser)


def add_planner_verb(verbs: Verbs, name: str) -> None:
    """One of the planner's jobs."""
    words, argument, about = _PLANNER[name]
    parser = add_verb(
        verbs,
        name,
        "acetui.verbs.planner:run",
        words,
        f"{words[:1].upper()}{words[1:]}. What comes out is a recipe; with --json, its fields.",
        usage=f"acetui {name} {argument} [--json] [--caption TEXT] [--any-recipe-field VALUE ...]",
    )
    parser.set_defaults(verb=name)
    place = {"understand": "file", "sample": "query"}.get(name, "recipe")
    required = None if name == "understand" else "?"
    parser.add_argument(place, nargs=required, metavar=argument.strip("[]"), help=about)
    add_engine_flags(parser)
    add_output_flags(parser)
    fill_with_recipe(parser)


def add_score(verbs: Verbs, name: str) -> None:
    """``acetui score``."""
    parser = add_verb(
        verbs,
        name,
        "acetui.verbs.score:run",
        "score audio files: faults, tempo and key as asked, one overall",
        "Score any audio files. A file that was rendered here is held against the recipe inside it; for "
        "others, say what was asked for. What is not asked for does not count, and with less than half of the weights "
        "there is no overall.",
        usage="acetui score FILE... [--explain] [--json] [--bpm BPM] [--keyscale KEY]",
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="an audio file")
    parser.add_argument("--explain", action="store_true", help="say what each score is made of, and what was heard")
    parser.add_argument("--bpm", type=whole(30, 300), metavar="BPM", help="the tempo that was asked for")
    parser.add_argument(
        "--keyscale", metavar="KEY", type=key_name, help="the key that was asked for, such as 'A minor'"
    )
    add_output_flags(parser)


def add_import(verbs: Verbs, name: str) -> None:
    """``acetui import``."""
    parser = add_verb(
        verbs,
        name,
        "acetui.verbs.foreign:run",
        "the settings of another program's song as a recipe",
        "Read settings that the reference implementation (TOML or JSON) or acestep.cpp (JSON) has saved. "
        "Without SESSION the recipe is printed, for a file; with one it becomes the session's next revision. What has "
        "no counterpart here is told.",
    )
    parser.add_argument("file", metavar="FILE", help="a TOML or JSON file")
    parser.add_argument("session", nargs="?", metavar="SESSION", help="a name in your own sessions, or a folder's path")
    add_output_flags(parser)


VERBS: dict[str, AddVerb] = {
    "render": add_render,
    "jam": add_jam,
    **dict.fromkeys(_PLANNER, add_planner_verb),
    "score": add_score,
    "import": add_import,
}
