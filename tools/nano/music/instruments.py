"""Every instrument: the track it belongs to, how captions call it, and how it sounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tools.nano.music.timbre import Timbre


@dataclass(frozen=True)
class Instrument:
    """``track`` is a published track name; ``kit`` or ``timbre`` says how it sounds (a kit for drums)."""

    track: str
    words: tuple[str, ...]
    timbre: Timbre | None = None
    kit: str = ""


INSTRUMENTS: Mapping[str, Instrument] = {
    # drums and percussion
    "drum machine": Instrument("drums", ("drum machine", "club drums", "four on the floor drums"), kit="machine"),
    "boom bap drums": Instrument("drums", ("boom bap drums", "dusty drums", "swung drums"), kit="dusty"),
    "gated drums": Instrument("drums", ("gated drums", "gated snare", "electronic drums"), kit="gated"),
    "soft pulse": Instrument("drums", ("soft pulse", "soft beat"), kit="pulse"),
    "acoustic drums": Instrument("drums", ("acoustic drums", "live drums", "rock drums"), kit="acoustic"),
    "noise drums": Instrument("drums", ("noise drums", "8-bit drums"), kit="noise"),
    "brushed drums": Instrument("drums", ("brushed drums", "soft drums"), kit="brushed"),
    "shaker": Instrument("percussion", ("shaker", "percussion"), kit="shaker"),
    "timpani": Instrument("percussion", ("timpani",), kit="timpani"),
    # bass
    "sub bass": Instrument("bass", ("sub bass", "deep bass"), Timbre("triangle", 300, release=0.05, level=0.42)),
    "synth bass": Instrument(
        "bass", ("synth bass", "saw bass"), Timbre("saw", 320, decay=0.5, bite=0.5, bite_decay=0.07, level=0.38)
    ),
    "bass guitar": Instrument(
        "bass", ("bass guitar", "electric bass"), Timbre("pluck", 420, decay=0.7, bite=0.5, bite_decay=0.05, level=0.42)
    ),
    "upright bass": Instrument(
        "bass", ("upright bass", "double bass"), Timbre("pluck", 260, decay=0.4, bite=0.25, bite_decay=0.03, level=0.5)
    ),
    "triangle bass": Instrument("bass", ("triangle bass", "8-bit bass"), Timbre("triangle", 2500, level=0.4)),
    "cello": Instrument("strings", ("cello", "low strings"), Timbre("bow", 800, attack=0.03, release=0.08, level=0.34)),
    # chords
    "synth stabs": Instrument(
        "synth", ("synth stabs", "chord stabs"), Timbre("saw", 1100, decay=0.16, bite=0.7, detune=14, wide=True)
    ),
    "piano": Instrument(
        "keyboard", ("piano", "soft piano"), Timbre("piano", 900, decay=0.8, bite=0.8, bite_decay=0.15, release=0.08)
    ),
    "electric piano": Instrument(
        "keyboard",
        ("electric piano", "soft keys"),
        Timbre("tine", 2500, decay=0.7, bite=0.3, bite_decay=0.06, release=0.08, detune=6, wide=True, level=0.22),
    ),
    "organ": Instrument("keyboard", ("organ",), Timbre("organ", 1800, release=0.03, level=0.13)),
    "distorted guitar": Instrument(
        "guitar",
        ("distorted guitar", "power chords", "heavy guitar"),
        Timbre("pluck", 2600, drive=4.0, decay=1.8, detune=9, wide=True, release=0.04, level=0.2),
    ),
    "nylon guitar": Instrument(
        "guitar",
        ("nylon guitar", "acoustic guitar"),
        Timbre("pluck", 1300, decay=0.35, bite=0.7, bite_decay=0.05, pan=-0.25, level=0.28),
    ),
    "pluck": Instrument(
        "synth", ("plucks", "synth plucks"), Timbre("square", 900, decay=0.22, bite=0.6, bite_decay=0.05, pan=0.2)
    ),
    # pads
    "synth pad": Instrument(
        "synth",
        ("synth pad", "warm pads"),
        Timbre("saw", 800, attack=0.12, release=0.25, detune=12, wide=True, level=0.13),
    ),
    "soft pad": Instrument(
        "synth",
        ("soft pad", "long pads", "drifting pads"),
        Timbre("triangle", 900, attack=0.35, release=0.5, detune=9, wide=True, level=0.22),
    ),
    "strings": Instrument(
        "strings", ("strings", "string section"), Timbre("bow", 1800, attack=0.09, release=0.2, detune=10, wide=True)
    ),
    # arpeggios
    "arpeggio": Instrument(
        "synth", ("arpeggio", "synth arpeggio"), Timbre("saw", 1200, decay=0.12, bite=0.5, bite_decay=0.05, pan=0.25)
    ),
    "square arpeggio": Instrument(
        "synth", ("square arpeggio", "fast arpeggios"), Timbre("pulse", 4000, decay=0.2, pan=0.25, level=0.13)
    ),
    # melodies
    "synth lead": Instrument(
        "synth", ("synth lead", "synth melody"), Timbre("saw", 2200, attack=0.01, detune=8, release=0.06, level=0.19)
    ),
    "bell": Instrument(
        "keyboard", ("bells", "soft bells"), Timbre("tine", 6000, decay=0.6, bite=0.5, bite_decay=0.3, release=0.4)
    ),
    "flute": Instrument("woodwinds", ("flute",), Timbre("flute", 3000, attack=0.04, release=0.06, level=0.24)),
    "violin": Instrument("strings", ("violin",), Timbre("bow", 2600, attack=0.05, release=0.08, pan=-0.15, level=0.2)),
    "electric guitar": Instrument(
        "guitar",
        ("electric guitar", "guitar solo", "lead guitar"),
        Timbre("square", 2400, attack=0.006, decay=1.5, bite=0.3, detune=6, release=0.05, pan=0.15, level=0.19),
    ),
    "square lead": Instrument("synth", ("square lead", "8-bit melody"), Timbre("square", 5000, level=0.16)),
}
"""Name to instrument; a song's ``instruments`` hold these names."""
