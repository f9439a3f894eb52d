"""Prints ``docs/schema.json``: the format of ``export -o scan.json`` and ``summary --json``, from the code.

It is JSON Schema, draft 2020-12. To update it: ``python docs/build/json_schema.py > docs/schema.json``; a test fails
when it is out of date.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cegep_audit.report.files.table import Heading, headings
from cegep_audit.report.files.tables import institution_headings
from cegep_audit.tables import read_tables

Schema = dict[str, object]

_WITH_BY = dict.fromkeys(("correlations", "tests"), "Only with --by.")
_TYPES = {"integer": "integer", "number": "number", "boolean": "boolean"}  # every other heading is text


def schema() -> Schema:
    """Return the schema: the root is the exported file, ``$defs/summary`` the output of ``summary --json``."""
    export = _object({
        "scan": _ref("scan"),
        "institutions": _rows(institution_headings(), "One row per institution."),
        "accounts": _rows(headings("account"), "One row per institution and account."),
        "statistics": _object({name: _rows(headings(name), meaning) for name, meaning in _meanings().items()}),
    })  # fmt: skip
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "cegep-audit: a scan exported as JSON",
        "description": "What is empty is null. $defs/summary describes what summary --json prints.",
        **export,
        "$defs": _definitions(),
    }


def _meanings() -> Mapping[str, str]:
    """Return the description of each statistics table, by name."""
    return {name: row["en"] for name, row in read_tables("report/files/statistics.toml")["tables"].items()}


def _definitions() -> Schema:
    """Return ``definitions.json`` with the columns of each table of ``summary --json`` filled in.

    The tables are those of the export, without the names of institutions.
    """
    found: dict[str, Any] = json.loads(Path(__file__).with_name("definitions.json").read_text("utf-8"))
    properties = found["summary"]["properties"]
    for name, described in properties.items():
        if "rows" in described:
            kept = [heading for heading in headings(name) if name in _WITH_BY or heading.name != "institution"]
            properties[name] = _rows(kept, _WITH_BY.get(name) or _meanings()[name])
    return found


def _rows(columns: Iterable[Heading], description: str) -> Schema:
    """Return the schema of a list with one object per row; a user's registry may add columns."""
    columns = list(columns)
    properties: Schema = {heading.name: _cell(heading) for heading in columns}
    row: Schema = {"type": "object", "properties": properties, "required": [heading.name for heading in columns]}
    return _list(row, description)


def _cell(heading: Heading) -> Schema:
    kind = _TYPES.get(heading.type, "string")
    types: str | list[str] = [kind, "null"] if heading.empty_en or kind == "string" else kind
    if heading.name == "enrolment":  # text if the registry's value is not a number
        types = ["integer", "string", "null"]
    return {"type": types, "description": heading.en}


def _object(required: Mapping[str, object]) -> Schema:
    return {"type": "object", "properties": dict(required), "required": list(required)}


def _list(items: Schema, description: str = "") -> Schema:
    found: Schema = {"type": "array", "items": items}
    return found | {"description": description} if description else found


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(schema(), ensure_ascii=False, indent=1) + "\n")
