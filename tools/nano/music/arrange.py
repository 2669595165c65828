"""The score of a song: every note of every role, in quarter notes from the start."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tools.nano.music import grooves, patterns, theory
from tools.nano.music.instruments import INSTRUMENTS
from tools.nano.music.song import Section, Song
from tools.nano.music.styles import STYLE_TABLE

ROLES = ("drums", "percussion", "bass", "chords", "pad", "arp", "lead")


@dataclass(frozen=True)
class Note:
    """Sound of a role: pitches (MIDI numbers, together) or a drum."""

    start: float
    """Quarter notes from the start of the song."""
    length: float
    """Quarter notes."""
    pitches: tuple[int, ...]
    level: float
    drum: str = ""


def stream(song: Song, name: str) -> np.random.Generator:
    """Random numbers for one purpose in one song: what one role draws does not change another."""
    return np.random.Generator(np.random.Philox(key=[song.seed, int.from_bytes(name.encode()[:7], "big")]))


def arrange(song: Song) -> dict[str, list[Note]]:
    """Role to its notes in order; none starts after the end."""
    writer = _Writer(song)
    score: dict[str, list[Note]] = {role: [] for role in song.instruments}
    for section in song.sections:
        for role in section.roles:
            score[role] += writer.part(role, section)
    return {role: [note for note in notes if note.start < song.beats - 0.01] for role, notes in score.items()}


class _Writer:
    """Draws the song's patterns once, so that sections of one kind are alike, and writes them out."""

    def __init__(self, song: Song) -> None:
        self.song = song
        style = STYLE_TABLE[song.style]
        rng = stream(song, "pattern")
        self.bass = str(rng.choice(style.bass))
        self.chords = str(rng.choice(style.chords))
        self.centre = int(rng.integers(57, 65))
        self.lead_centre = int(rng.integers(70, 77)) + (5 if song.style == "chiptune" else 0)
        self.arp_order = int(rng.integers(0, 4))
        self.arp_step = 2 if song.bpm > 150 or (song.busyness < 0.3 and song.style != "chiptune") else 1
        self.grooves = {
            role: grooves.groove(INSTRUMENTS[song.instruments[role]].kit, song.meter, song.busyness, stream(song, role))
            for role in ("drums", "percussion")
            if role in song.instruments
        }
        motif_rng = stream(song, "melody")
        self.motifs = [self._motif(motif_rng) for _ in range(2)]

    def part(self, role: str, section: Section) -> list[Note]:
        """The notes of one role in one section."""
        match role:
            case "drums" | "percussion":
                return self._drums(role, section)
            case "bass":
                return self._bass(section)
            case "chords":
                return self._chords(section)
            case "pad":
                return self._pad(section)
            case "arp":
                return self._arp(section)
            case _:
                return self._lead(section)

    def _degree(self, section: Section, beat: float) -> int:
        """The last bar that is heard, and the one of half a second that may follow it, stand on the tonic."""
        song = self.song
        last = song.beats - max(0.6 / song.beat_seconds, 0.01)
        if beat >= np.floor(last / song.bar_beats) * song.bar_beats:
            return 0
        progression = song.progressions[section.progression]
        index = int((beat - section.start_bar * song.bar_beats + 1e-6) // song.chord_beats)
        return progression[index % len(progression)]

    def _chord(self, section: Section, beat: float) -> tuple[int, ...]:
        song = self.song
        degree = self._degree(section, beat)
        return theory.chord(song.tonic, song.mode, degree, seventh=song.sevenths and degree != 0)

    def _bars(self, section: Section) -> range:
        return range(section.start_bar, section.start_bar + section.bars)

    def _at(self, bar: int, tick: float) -> float:
        late = self.song.swing * 0.25 if int(tick) % 2 else 0.0
        return bar * self.song.bar_beats + tick / 4 + late

    def _level(self, section: Section, tick: int) -> float:
        accent = 1.0 if tick in patterns.PULSES[self.song.meter] else 0.85
        return accent * (0.6 + 0.4 * section.density)

    def _drums(self, role: str, section: Section) -> list[Note]:
        notes = []
        busy = self.song.busyness
        for count, bar in enumerate(self._bars(section)):
            hits = grooves.played(self.grooves[role], section.drums, self.song.meter, (count + 0.5) / section.bars)
            last = count == section.bars - 1 and section.bars > 1
            if role == "drums" and last and section.drums == "full" and busy > 0.35:
                hits = grooves.with_fill(hits, self.song.meter)
            if role == "drums" and count == 0 and section.drums == "full" and "hat" in hits and section.start_bar:
                hits = {**hits, "crash": ((0, 1.0),)}
            for name, line in hits.items():
                notes += [Note(self._at(bar, tick), 0.25, (), level, name) for tick, level in line]
        return notes

    def _bass(self, section: Section) -> list[Note]:
        song = self.song
        rhythm = patterns.bass_rhythm(self.bass if section.drums != "none" else "whole", song.meter)
        lowest = 33 if song.style != "chiptune" else 40
        notes = []
        for bar in self._bars(section):
            for tick, length, colour in rhythm:
                beat = self._at(bar, tick)
                chord = self._chord(section, beat) if self.bass != "pedal" else (song.tonic,) * 3
                root = theory.at_or_above(chord[0], lowest)
                fifth = theory.at_or_above(chord[2], lowest)
                pitch = (root, root + 12, fifth)[colour]
                notes += self._split(section, beat, length / 4, (pitch,), self._level(section, tick), lowest)
        return notes

    def _split(
        self, section: Section, beat: float, length: float, pitches: tuple[int, ...], level: float, lowest: int
    ) -> list[Note]:
        """A bass note that outlasts its chord goes on as the next one's root."""
        room = self._room(section, beat)
        if length <= room + 0.05 or self.bass == "pedal":
            return [Note(beat, length, pitches, level)]
        after = theory.at_or_above(self._chord(section, beat + room + 0.01)[0], lowest)
        return [Note(beat, room * 0.97, pitches, level), Note(beat + room, length - room, (after,), level)]

    def _room(self, section: Section, beat: float) -> float:
        """Quarter notes until the chord can change."""
        within = beat - section.start_bar * self.song.bar_beats
        step = min(self.song.chord_beats, self.song.bar_beats)
        return float((within / step + 1e-6) // 1 + 1) * step - within

    def _chords(self, section: Section) -> list[Note]:
        alone = not {"drums", "bass"} & set(section.roles)
        name = "pulse" if alone and self.chords != "broken" else self.chords
        power = self.song.instruments["chords"] == "distorted guitar"
        if power and section.density < 0.5:
            name = "pulse"
        notes = []
        for bar in self._bars(section):
            for index, (tick, length) in enumerate(patterns.chord_rhythm(name, self.song.meter)):
                beat = self._at(bar, tick)
                chord = self._chord(section, beat)
                held = min(length / 4, self._room(section, beat))
                if power:
                    root = theory.at_or_above(chord[0], 40)
                    pitches: tuple[int, ...] = (root, theory.at_or_above(chord[1], root + 12))
                elif name == "broken":
                    voiced = theory.voicing(chord[:3], self.centre)
                    pitches = (voiced[(0, 1, 2, 1)[index % 4]],) if tick else (theory.at_or_above(chord[0], 48),)
                else:
                    pitches = theory.voicing(chord, self.centre)
                notes.append(Note(beat, held, pitches, self._level(section, tick)))
        return notes

    def _pad(self, section: Section) -> list[Note]:
        song = self.song
        notes: list[Note] = []
        end = min((section.start_bar + section.bars) * song.bar_beats, song.beats)
        beat = float(section.start_bar * song.bar_beats)
        while beat < end - 0.01:
            room = min(self._room(section, beat), end - beat)
            pitches = theory.voicing(self._chord(section, beat), self.centre)
            if notes and notes[-1].pitches == pitches and notes[-1].length < 8:
                notes[-1] = Note(notes[-1].start, notes[-1].length + room, pitches, notes[-1].level)
            else:
                notes.append(Note(beat, room, pitches, self._level(section, 0)))
            beat += room
        return notes

    def _arp(self, section: Section) -> list[Note]:
        notes = []
        step = 2 if section.density < 0.5 else self.arp_step
        for bar in self._bars(section):
            for index, tick in enumerate(range(0, patterns.TICKS[self.song.meter], step)):
                beat = self._at(bar, tick)
                low = theory.voicing(self._chord(section, beat)[:3], self.centre + 2)
                ladder = (*low, low[0] + 12)
                order = ((0, 1, 2, 3), (3, 2, 1, 0), (0, 2, 1, 3), (0, 1, 2, 1))[self.arp_order]
                pitch = ladder[order[index % 4]]
                notes.append(Note(beat, step / 4 * 0.9, (pitch,), self._level(section, tick)))
        return notes

    def _motif(self, rng: np.random.Generator) -> list[list[tuple[int, float, int]]]:
        """Two bars of start (tick), length (ticks) and height (scale steps from the centre); it rarely leaps."""
        bars, height = [], 0
        for _ in range(2):
            bar = []
            for tick, length in patterns.melody_rhythm(self.song.meter, self.song.busyness * 0.8, rng):
                bar.append((tick, length, height))
                height = int(np.clip(height + rng.choice((-2, -1, -1, 0, 1, 1, 2, 3)), -4, 5))
            bars.append(bar)
        return bars

    def _lead(self, section: Section) -> list[Note]:
        """Beats have notes of the chord, the rest steps of the scale; the song's last note is the tonic."""
        song, notes = self.song, []
        motif = self.motifs[section.progression]
        for count, bar in enumerate(self._bars(section)):
            for tick, length, height in motif[count % 2]:
                beat = self._at(bar, tick)
                chord = self._chord(section, beat)
                tonic = theory.at_or_above(song.tonic, self.lead_centre - 6)
                pitch = theory.scale_pitch(tonic, song.mode, height + 7 * (height < -3))
                if song.mode == "minor" and self._degree(section, beat) == 4 and pitch % 12 == (song.tonic + 10) % 12:
                    pitch += 1
                if tick in patterns.PULSES[song.meter] or length > 3.5:
                    pitch = theory.nearest(chord[:3], pitch)
                notes.append(Note(beat, min(length / 4, 4.0), (pitch,), self._level(section, tick)))
        return notes
