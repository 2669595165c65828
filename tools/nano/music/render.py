"""From a song to its sound: notes become samples, roles become tracks, tracks become the mix."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tools.nano.music.arrange import Note, arrange, stream
from tools.nano.music.drumkit import drum
from tools.nano.music.instruments import INSTRUMENTS
from tools.nano.music.song import Song
from tools.nano.music.styles import STYLE_TABLE
from tools.nano.music.timbre import SAMPLE_RATE, FloatArray, Timbre, Voice

PEAK = 0.9
_RMS = 0.17
_FADE = int(0.05 * SAMPLE_RATE)
_ROLE_LEVEL = {"bass": 0.62, "chords": 1.0, "pad": 0.8, "arp": 0.9, "lead": 0.9}
_DRUM_PAN = {"hat": 0.25, "open hat": 0.25, "crash": -0.2, "shaker": -0.35, "rim": -0.15}


def samples(song: Song) -> int:
    """Length of the song in samples."""
    return round(song.duration * SAMPLE_RATE)


def render(song: Song) -> FloatArray:
    """The song, [2, samples] at 48 kHz, its peak at most ``PEAK``."""
    mix = np.zeros((2, samples(song)), dtype=np.float32)
    for track in _tracks(song).values():
        mix += track
    return master(mix)


def render_stems(song: Song) -> dict[str, FloatArray]:
    """Published track name to sound, [2, samples]; ``master`` of their sum is the song."""
    return _tracks(song)


def master(mix: FloatArray) -> FloatArray:
    """Brings the sum of the tracks to the common loudness; a gentle limiter holds the peaks."""
    rms = float(np.sqrt(np.dot(mix.ravel(), mix.ravel()) / mix.size))
    mix = np.tanh(mix * np.float32(_RMS / max(rms, 1e-6) / PEAK))
    mix *= np.float32(PEAK)
    return mix


def _tracks(song: Song) -> dict[str, FloatArray]:
    length = samples(song)
    tracks: dict[str, FloatArray] = {}
    pump = _pump_shape(song)
    for role, notes in arrange(song).items():
        if not notes:
            continue
        name = INSTRUMENTS[song.instruments[role]].track
        if name not in tracks:
            tracks[name] = np.zeros((2, length), dtype=np.float32)
        track = tracks[name]
        if role in ("drums", "percussion"):
            _add_drums(song, role, notes, track)
        elif role in ("bass", "pad", "chords") and pump is not None:
            line = np.zeros((2, length), dtype=np.float32)
            _add_notes(song, role, notes, line)
            _pump(song, line, pump)
            track += line
        else:
            _add_notes(song, role, notes, track)
    for track in tracks.values():
        track[:, -_FADE:] *= np.linspace(1, 0, _FADE, dtype=np.float32)[-track.shape[1] :]
    return tracks


def _add_notes(song: Song, role: str, notes: list[Note], track: FloatArray) -> None:
    timbre = _coloured(song, role)
    voice = Voice(timbre)
    level = timbre.level * _ROLE_LEVEL[role]
    gains = np.array([[min(1, 1 - timbre.pan)], [min(1, 1 + timbre.pan)]], dtype=np.float32) * np.float32(level)
    end = track.shape[1]
    second = SAMPLE_RATE * song.beat_seconds
    for note in notes:
        sound = voice.note(note.pitches, note.length * song.beat_seconds)
        start = round(note.start * second)
        room = min(sound.shape[1], end - start)
        track[:, start : start + room] += sound[:, :room] * (gains * np.float32(note.level))


def _add_drums(song: Song, role: str, notes: list[Note], track: FloatArray) -> None:
    rng = stream(song, role + "!")
    character = {"bright": 0.6 * song.brightness + 0.4 * float(rng.random()), "tight": float(rng.random())}
    kit = INSTRUMENTS[song.instruments[role]].kit
    sounds: dict[str, FloatArray] = {}
    second = SAMPLE_RATE * song.beat_seconds
    end = track.shape[1]
    for note in notes:
        if note.drum not in sounds:
            pan = _DRUM_PAN.get(note.drum, 0.0)
            gains = np.array([[min(1, 1 - pan)], [min(1, 1 + pan)]], dtype=np.float32)
            sounds[note.drum] = drum(note.drum, kit, character, song.tonic) * gains
        sound = sounds[note.drum]
        start = round(note.start * second)
        room = min(sound.shape[1], end - start)
        track[:, start : start + room] += sound[:, :room] * np.float32(note.level)


def _coloured(song: Song, role: str) -> Timbre:
    """The instrument's timbre with this song's own brightness, decay and detune."""
    timbre = INSTRUMENTS[song.instruments[role]].timbre
    if timbre is None:
        raise ValueError(f"{song.instruments[role]} has no pitch")
    luck = stream(song, role + "?").random(4)
    shine = 0.7 * song.brightness + 0.3 * float(luck[0])
    return replace(
        timbre,
        cutoff=timbre.cutoff * 2.0 ** (1.6 * shine - 0.8),
        decay=timbre.decay * float(0.7 + 0.7 * luck[1]),
        detune=timbre.detune * float(0.5 + luck[2]),
        bite=timbre.bite * float(0.6 + 0.8 * luck[3]),
    )


def _pump_shape(song: Song) -> FloatArray | None:
    """A beat's worth of gain that dips under the kick, or None."""
    depth = STYLE_TABLE[song.style].pump
    if not depth:
        return None
    length = int(song.beat_seconds * SAMPLE_RATE) + 2
    place = np.arange(length, dtype=np.float32) / np.float32(length)
    return np.asarray(1 - depth * np.maximum(0, 1 - 2.2 * place) ** 1.5, dtype=np.float32)


def _pump(song: Song, line: FloatArray, shape: FloatArray) -> None:
    for section in song.sections:
        if section.drums not in ("full", "light"):
            continue
        first = section.start_bar * song.bar_beats
        for beat in range(first, first + section.bars * song.bar_beats):
            a, b = (round(k * song.beat_seconds * SAMPLE_RATE) for k in (beat, beat + 1))
            line[:, a:b] *= shape[: max(0, min(b, line.shape[1]) - a)]
