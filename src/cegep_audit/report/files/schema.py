"""``docs/schema.json``: what ``export -o scan.json`` and ``summary --json`` hold, from the code that writes them.

JSON Schema, draft 2020-12. To renew it:
``python -m cegep_audit.report.files.schema > docs/schema.json``; a test tells when.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping

from cegep_audit.analyze.scan_statistics import DETAILS
from cegep_audit.report.files.columns import account_columns, institution_columns
from cegep_audit.report.files.statistics import meaning, names, table_of
from cegep_audit.report.files.table import Heading

Schema = dict[str, object]

_NUMBER_OR_NULL: Schema = {"type": ["number", "null"]}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_TYPES = {"integer": "integer", "number": "number", "boolean": "boolean"}  # any other heading is of text


def schema() -> Schema:
    """Return the whole schema: the root is the exported file, ``$defs/summary`` what ``summary --json`` prints."""
    export = _object({
        "scan": _ref("scan"),
        "institutions": _rows([column.heading for column in institution_columns()], "One row per institution."),
        "accounts": _rows([column.heading for column in account_columns()], "One row per institution and account."),
        "statistics": _object({name: _rows(table_of(name).headings, meaning(name, "en")) for name in names()}),
    })  # fmt: skip
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "cegep-audit: a scan exported as JSON",
        "description": "What is empty is null. $defs/summary describes what summary --json prints.",
        **export,
        "$defs": _definitions(),
    }


def _definitions() -> Schema:
    share = _object({
        "count": _COUNT,
        "share": _NUMBER_OR_NULL,
        "bounds": _ref("interval"),
        "bounds_partial": _ref("interval") | {"description": "a site read in part is unknown for what it did not show"},
        "ci95": _ref("interval") | {"description": "exact; null for a census"},
        "adjusted": _ref("adjusted") | {"description": "corrected for errors of detection; null without coding"},
        "ci95_bounds": _ref("interval") | {"description": "supposes nothing of sites not assessed; null for a census"},
        "assessed": _COUNT,
        "institutions": _COUNT,
    })  # fmt: skip
    figures: dict[str, Schema] = {
        "institutions": _COUNT,
        "assessed": _COUNT,
        "by_status": {"type": "object", "additionalProperties": _COUNT},
        "min_networks": _list(_with(share, {"k": _COUNT}), "the threshold asked for comes first"),
        "networks": _list(_with(share, {"network": {"type": "string"}}), "most frequent first"),
        "distribution": {
            "type": "object",
            "additionalProperties": _COUNT,
            "description": "institutions by number of networks",
        },
        "mean": _NUMBER_OR_NULL,
        "median": _NUMBER_OR_NULL,
        "quartiles": _ref("interval"),
        "maximum": {"type": ["integer", "null"]},
    }
    closed = _list(_object({"network": {"type": "string"}, "count": _COUNT}), "official accounts on closed networks")
    group = _object(
        {"values": _list({"type": "string"}), "few": {"type": "boolean"}, **figures}
        | {"closed_networks": closed, "not_yet_open_networks": closed}
    )
    details = {name: _frame(name) for name in DETAILS}
    summary = _object(
        {"scan": _ref("scan"), "basket": {"type": "string"}, **figures, "baselines": _list({"type": "object"})}
        | {"sample_of": {"type": ["integer", "null"]}, "sensitivity": {"type": "object"}, **details},
        optional={
            "closed_networks": closed,
            "not_yet_open_networks": closed,
            "correlations": _rows(table_of("correlations").headings, "Only with --by."),
            "by": _object({"columns": _list({"type": "string"}), "groups": _list(group)}),
            "tests": _rows(table_of("tests").headings, "Only with --by."),
            "layer": {"type": "object", "description": "Only with --layer coded: what the decisions changed."},
        },
    )
    interval: Schema = {"type": ["array", "null"], "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
    estimate = {"share": _NUMBER_OR_NULL, "ci95": _ref("interval")}
    adjusted = _object({
        **estimate,
        "rogan_gladen": _NUMBER_OR_NULL,
        "sampled": _COUNT,
        "population": _object(estimate) | {"type": ["object", "null"]},
        "sampled_not_assessed": _COUNT,
    }) | {"type": ["object", "null"]}  # fmt: skip
    return {"scan": _scan(), "interval": interval, "adjusted": adjusted, "summary": summary}


def _scan() -> Schema:
    moment: Schema = {"type": ["string", "null"], "format": "date-time"}
    return _object({
        "id": _COUNT,
        "started_at": moment,
        "ended_at": moment | {"description": "null where the scan was stopped"},
        "mode": {"enum": ["live", "replay", "as_of"]},
        "tool_version": {"type": "string"},
        "rules_version": {"type": "string"},
        "captured": {"type": ["array", "null"], "items": {"type": "string", "format": "date"}},
        "rendered": _object({
            "sites": _COUNT | {"description": "institutions of which a browser rendered a page before it was read"},
            "institutions": _list({"type": "string"}, "their ids"),
            "browsers": _list({"type": "string"}, "the browsers, with their versions"),
        }),
        "settings": {"type": "object"},
    })  # fmt: skip


def _frame(name: str) -> Schema:
    """Return the schema of a table of ``summary --json``: that of the export, without the names of institutions."""
    kept = [heading for heading in table_of(name).headings if heading.name != "institution"]
    return _rows(kept, meaning(name, "en"))


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


def _object(required: Mapping[str, object], optional: Mapping[str, object] | None = None) -> Schema:
    return {"type": "object", "properties": {**required, **(optional or {})}, "required": list(required)}


def _with(share: Schema, first: Mapping[str, object]) -> Schema:
    properties = share["properties"]
    return _object({**first, **(properties if isinstance(properties, dict) else {})})


def _list(items: Schema, description: str = "") -> Schema:
    found: Schema = {"type": "array", "items": items}
    return found | {"description": description} if description else found


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(schema(), ensure_ascii=False, indent=1) + "\n")
