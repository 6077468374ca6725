"""List all hooks: to see one more call is one more entry here."""

from __future__ import annotations

from conv_magic.capture.hooks.entry import Hook
from conv_magic.capture.hooks.keras_ends import KERAS_ENDS
from conv_magic.capture.hooks.keras_layers import LAYER_CALL
from conv_magic.capture.hooks.keras_ops import KERAS_OPS
from conv_magic.capture.hooks.tf_function import TRACES
from conv_magic.capture.hooks.tf_nn import TF_NN

HOOKS: tuple[Hook, ...] = (LAYER_CALL, *KERAS_ENDS, *TF_NN, *KERAS_OPS, *TRACES)
