"""Look up the arguments of a call in the text by the shared table of signatures."""

from __future__ import annotations

import ast

from conv_magic.model.positions import Edit
from conv_magic.model.shapes import DataFormat
from conv_magic.signatures.table import Parameter, Signature, function_signature, layer_signature
from conv_magic.text.edits import with_argument
from conv_magic.text.source import Code, argument, called_name


def signature_of(call: ast.Call, op: str | None = None) -> Signature | None:
    """Return the signature of the function or class that a call names, None if it is not in the table.

    `op` is the operation's name where the text may know it by another: `conv2d` of `from tensorflow.nn import conv2d
    as conv`; of `keras.ops.conv`, which runs `tf.nn.convolution`, the name in the text counts.
    """
    keras = is_keras_function(call)
    for name in (op or "", called_name(call)):
        found = layer_signature(name) if name[:1].isupper() else function_signature(name, keras=keras)
        if found is not None:
            return found
    return None


def is_keras_function(call: ast.Call) -> bool:
    """Check whether the called function is spelled as one of `keras.ops`."""
    at = call.func.value if isinstance(call.func, ast.Attribute) else None
    while isinstance(at, ast.Attribute):
        if at.attr == "ops":
            return True
        at = at.value
    if isinstance(at, ast.Name):
        return at.id == "ops"
    return at is not None and "ops" in ast.unparse(at).split(".")


def parameter_of(call: ast.Call, option: str, op: str | None = None) -> Parameter | None:
    """Return the parameter that takes an option of the called layer or function, None if it is not known."""
    signature = signature_of(call, op)
    return signature.find(option) if signature else None


def option_of(call: ast.Call, option: str, op: str | None = None) -> ast.expr | None:
    """Return the expression that a call gives for an option, None where it gives none.

    The keyword may be one that the option had in an older release.  Of an unknown function only a keyword counts.
    """
    parameter = parameter_of(call, option, op)
    if parameter is None:
        return argument(call, None, option)
    return argument(call, parameter.position, parameter.name, *parameter.synonyms)


def data_format_of_call(call: ast.Call, op: str, recorded: DataFormat) -> DataFormat:
    """Return the `data_format` that a call in the text states, else the recorded one.

    The options of a failed call may not have been recorded.
    """
    given = option_of(call, "data_format", op)
    word = given.value if isinstance(given, ast.Constant) else None
    if not isinstance(word, str):
        return recorded
    return "channels_first" if word.upper().startswith("NC") else "channels_last"


def with_option(code: Code, call: ast.Call, option: str, text: str, op: str | None = None) -> Edit:
    """Return the edit that sets an option of a call: its value replaced, or the keyword put last."""
    given = option_of(call, option, op)
    if given is not None:
        return code.replace(given, text)
    parameter = parameter_of(call, option, op)
    if parameter is None:
        return with_argument(code, call, None, option, text)
    return with_argument(code, call, parameter.position, parameter.name, text)
