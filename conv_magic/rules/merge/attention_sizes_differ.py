"""Attention was given queries and values with different numbers of features.

What: `Attention` multiplies each query with each key; both need as many features.
Why: encoder and decoder were made with different units.
Example:

    encoded = layers.GRU(32, return_sequences=True)(source)
    decoded = layers.GRU(24, return_sequences=True)(target)
    layers.Attention()([decoded, encoded])

Use instead:

    decoded = layers.GRU(32, return_sequences=True)(target)

Fix safety: one of the two layers gets the units of the other; a projection of the queries keeps both.
"""

from __future__ import annotations

from collections.abc import Iterator

from conv_magic.analysis.arguments import option_of
from conv_magic.analysis.call_sites import call_site_of
from conv_magic.analysis.training import with_number
from conv_magic.model.calls import CallRecord, Outcome
from conv_magic.model.diagnoses import Diagnosis
from conv_magic.model.fixes import Applicability, Fix
from conv_magic.model.naming import name_of, spelled
from conv_magic.model.trace import Trace
from conv_magic.rules.rule import diagnosed
from conv_magic.text.edits import fix

code = "attention-sizes-differ"

_START = "import keras\nfrom keras import layers\na, b = keras.Input((5, 3)), keras.Input((7, 3))\n"
VALID: tuple[str, ...] = (
    _START + "y = layers.Attention()([layers.GRU(4, return_sequences=True)(a), layers.Dense(4)(b)])\n",
)
INVALID: tuple[str, ...] = (
    "import numpy as np\n" + _START + "q = layers.GRU(4, return_sequences=True)(np.zeros((2, 5, 3), 'float32'))\n"
    "v = layers.GRU(6, return_sequences=True)(np.zeros((2, 7, 3), 'float32'))\ny = layers.Attention()([q, v])\n",
    "import numpy as np\nfrom keras import layers\nq = layers.Embedding(50, 16)(np.zeros((2, 5), 'int32'))\n"
    "v = layers.Embedding(60, 24)(np.zeros((2, 7), 'int32'))\ny = layers.Attention()([q, v])\n",
)

_ATTENTION = {"Attention", "AdditiveAttention"}
_AXES = 3


def check(call: CallRecord, trace: Trace) -> Iterator[Diagnosis]:
    """Diagnose a failed attention on queries and values with different numbers of features."""
    if call.outcome is not Outcome.RAISED or call.op not in _ATTENTION or len(call.inputs) < 2:
        return
    query, value = call.inputs[:2]
    if len(query) != _AXES or len(value) != _AXES or None in (query[-1], value[-1]) or query[-1] == value[-1]:
        return
    fixes = (*_with_units_of_other(call, 0, value[-1], trace), *_with_units_of_other(call, 1, query[-1], trace))
    if fixes:
        yield diagnosed(
            code,
            call,
            f"{name_of(call)} cannot compare queries of {query[-1]} features with values of {value[-1]}",
            reasons=(f"the queries are {spelled(query)}, the values {spelled(value)}",),
            expected=(*query[:-1], value[-1]),
            actual=query,
            axes=(_AXES - 1,),
            fixes=fixes,
        )


def _with_units_of_other(call: CallRecord, which: int, want: int | None, trace: Trace) -> Iterator[Fix]:
    """Give the layer that made an input the units of the other one."""
    producer = call.producers[which] if which < len(call.producers) else None
    layer = trace.calls[producer] if producer is not None else None
    site = call_site_of(layer, trace) if layer is not None and layer.layer is not None else None
    given = option_of(site[1], "units", layer.op) if site is not None and layer is not None else None
    if site is None or layer is None or given is None or want is None:
        return
    for edit in with_number(site[0], trace, given, want):
        title = f"give {name_of(layer)} {want} units"
        yield fix(title, site[0], [edit], Applicability.CHOICE if which else Applicability.SURE)
        return
