"""The options of tracing that the magic and the command line share: flags, and what `argparse` is told of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from conv_magic.engine.session import Options

TRACING: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (
        ("-o", "--only"),
        {
            "choices": ("conv", "layers", "all"),
            "default": "layers",
            "help": "which calls: conv and pool calls, every layer as well (default), "
            "or also what Keras' own layers call",
        },
    ),
    (
        ("-d", "--depth"),
        {"type": int, "metavar": "N", "help": "how far into nested models and layers (default: all the way)"},
    ),
    (
        ("-m", "--max-calls"),
        {"type": int, "default": 10_000, "metavar": "N", "help": "the limit on rows (default: 10000)"},
    ),
    (("-G", "--no-guard"), {"action": "store_true", "help": "let calls through that end the process"}),
    (("-V", "--no-verify"), {"action": "store_true", "help": "offer fixes without trying them"}),
)


def wrong(args: Any) -> str | None:
    """Return what is wrong with the numbers given, in a sentence; None if nothing is."""
    if (args.depth is not None and args.depth < 0) or args.max_calls < 1:
        return "--depth counts from 0 and --max-calls from 1"
    return None


def tracing(args: Any) -> Options:
    """Return what a run records, by the parsed arguments."""
    from conv_magic.engine.session import Options  # here, because the extension loads without it

    return Options(not args.no_guard, args.only, args.depth, args.max_calls)
