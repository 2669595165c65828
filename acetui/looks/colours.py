"""Colours as numbers: how far apart two of them are, whether one can be read on the other, and for whom.

Colours are ``#rrggbb``. Terminals' own sixteen colours have no numbers here: what they look like is the terminal's.
"""

from __future__ import annotations

import math
import re

RGB = tuple[float, float, float]
"""Red, green and blue from 0 to 1, as they are written (sRGB)."""

_HEX = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")

_LINEAR_FROM = 0.04045
"""Below this sRGB value a channel is linear (IEC 61966-2-1)."""

_DICHROMATS = {
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
}
"""What eyes without one kind of cone see, in linear RGB (Machado, Oliveira and Fernandes 2009, severity 1.0)."""


def is_colour(text: str) -> bool:
    """Whether ``text`` is a colour as it is written in a theme."""
    return _HEX.fullmatch(text) is not None


def parse(colour: str) -> RGB:
    """The channels of ``#rgb`` or ``#rrggbb``."""
    digits = colour.removeprefix("#")
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    red, green, blue = (int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4))
    return red, green, blue


def written(rgb: RGB) -> str:
    """The channels as ``#rrggbb``."""
    return "#" + "".join(f"{round(min(max(channel, 0.0), 1.0) * 255):02x}" for channel in rgb)


def luminance(colour: str) -> float:
    """Relative luminance from 0 to 1 (WCAG 2.2)."""
    red, green, blue = _linear(parse(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, from 1 to 21 (WCAG 2.2): 4.5 is what text needs, 3 what a mark needs."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def blend(one: str, other: str, share: float) -> str:
    """``one`` with a ``share`` of ``other`` in it."""
    first, second = parse(one), parse(other)
    red, green, blue = ((1 - share) * a + share * b for a, b in zip(first, second, strict=True))
    return written((red, green, blue))


def readable(colour: str, backgrounds: tuple[str, ...], at_least: float) -> str:
    """``colour``, moved towards black or white until it has a contrast of ``at_least`` with each of ``backgrounds``.

    The nearest such colour; where there is none, whichever of black and white is best.
    """

    def worst(candidate: str) -> float:
        return min(contrast(candidate, background) for background in backgrounds)

    for step in range(101):
        for end in ("#ffffff", "#000000"):
            if worst(moved := blend(colour, end, step / 100)) >= at_least:
                return moved
    return max(("#ffffff", "#000000"), key=worst)


def seen_with(kind: str, colour: str) -> str:
    """``colour`` as somebody with ``protanopia`` or ``deuteranopia`` sees it."""
    linear = _linear(parse(colour))
    red, green, blue = (sum(a * b for a, b in zip(row, linear, strict=True)) for row in _DICHROMATS[kind])
    return written(_encoded((red, green, blue)))


def distance(one: str, other: str) -> float:
    """How different two colours look: their distance in Oklab, 0 for the same and 1 from black to white."""
    first, second = _oklab(one), _oklab(other)
    return math.dist(first, second)


def _linear(rgb: RGB) -> RGB:
    red, green, blue = (
        channel / 12.92 if channel <= _LINEAR_FROM else float(((channel + 0.055) / 1.055) ** 2.4) for channel in rgb
    )
    return red, green, blue


def _encoded(rgb: RGB) -> RGB:
    clipped = (min(max(channel, 0.0), 1.0) for channel in rgb)
    red, green, blue = (
        channel * 12.92 if channel <= _LINEAR_FROM / 12.92 else float(1.055 * channel ** (1 / 2.4) - 0.055)
        for channel in clipped
    )
    return red, green, blue


def _oklab(colour: str) -> tuple[float, float, float]:
    """Lightness and the two axes of hue (Ottosson 2020)."""
    red, green, blue = _linear(parse(colour))
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    medium = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short,
    )
