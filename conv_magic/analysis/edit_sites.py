"""Where the options of calls are written, so that another choice can be put into the text without running anything.

Only what can be found exactly is a site: the call in the text is of a known family under its own name, and nothing is
spread into its arguments that could hold the option a second time.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from conv_magic.analysis.makers import maker_of, shapes_spelled
from conv_magic.model.calls import CallRecord
from conv_magic.model.options import (
    ConvOptions,
    ConvTransposeOptions,
    CroppingOptions,
    DepthwiseConvOptions,
    PoolOptions,
    UpSamplingOptions,
    ZeroPaddingOptions,
)
from conv_magic.model.positions import Span
from conv_magic.model.sites import ArgumentSite, EditSite
from conv_magic.model.trace import Trace
from conv_magic.text.edits import end_of_arguments
from conv_magic.text.source import Code, argument, called_name

MOST_SITES = 300


@dataclass(frozen=True, slots=True)
class Parameter:
    """An option as a function takes it."""

    option: str
    position: int
    name: str


def _parameters(text: str) -> tuple[Parameter, ...]:
    """`kernel_size=1 strides=2:stride`: the option, its position, and its name there if that is another."""
    parts = [part.partition("=")[::2] for part in text.split()]
    places = [(option, *place.partition(":")[::2]) for option, place in parts]
    return tuple(Parameter(option, int(position), name or option) for option, position, name in places)


_CONV = _parameters("kernel_size=1 strides=2 padding=3 dilation_rate=5")
_DEPTHWISE = _parameters("kernel_size=0 strides=1 padding=2 dilation_rate=5")
# behind the padding the order differs between versions of Keras, so these are named
_TRANSPOSED = _parameters("kernel_size=1 strides=2 padding=3 output_padding=99 dilation_rate=99")
_POOL = _parameters("pool_size=0 strides=1 padding=2")
_LAYERS = {
    "Conv": _CONV, "Convolution": _CONV, "SeparableConv": _CONV, "SeparableConvolution": _CONV,
    "DepthwiseConv": _DEPTHWISE, "MaxPooling": _POOL, "MaxPool": _POOL, "AveragePooling": _POOL, "AvgPool": _POOL,
    "ZeroPadding": _parameters("padding=0"), "Cropping": _parameters("cropping=0"), "UpSampling": _parameters("size=0"),
}  # fmt: skip
_NN_CONV = _parameters("kernel_size=1:filters strides=2 padding=3 dilation_rate=5:dilations")
_NN_POOL = _parameters("pool_size=1:ksize strides=2 padding=3")
_OPS_POOL = _parameters("pool_size=1 strides=2 padding=3")
_FUNCTIONS = {
    "conv2d": _NN_CONV,
    "convolution": _NN_CONV,
    "conv1d": _parameters("kernel_size=1:filters strides=2:stride padding=3 dilation_rate=5:dilations"),
    "conv3d": _parameters("kernel_size=1:filters padding=3"),  # its strides are five numbers
    "depthwise_conv2d": _parameters("kernel_size=1:filter padding=3"),  # its strides are four numbers
    "max_pool": _NN_POOL, "max_pool1d": _NN_POOL, "max_pool2d": _NN_POOL, "max_pool3d": _NN_POOL,
    "avg_pool": _NN_POOL, "avg_pool1d": _NN_POOL, "avg_pool2d": _NN_POOL, "avg_pool3d": _NN_POOL,
    "conv": _parameters("kernel_size=1:kernel strides=2 padding=3 dilation_rate=5"),
    "average_pool": _OPS_POOL,
}  # fmt: skip
_SPELLED = (
    ConvOptions | DepthwiseConvOptions | ConvTransposeOptions | PoolOptions | ZeroPaddingOptions | CroppingOptions
    | UpSamplingOptions
)  # fmt: skip


def parameters_of(name: str, layer: bool) -> tuple[Parameter, ...]:
    """What the class or function of that name takes; empty where it is not known."""
    if not layer:
        return _FUNCTIONS.get(name, ())
    family = name[:-2] if name.endswith(("1D", "2D", "3D")) else ""
    return _TRANSPOSED if name.endswith("DTranspose") else _LAYERS.get(family, ())


def edit_sites(trace: Trace) -> tuple[EditSite, ...]:
    """The sites of all calls, each place in the text once, in the order of the calls."""
    found: dict[Span, EditSite] = {}
    for call in trace.calls:
        place = call.created if call.layer is not None else call.span
        if place is None or place in found or not isinstance(call.options, _SPELLED):
            continue
        site = _site(call, trace, place)
        if site is not None:
            found[place] = site
        if len(found) >= MOST_SITES:
            break
    return tuple(found.values())


def _site(call: CallRecord, trace: Trace, place: Span) -> EditSite | None:
    made = maker_of(call, trace)
    if made is None:
        return None
    code, node = made
    known = parameters_of(called_name(node), call.layer is not None)
    if call.op == "max_pool" and call.span is not None and _is_keras(code, node):
        known = _OPS_POOL
    spread = any(keyword.arg is None for keyword in node.keywords) or any(isinstance(a, ast.Starred) for a in node.args)
    sites = tuple(s for parameter in known for s in _arguments(call, trace, code, node, parameter, spread))
    capitals = call.layer is None and not _is_keras(code, node)
    return EditSite(place, capitals, sites) if sites else None


def _is_keras(code: Code, node: ast.Call) -> bool:
    """Whether a function is one of `keras.ops`, which spells its padding in small letters."""
    return "ops" in code.text_of(node.func).split(".")


def _arguments(
    call: CallRecord, trace: Trace, code: Code, node: ast.Call, parameter: Parameter, spread: bool
) -> Iterator[ArgumentSite]:
    given = argument(node, parameter.position, parameter.name)
    if isinstance(given, ast.Starred):
        return
    if parameter.option == "kernel_size" and call.layer is None:
        yield from _kernel(call, trace, code, given)
    elif given is not None:
        yield ArgumentSite(parameter.option, code.span(given), "")
    elif not spread:
        yield _insertion(code, node, parameter)


def _kernel(call: CallRecord, trace: Trace, code: Code, given: ast.expr | None) -> Iterator[ArgumentSite]:
    """The numbers of a function's kernel, where its shape is written in one place."""
    if given is None or call.kernel is None:
        return
    literals = list(shapes_spelled(code, trace, given, call.kernel))
    if len(literals) == 1:
        for axis, number in enumerate(literals[0].elts[: len(call.kernel) - 2]):
            yield ArgumentSite("kernel_size", code.span(number), "", axis)


def _insertion(code: Code, node: ast.Call, parameter: Parameter) -> ArgumentSite:
    at, separator = end_of_arguments(code, node)
    return ArgumentSite(parameter.option, at, f"{separator}{parameter.name}=")
