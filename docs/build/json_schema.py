"""``docs/schema.json``: what ``export -o scan.json`` and ``summary --json`` hold, from the code that writes them.

JSON Schema, draft 2020-12. To renew it:
``python docs/build/json_schema.py > docs/schema.json``; a test tells when.
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
_TYPES = {"integer": "integer", "number": "number", "boolean": "boolean"}  # any other heading is of text


def schema() -> Schema:
    """Return the whole schema: the root is the exported file, ``$defs/summary`` what ``summary --json`` prints."""
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
    """Return what each table of statistics holds, by its name."""
    return {name: row["en"] for name, row in read_tables("report/files/statistics.toml")["tables"].items()}


def _definitions() -> Schema:
    """Return ``definitions.json``, each table of ``summary --json`` with the columns of its rows.

    These tables are those of the export, without the names of institutions.
    """
    found: dict[str, Any] = json.loads(Path(__file__).with_name("definitions.json").read_text("utf-8"))
    properties = found["summary"]["properties"]
    for name, described in properties.items():
        if "rows" in described:
            kept = [heading for heading in headings(name) if name in _WITH_BY or heading.name != "institution"]
            properties[name] = _rows(kept, _WITH_BY.get(name) or _meanings()[name])
    return found


def _rows(columns: Iterable[Heading], description: str) -> Schema:
    """Return the schema of a list with one object a row; columns of a user's own registry come in addition."""
    columns = list(columns)
    properties: Schema = {heading.name: _cell(heading) for heading in columns}
    row: Schema = {"type": "object", "properties": properties, "required": [heading.name for heading in columns]}
    return _list(row, description)


def _cell(heading: Heading) -> Schema:
    kind = _TYPES.get(heading.type, "string")
    types: str | list[str] = [kind, "null"] if heading.empty_en or kind == "string" else kind
    if heading.name == "enrolment":  # text where the registry's is no number
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
