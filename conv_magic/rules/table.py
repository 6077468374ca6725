"""All rules in their order, and the diagnosis of a run by them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from conv_magic.analysis.chain import chains_of_branches
from conv_magic.analysis.goals import agree, reason_line_of, speaks_of_shapes
from conv_magic.analysis.operands import origin_of
from conv_magic.boundary import keep
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis, Severity
from conv_magic.model.document import Failure
from conv_magic.model.naming import name_of, spelled
from conv_magic.model.trace import Trace
from conv_magic.records.calls import failed_innermost
from conv_magic.rules.broken_roots import as_root, leads_to
from conv_magic.rules.contracts import contract_broken, contract_unchecked, contract_unreadable, size_in_comment_differs
from conv_magic.rules.convolution import (
    bias_length_differs,
    channels_differ,
    channels_first_operand,
    crop_outside_image,
    cropping_exceeds_input,
    depth_to_space_channels,
    explicit_padding,
    filter_layout,
    filter_rank,
    filters_given_to_depthwise,
    groups_do_not_divide,
    image_shrinks,
    kernel_size_as_strides,
    layer_padding_differs,
    option_out_of_range,
    options_for_other_layout,
    padding_pairs_differ,
    padding_word,
    size_not_divided_by_block,
    transposed_output_size,
    window_exceeds_input,
)
from conv_magic.rules.data import (
    array_of_arrays,
    images_of_many_sizes,
    loaded_at_another_size,
    one_sample_with_label,
    sample_counts_differ,
    samples_in_a_list,
)
from conv_magic.rules.inputs import (
    batch_size_fixed,
    channels_first_input,
    declared_batch_differs,
    declared_input_differs,
    dimensionality_differs,
    dtypes_differ,
    extra_axis,
    height_width_swapped,
    input_shape_has_samples,
    inputs_not_nested,
    inputs_out_of_order,
    missing_axis,
    network_input_too_small,
    shape_is_a_number,
    sizes_left_open,
    tokens_with_extra_axis,
    unknown_size_in_shape,
)
from conv_magic.rules.labels import (
    labels_encoded_otherwise,
    labels_not_split,
    labels_with_extra_axis,
    metric_needs_classes,
    output_units_differ,
    outputs_out_of_order,
    target_map_differs,
)
from conv_magic.rules.merge import attention_sizes_differ, ranks_to_join_differ, sizes_differ
from conv_magic.rules.outcomes import for_returned_calls
from conv_magic.rules.reshape import (
    axes_dropped_early,
    backbone_ends_in_vector,
    built_at_another_size,
    flatten_missing,
    flattened_size_differs,
    inner_sizes_differ,
    map_not_a_sequence,
    number_for_another_size,
    output_not_reshaped,
    own_weight_differs,
    reshape_total_differs,
    shape_lost_in_function,
    squeezed_axis_is_longer,
    start_size_differs,
)
from conv_magic.rules.rule import CellRule, Rule, diagnosed
from conv_magic.rules.silent import (
    accidental_groups,
    difference_broadcasts,
    graph_traced_again,
    normalises_rows,
    planes_read_as_pixels,
    reshape_moves_axes,
    shortcut_broadcasts,
    unreliable_numbers,
    weights_of_another_model,
    wrong_result_shape,
)

RULES: tuple[Rule, ...] = (
    loaded_at_another_size,
    one_sample_with_label,
    inputs_not_nested,
    inputs_out_of_order,
    outputs_out_of_order,
    sample_counts_differ,
    samples_in_a_list,
    array_of_arrays,
    batch_size_fixed,
    declared_batch_differs,
    attention_sizes_differ,
    output_not_reshaped,
    flatten_missing,
    bias_length_differs,
    start_size_differs,
    built_at_another_size,
    number_for_another_size,
    input_shape_has_samples,
    shape_is_a_number,
    shape_lost_in_function,
    unknown_size_in_shape,
    extra_axis,
    backbone_ends_in_vector,
    axes_dropped_early,
    tokens_with_extra_axis,
    map_not_a_sequence,
    filters_given_to_depthwise,
    dimensionality_differs,
    missing_axis,
    filter_rank,
    filter_layout,
    option_out_of_range,
    options_for_other_layout,
    channels_first_operand,
    channels_first_input,
    kernel_size_as_strides,
    explicit_padding,
    padding_pairs_differ,
    layer_padding_differs,
    squeezed_axis_is_longer,
    padding_word,
    groups_do_not_divide,
    cropping_exceeds_input,
    crop_outside_image,
    size_not_divided_by_block,
    dtypes_differ,
    own_weight_differs,
    inner_sizes_differ,
    channels_differ,
    height_width_swapped,
    declared_input_differs,
    window_exceeds_input,
    ranks_to_join_differ,
    sizes_differ,
    labels_not_split,
    labels_with_extra_axis,
    labels_encoded_otherwise,
    output_units_differ,
    wrong_result_shape,
    unreliable_numbers,
    transposed_output_size,
    target_map_differs,
    accidental_groups,
    normalises_rows,
    network_input_too_small,
    reshape_total_differs,
    flattened_size_differs,
    metric_needs_classes,
    shortcut_broadcasts,
    difference_broadcasts,
    sizes_left_open,
    images_of_many_sizes,
    depth_to_space_channels,
    weights_of_another_model,
    image_shrinks,
    size_in_comment_differs,
    planes_read_as_pixels,
    graph_traced_again,
)


UNEXPLAINED = "call-failed"
"""The code of a failure that no rule knows."""
_OF_BRANCHES = (UNEXPLAINED, "sizes-differ")
"""Faults of which it helps to read how each branch came to its size."""

CELL_RULES: tuple[CellRule, ...] = (contract_broken, contract_unreadable, contract_unchecked)
"""Rules that check what the cell's text states of its values, whichever calls made them."""
TEXT_RULES: tuple[CellRule, ...] = (reshape_moves_axes,)
"""Rules about what the text of a cell that ran does between its calls."""


