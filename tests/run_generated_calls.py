"""Compares many generated calls, traced, with what TensorFlow without oneDNN answers.

    python tests/run_generated_calls.py [COUNT] [SEED] [--plain]

Prints what differs and a count of each kind; exit status 1 if a call died, or differed unnoticed, or was blocked or
flagged though valid.  `--plain` also tells what the same calls do with oneDNN and without conv_magic.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence

from expendable import Answer, answers
from generated_calls import FAMILIES, GeneratedCall, generate

FAULTS = ("died", "differs unnoticed", "valid but blocked", "valid but flagged", "tracing failed")


def verdict(call: GeneratedCall, plain: Answer, traced: Answer) -> str:
    """What became of one call; `plain` is the reference's answer."""
    if traced.kind == "died":
        return "died"
    if "OwnFault" in traced.error:
        return "tracing failed"
    if plain.kind == "died":
        return "the reference died"
    if plain.kind != "returned":
        return _of_refused(call, plain, traced)
    if traced.kind == "raised":
        return _of_blocked(plain, traced)
    if traced.shapes == plain.shapes and traced.codes == ("unreliable-numbers/warning",):
        return "valid, known to go wrong, said"
    same = traced.shapes == plain.shapes and (_reference_errs(call) or _equal(plain, traced))
    if not same:
        return "differs, said" if traced.codes else "differs unnoticed"
    return "valid but flagged" if traced.codes else "valid, same"


def _of_refused(call: GeneratedCall, plain: Answer, traced: Answer) -> str:
    """The reference refuses: so must the traced call, in whatever words."""
    if traced.kind == "raised":
        return "refused by us" if traced.guarded else "refused by TensorFlow"
    if _needs_onednn(plain) and not traced.codes:
        return "only oneDNN can"
    if _needs_onednn(plain) and not call.changed:
        return "valid but flagged"
    return "refused by the reference, said" if traced.codes else "differs unnoticed"


def _of_blocked(plain: Answer, traced: Answer) -> str:
    if not traced.guarded:
        return "only the reference can"  # TensorFlow itself raises with oneDNN
    nothing = any(0 in shape for shape in plain.shapes)
    return "nothing left, refused" if nothing else "valid but blocked"


_LIMITS = (
    "only support",
    "not support",
    "not yet support",
    "unimplemented",
    "currently only",
    "equal length strides",
    "dnnl_sgemm",
)


def _needs_onednn(plain: Answer) -> bool:
    """Channels first, unequal strides of a depthwise kernel, grouped gradients: on a CPU oneDNN alone computes them."""
    return any(word in plain.error.lower() for word in _LIMITS)


def _reference_errs(call: GeneratedCall) -> bool:
    """Where the numbers without oneDNN are wrong, with it right.

    3-D kernels start past the first element where SAME adds nothing and a stride skips some; a 3-D transposed
    convolution of no channels leaves its result as the memory was.
    """
    three = "3d" in call.name.lower() or any(len(shape) == 5 for shape in call.tensors)
    same = any(str(value).lower() == "same" for _, value in call.options)
    return three and (same or ("ranspose" in call.name and 0 in call.tensors[0]))


def _equal(plain: Answer, traced: Answer) -> bool:
    import numpy as np

    return all(np.allclose(a, b, equal_nan=True) for a, b in zip(plain.values, traced.values, strict=True))


def compare(count: int, seed: int) -> tuple[list[tuple[GeneratedCall, Answer, Answer, str]], Counter[str]]:
    """Every call with its two answers and the verdict, and how many there are of each verdict."""
    calls = list(generate(count, seed))
    reference = answers(calls, way="plain", onednn=False)
    traced = answers(calls, way="traced", onednn=True)
    rows = [(c, p, t, verdict(c, p, t)) for c, p, t in zip(calls, reference, traced, strict=True)]
    return rows, Counter(row[3] for row in rows)


def _plain_figures(calls: Sequence[GeneratedCall], reference: Sequence[Answer]) -> Counter[str]:
    """What the calls do with oneDNN and nothing of ours."""
    found = answers(calls, way="plain", onednn=True)
    return Counter(
        "died" if t.kind == "died"
        else "wrong result" if p.kind == t.kind == "returned" and not (p.shapes == t.shapes and _equal(p, t))
        else "accepted, reference refuses" if t.kind == "returned" and p.kind == "raised"
        else "raises, reference returns" if p.kind == "returned" and t.kind == "raised"
        else "same"
        for p, t in zip(reference, found, strict=True)
    )  # fmt: skip


def main() -> int:
    """Run, print, and say whether all is well."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("count", nargs="?", type=int, default=10_000)
    parser.add_argument("seed", nargs="?", type=int, default=1)
    parser.add_argument("--plain", action="store_true")
    given = parser.parse_args()
    rows, counts = compare(given.count, given.seed)
    shown: Counter[str] = Counter()
    for call, plain, traced, word in rows:
        shown[f"{word} {call.name}"] += 1
        if word in FAULTS and shown[f"{word} {call.name}"] <= 4:
            print(f"{word}: {call}\n    reference: {plain.kind} {plain.shapes} {plain.error[:150]}")
            print(f"    traced:    {traced.kind} {traced.shapes} {traced.error[:150]} {traced.codes}\n    {traced.row}")
    print(f"{given.count} calls of {len(FAMILIES)} families, seed {given.seed}")
    for word, number in counts.most_common():
        print(f"{number:7} {word}")
    if given.plain:
        print("with oneDNN and without conv_magic:")
        for word, number in _plain_figures([row[0] for row in rows], [row[1] for row in rows]).most_common():
            print(f"{number:7} {word}")
    return int(any(counts[word] for word in FAULTS))


if __name__ == "__main__":
    sys.exit(main())
