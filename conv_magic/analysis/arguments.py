"""Look up the arguments of a call in the text by the shared table of signatures."""

from __future__ import annotations

import ast

from conv_magic.model.positions import Edit
from conv_magic.signatures.table import Parameter, Signature, function_signature, layer_signature
from conv_magic.text.edits import with_argument
from conv_magic.text.source import Code, argument, called_name


def signature_of(call: ast.Call, op: str | None = None) -> Signature | None:
    """Return the signature of the function or class that a call names, None if it is not in the table.

    `op` is the operation's name where the text may know it by another.
    """
    name = op or called_name(call)
    if name[:1].isupper():
        return layer_signature(name)
    return function_signature(name, keras=is_keras_function(call))


def is_keras_function(call: ast.Call) -> bool:
    """Check whether the called function is written as one of `keras.ops`."""
    return isinstance(call.func, ast.Attribute) and "ops" in ast.unparse(call.func.value).split(".")


def parameter_of(call: ast.Call, option: str, op: str | None = None) -> Parameter | None:
    """Return the parameter that takes an option of the called layer or function, None if it is not known."""
    signature = signature_of(call, op)
    return signature.find(option) if signature else None


def option_of(call: ast.Call, option: str, op: str | None = None) -> ast.expr | None:
    """Return the expression that a call gives for an option; of an unknown function only by keyword."""
    parameter = parameter_of(call, option, op)
    if parameter is None:
        return argument(call, None, option)
    return argument(call, parameter.position, parameter.name)


def with_option(code: Code, call: ast.Call, option: str, text: str, op: str | None = None) -> Edit:
    """Return the edit that sets an option of a call: its value is replaced, or the keyword is added at the end."""
    parameter = parameter_of(call, option, op)
    if parameter is None:
        return with_argument(code, call, None, option, text)
    return with_argument(code, call, parameter.position, parameter.name, text)
