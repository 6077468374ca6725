"""The options of the `%%convshapes` line: what they are, and what was asked for."""

from __future__ import annotations

import keyword
from collections.abc import Callable
from typing import Any

from IPython.core import magic_arguments as untyped_magic_arguments
from IPython.core.error import UsageError

from conv_magic.notebook.cell_text import NAME
from conv_magic.notebook.options import TRACING, wrong

_arguments: Any = untyped_magic_arguments
_option: Any = _arguments.argument
_OPTIONS: tuple[Any, ...] = (
    _option("name", nargs="?", metavar="NAME", help="bind the report to this name"),
    *(_option(*flags, **told) for flags, told in TRACING),
    _option("-q", "--quiet", action="store_true", help="shapes in the editor only, no table"),
    _option("-t", "--text", action="store_true", help="no widget"),
    _option(
        "-w", "--write", action="store_true", help="write the shapes into the cell, as comments that later runs check"
    ),
    _option("-R", "--rewrite", action="store_true", help="the same, and replace the written ones that no longer hold"),
    _option("-U", "--unwrite", action="store_true", help="take the written shapes out of the cell"),
    _option("-T", "--table", action="store_true", help="after `on`: the table for every cell, not only a faulty one"),
)


def with_options(magic: Callable[[str, str], None]) -> Callable[[str, str], None]:
    """Declare the options of the cell magic, for `%%convshapes?`."""
    for option in reversed(_OPTIONS):
        magic = option(magic)
    documented: Callable[[str, str], None] = _arguments.magic_arguments(NAME)(magic)
    return documented


def parsed(magic: Any, line: str) -> Any:
    """Parse a line of `magic`, which was declared by `with_options`; raises `UsageError` in a sentence."""
    parser = _arguments.construct_parser(magic)
    try:
        args = parser.parse_argstring(line)
    except UsageError as error:
        raise UsageError(f"%%{NAME}: {error} (see %%{NAME}?)") from None
    except ValueError as error:  # an open quote
        raise UsageError(f"%%{NAME}: {error} (see %%{NAME}?)") from None
    if args.name is not None and (not args.name.isidentifier() or keyword.iskeyword(args.name)):
        raise UsageError(f"%%{NAME}: {args.name!r} is not a name that a report can be bound to")
    complaint = wrong(args)
    if complaint is not None:
        raise UsageError(f"%%{NAME}: {complaint}")
    if args.write + args.rewrite + args.unwrite > 1:
        raise UsageError(f"%%{NAME}: one of --write, --rewrite and --unwrite at a time")
    if args.quiet and args.table:
        raise UsageError(f"%%{NAME}: --quiet shows no table and --table shows one")
    return args
