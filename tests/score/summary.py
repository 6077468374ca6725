"""A set's rows as one line."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from score.judge import Row


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """The figures of a set."""
    faults = [row for row in rows if row.kind != "none"]
    clean = [row for row in rows if row.kind == "none"]
    knowable = [row for row in faults if row.knowable]
    return {
        "faults": len(faults),
        "knowable": len(knowable),
        "located": sum(row.located for row in faults),
        "at_culprit": sum(row.at_culprit for row in faults),
        "first": sum(row.first for row in faults),
        "first_knowable": sum(row.first for row in knowable),
        "three": sum(row.three for row in faults),
        "three_knowable": sum(row.three for row in knowable),
        "verified_wrong": sum(row.verified_wrong for row in rows),
        "unwanted": sum(row.unwanted for row in faults),
        "right_programs": len(clean),
        "false_alarms": sum(row.alarm for row in clean),
        "died": sum(row.died for row in rows),
        "cpu": _two([row.cpu for row in faults if row.cpu is not None]),
        "trials": _two([row.trials for row in faults if row.trials is not None]),
    }


def _two(values: Sequence[float]) -> tuple[float, float] | None:
    """Median and ninth decile."""
    if not values:
        return None
    ordered = sorted(values)
    return statistics.median(ordered), ordered[min(len(ordered) - 1, int(len(ordered) * 0.9))]


def line(name: str, rows: Sequence[Row]) -> str:
    """One line of figures, those that do not apply left out."""
    told = summary(rows)
    parts = []
    if faults := told["faults"]:
        knowable = told["knowable"]
        parts += [
            f"located {_share(told['located'], faults)} (at the culprit {_percent(told['at_culprit'], faults)})",
            f"first fix {_share(told['first'], faults)}",
            f"within three {_share(told['three'], faults)}",
        ]
        if knowable < faults:
            first, three = _percent(told["first_knowable"], knowable), _percent(told["three_knowable"], knowable)
            parts.append(f"of the {knowable} knowable {first}, {three}")
        parts.append(f"verified but wrong {told['verified_wrong']}, not as wanted {told['unwanted']}")
    if told["right_programs"]:
        parts.append(f"false alarms {told['false_alarms']}/{told['right_programs']}")
    if told["cpu"]:
        parts.append("CPU {:.1f} s, 90 % {:.1f} s".format(*told["cpu"]))
    if told["trials"]:
        parts.append("trials {:.0f}, 90 % {:.0f}".format(*told["trials"]))
    if told["died"]:
        parts.append(f"died {told['died']}")
    return f"{name:<18} " + "; ".join(parts)


def _share(part: int, whole: int) -> str:
    return f"{part}/{whole} {_percent(part, whole)}"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "-"
