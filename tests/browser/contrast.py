"""How well a text can be read: the ratio of luminances (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio)."""

from __future__ import annotations

from playwright.sync_api import Locator

LEAST = 4.5  # https://www.w3.org/TR/WCAG22/#contrast-minimum

# What the eye meets: the grounds of all that lies around the text, each of which may be transparent and in any
# notation, then the text on them.
_PIXELS = """element => {
    const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    const paint = colour => {
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)];
    };
    const around = [];
    for (let at = element; at; at = at.parentElement) around.unshift(getComputedStyle(at).backgroundColor);
    const ground = ["white", ...around].map(paint).at(-1);
    return [ground, paint(getComputedStyle(element).color)];
}"""


def contrast(text: Locator) -> float:
    """That of a text and what lies under it."""
    darker, lighter = sorted(map(_luminance, text.evaluate(_PIXELS)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(pixel: list[int]) -> float:
    channels = (part / 255 for part in pixel)
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
