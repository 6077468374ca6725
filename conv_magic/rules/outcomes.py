"""Which rules speak of failed calls only: for a call that returned, as nearly all do, they are not asked.

A rule that is not named here is asked about every call, so to leave a new one out costs time alone.
"""

from __future__ import annotations

from collections.abc import Iterable

from conv_magic.rules.rule import Rule

OF_FAILED_CALLS = frozenset(
    {
        "array-of-arrays",
        "attention-sizes-differ",
        "axes-dropped-early",
        "backbone-ends-in-vector",
        "batch-size-fixed",
        "bias-length-differs",
        "built-at-another-size",
        "channels-differ",
        "channels-first-operand",
        "crop-outside-image",
        "cropping-exceeds-input",
        "declared-input-differs",
        "depth-to-space-channels",
        "dimensionality-differs",
        "dtypes-differ",
        "extra-axis",
        "filter-rank",
        "flattened-size-differs",
        "groups-do-not-divide",
        "images-of-many-sizes",
        "inner-sizes-differ",
        "input-shape-has-samples",
        "inputs-not-nested",
        "inputs-out-of-order",
        "labels-encoded-otherwise",
        "labels-not-split",
        "layer-padding-differs",
        "loaded-at-another-size",
        "map-not-a-sequence",
        "metric-needs-classes",
        "missing-axis",
        "network-input-too-small",
        "number-for-another-size",
        "option-out-of-range",
        "output-not-reshaped",
        "outputs-out-of-order",
        "own-weight-differs",
        "padding-pairs-differ",
        "padding-word",
        "ranks-to-join-differ",
        "reshape-total-differs",
        "sample-counts-differ",
        "samples-in-a-list",
        "shape-is-a-number",
        "shape-lost-in-function",
        "size-not-divided-by-block",
        "sizes-differ",
        "sizes-left-open",
        "squeezed-axis-is-longer",
        "start-size-differs",
        "tokens-with-extra-axis",
        "transposed-output-size",
        "unknown-size-in-shape",
        "weights-of-another-model",
    }
)


def for_returned_calls(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """Return the rules that may have something to say of a call that returned, in their order."""
    return tuple(rule for rule in rules if rule.code not in OF_FAILED_CALLS)
