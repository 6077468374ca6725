"""Find where the options of calls are written, so that another value can be put into the text without running it.

Only what can be found exactly is a site: the call in the text is of a known family under its own name, and nothing is
spread into its arguments that could hold the option a second time.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from conv_magic.analysis.arguments import is_keras_function, signature_of
from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.shape_literals import shape_literals
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
from conv_magic.signatures.table import Parameter, Signature
from conv_magic.text.edits import end_of_arguments
from conv_magic.text.source import Code, argument, called_name

MOST_SITES = 300


_OPTIONS = (
    "kernel_size", "pool_size", "strides", "padding", "output_padding", "dilation_rate", "cropping", "size",
)  # fmt: skip
_AS_LISTS = {"conv3d": {"strides", "dilation_rate"}, "depthwise_conv2d": {"strides", "dilation_rate"}}
"""Functions that take these options for every axis, batch and channels too."""
_NOT_FREE = ("separable_conv2d", "conv1d_transpose", "conv2d_transpose", "conv3d_transpose")
"""Functions of which another argument must change with the option."""
_WITH_SITES = (
    ConvOptions | DepthwiseConvOptions | ConvTransposeOptions | PoolOptions | ZeroPaddingOptions | CroppingOptions
    | UpSamplingOptions
)  # fmt: skip


def parameters_of(signature: Signature, name: str) -> Iterator[tuple[str, Parameter]]:
    """Yield each option that can be chosen anew with its parameter; `name` is the function's or the class'."""
    for option in _OPTIONS if name not in _NOT_FREE else ():
        found = signature.find(option)
        if found is not None and option not in _AS_LISTS.get(name, ()):
            yield option, found


def edit_sites(trace: Trace) -> tuple[EditSite, ...]:
    """Return the sites of all calls, each span of the text once, in the order of the calls."""
    found: dict[Span, EditSite] = {}
    for call in trace.calls:
        span = call.options_span
        if span is None or span in found or not isinstance(call.options, _WITH_SITES):
            continue
        site = _site_of(call, trace, span)
        if site is not None:
            found[span] = site
        if len(found) >= MOST_SITES:
            break
    return tuple(found.values())


def _site_of(call: CallRecord, trace: Trace, span: Span) -> EditSite | None:
    """Return the site of a call with all its options, None if the call or its options cannot be found."""
    call_site = call_site_of(call, trace)
    if call_site is None:
        return None
    code, node = call_site
    signature = signature_of(node)
    known = parameters_of(signature, called_name(node)) if signature is not None else ()
    spread = any(keyword.arg is None for keyword in node.keywords) or any(isinstance(a, ast.Starred) for a in node.args)
    sites = tuple(s for option in known for s in _argument_sites(call, trace, code, node, option, spread))
    capitals = call.layer is None and not is_keras_function(node)
    return EditSite(span, capitals, sites) if sites else None


def _argument_sites(
    call: CallRecord, trace: Trace, code: Code, node: ast.Call, known: tuple[str, Parameter], spread: bool
) -> Iterator[ArgumentSite]:
    """Yield where an option is written or can be added; `spread`: `*args` or `**kwargs` may hold it."""
    option, parameter = known
    given = argument(node, parameter.position, parameter.name)
    if isinstance(given, ast.Starred):
        return
    if option == "kernel_size" and call.layer is None:
        yield from _kernel_sites(call, trace, code, given)
    elif given is not None:
        yield ArgumentSite(option, code.span(given), "")
    elif not spread:
        yield _insertion(code, node, option, parameter)


def _kernel_sites(call: CallRecord, trace: Trace, code: Code, given: ast.expr | None) -> Iterator[ArgumentSite]:
    """Yield the numbers of a function's kernel, if its shape is written exactly once."""
    if given is None or call.kernel is None:
        return
    literals = list(shape_literals(code, trace, given, call.kernel))
    if len(literals) == 1:
        for axis, number in enumerate(literals[0].elts[: len(call.kernel) - 2]):
            yield ArgumentSite("kernel_size", code.span(number), "", axis)


def _insertion(code: Code, node: ast.Call, option: str, parameter: Parameter) -> ArgumentSite:
    """Return the site at which an option that is not written can be added."""
    at, separator = end_of_arguments(code, node)
    return ArgumentSite(option, at, f"{separator}{parameter.name}=")
