"""``acetui adapters``: which there are, and whether they fit the model, as their headers say. Nothing is loaded."""

from __future__ import annotations

import argparse
import json
from typing import Any

from engine import EngineError
from engine.adapters.reading import adapters_folder, find_adapter, installed, open_adapter
from engine.checkpoints import NO_LM, find_models, open_set
from engine.layout import dit_tensors


def run(args: argparse.Namespace) -> int:
    """The verb: 0 where all is well; raises EngineError for one that was named and is not there or does not fit."""
    home = adapters_folder()
    dit = open_set(find_models(args.models), args.dit, NO_LM).dit
    shapes = dit_tensors(dit.config)
    names = args.names or installed(home)
    for name in names:
        row: dict[str, Any] = {"event": "adapter", "name": name}
        try:
            found = open_adapter(find_adapter(name, home), shapes, dit.name)
        except EngineError as error:
            if args.names:
                raise
            row |= {"fits": False, **error.to_dict()}
        else:
            row |= {"file": str(found.file), "kinds": list(found.kinds), "layers": len(found.changes)}
            row |= {"sha256": found.digest, "fits": True, "remarks": list(found.remarks)}
        print(json.dumps(row) if args.json else _line(row), flush=True)
    if not args.json:
        print(f"They lie in {home}." if names else f"There are none. They belong in {home}.")
    return 0


def _line(row: dict[str, Any]) -> str:
    """An adapter in a line."""
    if not row["fits"]:
        return f"  {row['name']}  -  {row['error']}"
    kinds = ", ".join(row["kinds"])
    remarks = "".join(f"  {remark}" for remark in row["remarks"])
    return f"  {row['name']}  {kinds}, {row['layers']} layers{remarks}"
