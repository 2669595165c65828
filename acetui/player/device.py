"""A sound device of this machine, by miniaudio."""

from __future__ import annotations

import ctypes
import functools
import logging
import sys
import time
from array import array
from collections.abc import Generator, Sequence
from typing import Any

from acetui.player.outputs import AUTO, NoSound, Pull
from acetui.player.samples import silence
from acetui.player.sounds import CHANNELS, RATE

_log = logging.getLogger(__name__)

PERIOD_MILLISECONDS, PERIODS = 30, 4
"""What the device asks for at once, and how many of those lie between us and the ear."""

DEAD_SECONDS = 1.5
"""A device that has not asked for so long is gone."""

BACKENDS: tuple[str, ...] = ("PULSEAUDIO", "ALSA") if sys.platform.startswith("linux") else ()
"""Where devices are looked for; empty for all there are. Others of Linux write onto the terminal when they fail."""


class Device:
    """A device, by a part of its name or ``auto``. Raises NoSound where it cannot be opened."""

    def __init__(self, name: str, pull: Pull, backends: Sequence[str] = BACKENDS) -> None:
        _quiet_alsa()
        import miniaudio

        self._pull = pull
        self._pulled = time.monotonic()
        self._lost = False
        wanted = [miniaudio.Backend[each] for each in backends]
        try:
            self._kept, device = _chosen(name, wanted)  # the id is of the list's memory
            self._device: Any = miniaudio.PlaybackDevice(
                output_format=miniaudio.SampleFormat.FLOAT32,
                nchannels=CHANNELS,
                sample_rate=RATE,
                buffersize_msec=PERIOD_MILLISECONDS,
                callback_periods=PERIODS,
                device_id=device,
                backends=wanted or None,
                app_name="acetui",
            )
        except miniaudio.MiniaudioError as cause:
            _log.info("no device: %s", cause)
            raise NoSound("No sound device was found here.", "Plug one in, or choose an output (f8).") from None
        self._device.stop_callback = self._stopped
        self.name = str(self._device.backend)

    def start(self) -> None:
        """The device asks for frames from now on."""
        import miniaudio

        frames = self._frames()
        next(frames)
        self._pulled = time.monotonic()
        try:
            self._device.start(frames)
        except miniaudio.MiniaudioError as cause:
            _log.info("the device does not start: %s", cause)
            raise NoSound("The sound device does not start.", "Look whether another program holds it.") from None

    def close(self) -> None:
        """The device asks no more."""
        self._device.stop_callback = None
        self._device.close()

    @property
    def alive(self) -> bool:
        """Whether the device still asks."""
        return not self._lost and time.monotonic() - self._pulled < DEAD_SECONDS

    def _stopped(self) -> None:
        self._lost = True

    def _frames(self) -> Generator[array[float], int, None]:
        """What miniaudio asks: it may never raise, its words would stand on the screen."""
        given = array("f")
        while True:
            wanted = yield given
            self._pulled = time.monotonic()
            try:
                given = self._pull(wanted)
            except Exception:
                _log.exception("mixing failed")
                given = silence(wanted)


def device_names(backends: Sequence[str] = BACKENDS) -> list[str]:
    """The devices that there are."""
    _quiet_alsa()
    import miniaudio

    try:
        found = miniaudio.Devices([miniaudio.Backend[each] for each in backends] or None).get_playbacks()
    except miniaudio.MiniaudioError:
        return []
    return [str(each["name"]) for each in found]


def _chosen(name: str, backends: Sequence[Any]) -> tuple[Any, Any]:
    """The list of devices, and the id of the one that is called so; None for the machine's own choice."""
    import miniaudio

    if name == AUTO:
        return None, None
    devices = miniaudio.Devices(list(backends) or None)
    for each in devices.get_playbacks():
        if name.casefold() in each["name"].casefold():
            return devices, each["id"]
    raise NoSound(f"There is no sound device called '{name}'.", "'f8' opens the settings: device; auto takes any.")


@functools.cache
def _quiet_alsa() -> object:
    """ALSA tells of what it does not find on the terminal itself: it is given somebody else to tell."""
    if not sys.platform.startswith("linux"):
        return None
    kind = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p)
    nobody = kind(lambda *_: None)
    try:
        ctypes.CDLL("libasound.so.2").snd_lib_error_set_handler(nobody)
    except (OSError, AttributeError):
        return None
    return nobody  # kept for ever: ALSA has its address
