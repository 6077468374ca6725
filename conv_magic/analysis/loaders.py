"""Find where the text loads images, and the arguments by which it can ask for other channels."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.definitions import Function, definitions_of
from conv_magic.model.positions import Edit
from conv_magic.text.edits import with_argument
from conv_magic.text.source import Code, called_name

_COLOR_MODES = {1: "grayscale", 3: "rgb", 4: "rgba"}
_PIL_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_WITH_COLOR_MODE = {"image_dataset_from_directory", "flow_from_directory", "flow_from_dataframe", "load_img"}
_WITH_CHANNELS = {"decode_image", "decode_png", "decode_jpeg", "decode_bmp", "decode_and_crop_jpeg"}
_MOST = 2000
"""A position that no positional argument has."""


def loader_edits(code: Code, expression: ast.expr, channels: int) -> Iterator[tuple[str, Edit]]:
    """Yield the edits after which the loaders behind an expression give so many channels, each with its title."""
    for call in _calls_behind(code, expression):
        name = called_name(call)
        if name in _WITH_COLOR_MODE and channels in _COLOR_MODES:
            mode = _COLOR_MODES[channels]
            yield (
                f'load the images with color_mode="{mode}"',
                with_argument(code, call, None, "color_mode", f'"{mode}"'),
            )
        elif name in _WITH_CHANNELS:
            yield f"decode the images to channels={channels}", with_argument(code, call, 1, "channels", str(channels))
        elif name == "convert" and channels in _PIL_MODES and len(call.args) == 1:
            mode = _PIL_MODES[channels]
            yield f'convert the images to "{mode}"', code.replace(call.args[0], f'"{mode}"')
        elif channels in (1, 3):
            yield from _with_color_switch(code, call, channels)


def _calls_behind(code: Code, expression: ast.expr) -> Iterator[ast.Call]:
    """Yield the calls that made an expression, through names and the user's own functions."""
    seen: list[ast.AST] = []
    waiting: list[ast.AST] = [expression]
    while waiting and len(seen) < _MOST:
        for node in ast.walk(waiting.pop(0)):
            if node in seen:
                continue
            seen.append(node)
            if isinstance(node, ast.Call):
                yield node
                waiting.extend(_definitions_named(code, called_name(node)))
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                waiting.extend(definitions_of(code, node)[1:])


def _definitions_named(code: Code, name: str) -> list[ast.AST]:
    """Return the user's functions and classes of that name."""
    return [n for n in ast.walk(code.tree) if isinstance(n, ast.FunctionDef | ast.ClassDef) and n.name == name]


def _with_color_switch(code: Code, call: ast.Call, channels: int) -> Iterator[tuple[str, Edit]]:
    """Yield the edits of a user's loader that has a parameter such as `grayscale=False`."""
    for definition in _definitions_named(code, called_name(call)):
        inits = [n for n in ast.walk(definition) if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
        function = definition if isinstance(definition, Function) else inits[0] if inits else None
        if not isinstance(function, ast.FunctionDef):
            continue
        names = [a.arg for a in function.args.args]
        for parameter in [*names, *(a.arg for a in function.args.kwonlyargs)]:
            value = _value_of_switch(parameter, channels)
            if value is not None and _has_boolean_default(function, parameter):
                position = names.index(parameter) - (function is not definition) if parameter in names else None
                edit = with_argument(code, call, position, parameter, str(value))
                yield f"load the images with {parameter}={value}", edit


def _value_of_switch(parameter: str, channels: int) -> bool | None:
    """Return what a parameter must be for so many channels, None if its name is not about colours."""
    word = parameter.lower()
    if "gray" in word or "grey" in word:
        return channels == 1
    return channels == 3 if "color" in word or "colour" in word or word == "rgb" else None


def _has_boolean_default(function: ast.FunctionDef, parameter: str) -> bool:
    """Check whether a parameter has a default of True or False."""
    given = function.args
    defaults = dict(zip(reversed(given.args), reversed(given.defaults), strict=False))
    defaults |= {a: d for a, d in zip(given.kwonlyargs, given.kw_defaults, strict=True) if d is not None}
    return any(
        a.arg == parameter and isinstance(d, ast.Constant) and isinstance(d.value, bool) for a, d in defaults.items()
    )
