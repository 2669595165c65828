"""JSON schemas of what goes in and out of the API, made from the tables that the values themselves are checked by."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from engine.fields import Field
from engine.request import FIELDS
from sessions.briefs import SAME
from sessions.settings import BESIDE, GRID
from sessions.take import Take

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
FLAG: Schema = {"type": "boolean"}
TABLE: Schema = {"type": "object"}

_KINDS: Mapping[str, Schema] = {"str": TEXT, "int": WHOLE, "float": NUMBER, "bool": FLAG, "params": TABLE}
_MANY: Mapping[str, Schema] = {"strs": TEXT, "ints": WHOLE, "floats": NUMBER}


def ref(name: str) -> Schema:
    """The schema called ``name`` in the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def table(properties: Mapping[str, Schema], *, required: tuple[str, ...] = (), open: bool = False) -> Schema:
    """An object with these entries; an ``open`` one may have others."""
    schema: Schema = {"type": "object", "properties": dict(properties)}
    if required:
        schema["required"] = list(required)
    if not open:
        schema["additionalProperties"] = False
    return schema


def many(schema: Schema) -> Schema:
    """A list."""
    return {"type": "array", "items": schema}


def or_none(schema: Schema) -> Schema:
    """The same, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def of_field(field: Field) -> Schema:
    """A field of a recipe or of a table beside it; null gives it back to the default."""
    if field.read is not None:  # it is understood in several written forms
        return {"description": field.help}
    inner = dict((_MANY if field.many else _KINDS).get(field.kind, {}))
    if field.choices:
        inner["enum"] = list(field.choices)
    inner |= {name: limit for name, limit in (("minimum", field.low), ("maximum", field.high)) if limit is not None}
    return {**or_none(many(inner) if field.many else inner), "description": field.help}


_TAKE: dict[str, Schema] = {
    **dict.fromkeys(("id", "name", "created", "note", "operation", "stored"), TEXT),
    **dict.fromkeys(("number", "seed"), WHOLE),
    **dict.fromkeys(("duration",), NUMBER),
    **dict.fromkeys(("score", "gain", "loudness"), or_none(NUMBER)),
    **dict.fromkeys(("rating", "revision"), or_none(WHOLE)),
    **dict.fromkeys(("heard", "pinned", "liked", "rejected", "trashed"), FLAG),
    **dict.fromkeys(("parent", "codes", "batch"), or_none(TEXT)),
    **dict.fromkeys(("faults", "tags"), many(TEXT)),
    **dict.fromkeys(("parts", "measured", "timings", "identity", "hashes", "layout", "request"), TABLE),
    "plan": or_none(TABLE),
    "files": {"type": "object", "additionalProperties": TEXT},
    "verdict": {"enum": ["pinned", "liked", "rejected", "heard", "unheard"]},
}

_ROW: dict[str, Schema] = {
    **{name: _TAKE[name] for name in SAME},
    **dict.fromkeys(("noted", "sketch"), FLAG),
    "parent_number": or_none(WHOLE),
}

ERROR = table({"error": TEXT, "hint": TEXT, "field": or_none(TEXT)}, required=("error", "hint", "field"), open=True)

SCHEMAS: Mapping[str, Schema] = {
    "Error": ERROR,
    "Clash": table({**ERROR["properties"], "mine": TEXT, "theirs": TEXT, "kept": TEXT, "revision": WHOLE}, open=True),
    "Take": table(_TAKE, required=tuple(f.name for f in dataclasses.fields(Take) if f.name != "extra"), open=True),
    "Row": table(_ROW, required=tuple(_ROW)),
    "Recipe": table({**{name: of_field(field) for name, field in FIELDS.items()}, GRID: or_none(TABLE)}),
    **{
        kind.title(): table({name: of_field(field) for name, field in beside.fields().items()})
        for kind, beside in BESIDE.items()
    },
    "Verification": table(
        {
            "number": WHOLE,
            "identical": or_none(FLAG),
            "reason": TEXT,
            "differs": many(TEXT),
            "identity": TABLE,
            "hashes": TABLE,
        }
    ),
}