def diagnose(trace: Trace, failure: Failure | None, faults: list[str]) -> tuple[Diagnosis, ...]:
    """Return what is wrong in a run, most likely first; an error that the cell itself handled is not.

    A cell that failed has one fault: at the call that failed, or at the contract that was broken before.  One that ran
    has the warnings of all its calls.  A rule that raises an error finds nothing; the error is noted in `faults`.
    """
    stated = _diagnoses_of_cells(CELL_RULES, trace, faults)
    if failure is not None:
        culprit = failed_innermost(trace.calls)
        if culprit is None:
            return tuple(stated)
        explained = _failure_explained(culprit, trace, faults)
        if explained is None:
            return tuple(stated)
        root = next((diagnosis for diagnosis in stated if leads_to(diagnosis, culprit, trace)), None)
        if root is None:
            return (explained, *stated)
        return (as_root(root, explained), *(d for d in stated if d.severity is Severity.NOTE))
    found = _warnings(trace, faults)
    silent = _diagnoses_of_cells(TEXT_RULES, trace, faults)
    return (*stated, *found.values(), *silent)


def _diagnoses_of_cells(rules: tuple[CellRule, ...], trace: Trace, faults: list[str]) -> list[Diagnosis]:
    """Return the diagnoses of rules about the text."""
    return [diagnosis for rule in rules for diagnosis in _diagnoses_by(rule, partial(rule.check_cell, trace), faults)]


def _warnings(trace: Trace, faults: list[str]) -> dict[object, Diagnosis]:
    """Return the warnings by code and span; of the calls made from one span the first with a warning counts."""
    found: dict[object, Diagnosis] = {}
    asked = for_returned_calls(RULES)
    left: dict[object, tuple[Rule, ...]] = {}
    for call in trace.calls:
        if call.outcome is not Outcome.RETURNED:
            continue
        spans = call.span, call.created
        rules = left.get(spans, asked)
        by_rule = [(r, ds) for r in rules if (ds := _diagnoses_by(r, partial(r.check, call, trace), faults))]
        for _, diagnoses in by_rule:
            for diagnosis in diagnoses:
                found.setdefault((diagnosis.code, diagnosis.span), diagnosis)
        if by_rule:
            codes = {rule.code for rule, _ in by_rule}
            left[spans] = tuple(rule for rule in rules if rule.code not in codes)
    return found


def _failure_explained(call: CallRecord, trace: Trace, faults: list[str]) -> Diagnosis | None:
    """Return the first diagnosis of a failed call, in the order of the rules; else the error as it was raised."""
    diagnoses = (
        diagnosis for rule in RULES for diagnosis in _diagnoses_by(rule, partial(rule.check, call, trace), faults)
    )
    found = next(diagnoses, None) or _failure_unexplained(call, trace)
    if found is None or found.code not in _OF_BRANCHES:
        return found
    chains = (chain.words for chain in chains_of_branches(trace, call))
    return replace(found, reasons=(*found.reasons, *chains))


def _diagnoses_by(
    rule: Rule | CellRule, check: Callable[[], Iterable[Diagnosis]], faults: list[str]
) -> list[Diagnosis]:
    """Return the diagnoses that a rule's check yields; none where it raises an error."""
    try:
        return list(check())
    except BaseException as error:
        keep(f"rule {rule.code}", error, faults)
        return []


def _failure_unexplained(call: CallRecord, trace: Trace) -> Diagnosis | None:
    """Return the diagnosis of an error that no rule explains, in TensorFlow's words; None where no tensor took part.

    Shapes are blamed only where the error speaks of shapes.
    """
    if not call.inputs:
        return None
    reason = reason_line_of(call.error or "").splitlines()[:1]
    blames = speaks_of_shapes(call.error or "")
    fits = call.accepts is None or agree(call.inputs[0], call.accepts)
    return diagnosed(
        UNEXPLAINED,
        call,
        f"{name_of(call)} failed on {' and '.join(map(spelled, call.inputs))}",
        reasons=(line for line in reason if line),
        expected=None if fits or not blames else call.accepts,
        actual=None if fits or not blames else call.inputs[0],
        origin=origin_of(call, trace) if blames else (None, None),
    )
