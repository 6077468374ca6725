"""What a picture is made of: rectangles, lines and texts with roles, and how they become a static SVG.

Pictures are laid out as data first, so that the browser's live ones can be compared with these; a role becomes a class,
and the style sheet gives it colour and dashes.  Lengths are in CSS pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import floor
from typing import Literal
from xml.etree.ElementTree import Element, SubElement

from conv_magic.views.wording import one_line

Anchor = Literal["start", "middle", "end"]

HATCH = 5.0
"""Pixels between two lines of a hatching."""
CHARACTER = 6.2
"""About the width of a character of the labels' font."""


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle."""

    role: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Path:
    """Lines; `d` is SVG's path notation (https://www.w3.org/TR/SVG2/paths.html#PathData)."""

    role: str
    d: str


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text; `y` is its base line."""

    role: str
    x: float
    y: float
    text: str
    anchor: Anchor = "middle"


Ink = Rect | Path | Text


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture of `width` x `height`; what comes later lies above."""

    width: float
    height: float
    inks: tuple[Ink, ...]


def figure(number: float) -> str:
    """Write a length with at most one decimal, a half rounded up as JavaScript's `Math.floor(10 * x + 0.5) / 10`."""
    rounded = floor(number * 10 + 0.5) / 10
    return str(int(rounded)) if rounded == int(rounded) else str(rounded)


def line(x: float, y: float, x2: float, y2: float) -> str:
    """One stroke in path notation."""
    return f"M{figure(x)} {figure(y)}L{figure(x2)} {figure(y2)}"


def box(x: float, y: float, width: float, height: float) -> str:
    """Write a rectangle in path notation, so that many are one element."""
    return f"M{figure(x)} {figure(y)}h{figure(width)}v{figure(height)}h{figure(-width)}z"


def hatching(x: float, y: float, width: float, height: float) -> str:
    """Diagonal lines that fill a rectangle: a mark that needs no colour."""
    strokes = []
    reach = HATCH
    while reach < width + height:
        left, top = min(reach, width), max(reach - width, 0)
        right, bottom = max(reach - height, 0), min(reach, height)
        strokes.append(line(x + left, y + top, x + right, y + bottom))
        reach += HATCH
    return "".join(strokes)


def legend(entries: list[tuple[str, str]], y: float, width: float) -> Iterator[Ink]:
    """Draw a swatch of each role with its meaning, in rows no wider than `width`; the last ink is the lowest."""
    x = 0.0
    for role, meaning in entries:
        needed = 20 + len(meaning) * CHARACTER + 14
        if x > 0 and x + needed > width:
            x, y = 0.0, y + 18
        yield Rect(role, x + 1, y, 12, 12)
        if role in ("lost", "cut", "excess"):
            yield Path(f"{role}-hatch", hatching(x + 1, y, 12, 12))
        yield Text("label", x + 20, y + 10, meaning, "start")
        x += needed


def to_svg(scene: Scene, words: str) -> Element:
    """Make a static `<svg>`; `words` say the same for those who do not see it.

    Where the style sheet is stripped, it is a drawing in lines: its attributes give way to any style.
    """
    width, height = figure(scene.width), figure(scene.height)
    place = {"viewBox": f"0 0 {width} {height}", "width": width, "height": height, "role": "img"}
    root = Element("svg", place | {"fill": "none", "stroke": "currentColor", "font-size": "11"})
    SubElement(root, "title").text = one_line(words)
    for ink in scene.inks:
        root.append(_element(ink))
    return root


_WITHOUT_OUTLINE = ("break", "lost", "tap")


def _look(role: str) -> dict[str, str]:
    return {"class": role} | ({"stroke": "none"} if role in _WITHOUT_OUTLINE else {})


def _element(ink: Ink) -> Element:
    match ink:
        case Rect():
            places = {"x": ink.x, "y": ink.y, "width": ink.width, "height": ink.height}
            return Element("rect", _look(ink.role) | {name: figure(value) for name, value in places.items()})
        case Path():
            return Element("path", _look(ink.role) | {"d": ink.d})
    place = {"x": figure(ink.x), "y": figure(ink.y), "text-anchor": ink.anchor}
    made = Element("text", {"class": ink.role} | place | {"fill": "currentColor", "stroke": "none"})
    made.text = one_line(ink.text)
    return made
