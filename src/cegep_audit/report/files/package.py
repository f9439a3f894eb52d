"""The replication package: a ZIP from which every figure of a scan can be recomputed.

It is a Frictionless Data Package (version 1, https://specs.frictionlessdata.io/data-package/): every table with the
type, unit and meaning of its columns, and the SHA-256 of each file. The same scan gives the same bytes.
"""

import hashlib
import json
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import distributions
from importlib.resources import files
from pathlib import Path
from platform import python_version
from typing import Any

from cegep_audit.analyze.findings import timestamp
from cegep_audit.analyze.scan_statistics import ScanStatistics, summary_document
from cegep_audit.detect.networks.identify import NETWORKS, Network
from cegep_audit.models import Scan
from cegep_audit.phrases import say
from cegep_audit.registry.institutions import KNOWN_COLUMNS, value_of
from cegep_audit.report.files.table import Heading, Table, csv_pieces, filled, headings
from cegep_audit.report.files.tables import accounts_of, evidence_of, failures_of, institutions_of, matrix_of
from cegep_audit.tables import read_tables
from cegep_audit.text import without_folders

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time a ZIP can hold; the time of the export would change the bytes
_PIECE = 1 << 20  # bytes of a WARC file copied at once
_TYPES = {"integer": "integer", "number": "number", "boolean": "boolean", "date": "date", "time": "datetime"}
_KEYS = {"report": "id", "matrix": "institution_id", "registry": "id", "networks": "id"}


def write_package(
    stats: ScanStatistics, output: Path, database: Path, warcs: Sequence[Path], *, with_warc: bool = False
) -> None:
    """Write the package of *stats* to *output*; *warcs* are named, or included *with_warc*. Raises OSError."""
    found = [path for path in warcs if path.is_file()]
    with zipfile.ZipFile(output, "w") as archive:
        _write_files(archive, stats, database, found)
        for path in found if with_warc else ():
            with path.open("rb") as warc:
                _written(archive, path.name, iter(partial(warc.read, _PIECE), b""), is_packed=True)


def _write_files(archive: zipfile.ZipFile, stats: ScanStatistics, database: Path, warcs: Sequence[Path]) -> None:
    """Write every file of the package but the WARC files, the digests last. Tables are streamed."""
    scan = stats.scan
    title = f"{say('page.title', 'fr')} / {say('page.title', 'en')}, {scan.started_at:%Y-%m-%d}"
    facts = {"title": title, "version": json.dumps(scan.tool_version), "scan": scan, "figures": stats.figures}
    facts |= {"basket": stats.asked.basket, "warc": warcs[0].name if warcs else "FILE.warc.gz"}
    installed = {f"{each.name}=={each.version}\n" for each in distributions() if each.name}  # as pip freeze lists them
    settings = {"settings": without_folders(scan.settings), "tool_version": scan.tool_version}
    settings |= {"rules_version": scan.rules_version, "python": python_version()}
    resources = [
        _written(archive, f"{table.name}.csv", csv_pieces(table), table) for table in _tables(scan, stats.asked.basket)
    ]
    contents = {
        "summary.json": _json(summary_document(stats)),
        "settings.json": _json(settings),
        "environment.txt": "".join(sorted(installed, key=str.casefold)).encode(),
        "sources.json": _json([_source(path) for path in (database, *warcs) if path.is_file()]),
        "recompute.py": _own_file("recompute.py").encode(),
        "README.md": _own_file("package_readme.md").format_map(facts).encode(),
        "CITATION.cff": _own_file("package_citation.cff").format_map(facts).encode(),
    }
    resources += [_written(archive, name, [content]) for name, content in contents.items()]
    package = _json({
        "profile": "data-package",
        "name": f"cegep-audit-{scan.id}",
        "title": title,
        "created": timestamp(scan.started_at),
        "version": scan.tool_version,
        "resources": resources,
    })  # fmt: skip
    resources.append(_written(archive, "datapackage.json", [package]))
    sums = sorted((each["path"], each["hash"].removeprefix("sha256:")) for each in resources)
    _written(archive, "SHA256SUMS", ["".join(f"{digest}  {name}\n" for name, digest in sums).encode()])


def _written(
    archive: zipfile.ZipFile, name: str, pieces: Iterable[bytes], table: Table | None = None, *, is_packed: bool = False
) -> dict[str, Any]:
    """Write the file *name* in *pieces*, and return its description, with the columns of its *table*, if any."""
    size, digest, entry = 0, hashlib.sha256(), zipfile.ZipInfo(name, _EPOCH)
    entry.external_attr = 0o644 << 16  # readable by all who unpack it
    # A WARC file is packed already, and may be large.
    entry.compress_type = zipfile.ZIP_STORED if is_packed else zipfile.ZIP_DEFLATED
    with archive.open(entry, "w", force_zip64=is_packed) as file:
        for piece in pieces:
            size += file.write(piece)
            digest.update(piece)
    sums = {"bytes": size, "hash": f"sha256:{digest.hexdigest()}"}
    if table is None:
        return {"name": name.lower().replace(".", "-"), "path": name, **sums}
    schema: dict[str, object] = {"fields": list(map(_field, table.headings)), "missingValues": [""]}
    if table.name in _KEYS:
        schema["primaryKey"] = [_KEYS[table.name]]
    kind = {"format": "csv", "mediatype": "text/csv", "encoding": "utf-8"}
    return {"profile": "tabular-data-resource", "name": table.name, "path": name, **kind, "schema": schema, **sums}


def _tables(scan: Scan, basket: str) -> list[Table]:
    extras = dict.fromkeys(name for institution in scan.institutions for name in institution.extra)
    registry = [*KNOWN_COLUMNS, *extras]
    rows = [tuple(value_of(each, column) for column in registry) for each in scan.institutions]
    members = {row["name"]: row["networks"] for row in read_tables("detect/networks/networks.toml")["basket"]}

    def baskets(network: Network) -> str:  # the networks of a basket are a list, or one word for all of them
        return ";".join(name for name, its in members.items() if isinstance(its, str) or network.id in its)

    return [
        replace(institutions_of(scan), name="report"),
        replace(accounts_of(scan), name="report-accounts"),
        evidence_of(scan),
        failures_of(scan),
        Table("registry", [Heading(name) for name in registry], rows),  # in the form of a registry file
        filled("networks", headings("networks_counted"), NETWORKS.values(), {"baskets": baskets}),
        matrix_of(scan, basket),
    ]


def _field(heading: Heading) -> dict[str, str]:
    is_text = heading.name == "enrolment"  # the registry may have text there
    field = {"name": heading.name, "type": "string" if is_text else _TYPES.get(heading.type, "string")}
    field |= {"unit": heading.unit} if heading.unit else {}
    return field | ({"description": f"{heading.en} / {heading.fr}"} if heading.en else {})


def _source(path: Path) -> dict[str, object]:
    """Return the name, size and digest of a file, read in pieces: a WARC may be larger than memory."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": digest}


def _own_file(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


def _json(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "replace")
