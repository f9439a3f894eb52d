"""The replication package: a scan as a ZIP from which every figure can be computed again.

It is a Frictionless Data Package (version 1, https://specs.frictionlessdata.io/data-package/): every table with the
type, unit and meaning of its columns, and the SHA-256 of each file. The same scan gives the same bytes.
"""

import hashlib
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import distributions
from importlib.resources import files
from pathlib import Path, PurePosixPath, PureWindowsPath
from platform import python_version

from cegep_audit.analyze.findings import timestamp
from cegep_audit.analyze.presence import basket_names, visits
from cegep_audit.analyze.scan_statistics import ScanStatistics, summary_document
from cegep_audit.detect.networks.identify import NETWORKS
from cegep_audit.models import Failure, Institution, Scan
from cegep_audit.phrases.catalogue import say
from cegep_audit.registry.reading import KNOWN_COLUMNS
from cegep_audit.registry.selection import value_of
from cegep_audit.report.files.table import Heading, Table, columns_of, csv_bytes, filled
from cegep_audit.report.files.tables import AccountRow, accounts_of, institutions_of, matrix_of, sorted_accounts
from cegep_audit.tables import read_tables

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a ZIP can say; that of the export would change its bytes
_CHUNK = 1024 * 1024
_TYPES = {"integer": "integer", "number": "number", "boolean": "boolean", "date": "date", "time": "datetime"}
_KEYS = {"report": ("id",), "matrix": ("institution_id",), "registry": ("id",), "networks": ("id",)}


@dataclass(frozen=True, slots=True)
class FailureRow:
    """A row of ``failures.csv``."""

    institution: Institution
    failure: Failure


def write_package(
    stats: ScanStatistics, output: Path, database: Path, warcs: Sequence[Path], *, with_warc: bool = False
) -> None:
    """Write the replication package of *stats* to *output*; *warcs* are named by digest, or put inside *with_warc*.

    Raises OSError where a file cannot be read or *output* cannot be written.
    """
    found = [path for path in warcs if path.is_file()]
    contents = _contents(stats, database, found)
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(_entry(name), content, zipfile.ZIP_DEFLATED)
        for path in found if with_warc else ():
            with path.open("rb") as warc, archive.open(_entry(path.name), "w", force_zip64=True) as to:
                while chunk := warc.read(_CHUNK):
                    to.write(chunk)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.external_attr = 0o644 << 16  # readable by all who unpack it
    return entry


def _contents(stats: ScanStatistics, database: Path, warcs: Sequence[Path]) -> dict[str, bytes]:
    """Return every file of the package by its name, the digests last."""
    scan = stats.scan
    summary = without_paths(summary_document(stats))
    tables = {f"{table.name}.csv": table for table in _tables(scan, stats.asked.basket)}
    contents = {name: csv_bytes(table) for name, table in tables.items()}
    contents |= {
        "summary.json": _json(summary),
        "settings.json": _json({
            "settings": without_paths(scan.settings),
            "tool_version": scan.tool_version,
            "rules_version": scan.rules_version,
            "python": python_version(),
        }),
        "environment.txt": "".join(f"{line}\n" for line in _installed()).encode(),
        "sources.json": _json([_source(path) for path in (database, *warcs) if path.is_file()]),
        "recompute.py": _own_file("recompute.py").encode(),
        "README.md": _readme(stats, warcs).encode(),
        "CITATION.cff": _citation(scan).encode(),
    }  # fmt: skip
    contents["datapackage.json"] = _json(_datapackage(scan, tables, contents))
    sums = (f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(contents.items()))
    return contents | {"SHA256SUMS": "".join(sums).encode()}


def _tables(scan: Scan, basket: str) -> Iterator[Table]:
    named = [(institutions_of(scan), "report"), (accounts_of(scan), "report-accounts")]
    yield from (Table(name, table.headings, table.rows) for table, name in named)
    yield filled("evidence", columns_of("evidence"), _evidence(scan))
    rows = [FailureRow(each, item) for each, result in visits(scan) for item in (result.failures if result else ())]
    yield filled("failures", columns_of("failure"), rows)
    yield _registry(scan)
    yield _networks()
    yield matrix_of(scan, basket)


def _evidence(scan: Scan) -> Iterator[AccountRow]:
    for institution, result in visits(scan):
        for account in sorted_accounts(result) if result else ():
            yield from (AccountRow(institution, account, item) for item in account.evidence)


def _registry(scan: Scan) -> Table:
    """Return the audited rows of the registry, in the form of a registry file."""
    extras = dict.fromkeys(name for institution in scan.institutions for name in institution.extra)
    columns = [*KNOWN_COLUMNS, *extras]
    rows = [tuple(value_of(each, column) for column in columns) for each in scan.institutions]
    return Table("registry", [Heading(name) for name in columns], rows)


def _networks() -> Table:
    """Return the networks with the days and baskets that figures depend on."""
    baskets = {row["name"]: row["networks"] for row in read_tables("detect/networks/networks.toml")["basket"]}
    rows = []
    for each in NETWORKS.values():
        holding = [name for name in basket_names() if isinstance(baskets[name], str) or each.id in baskets[name]]
        closed = each.closed.isoformat() if each.closed else None
        rows.append((each.id, each.name, each.opened.isoformat(), closed, ";".join(holding), each.source))
    headings = [
        Heading("id", "code", fr="Identifiant du réseau.", en="Id of the network."),
        Heading("name", "text", fr="Nom du réseau.", en="Name of the network."),
        Heading("opened", "date", fr="Premier jour où il compte.", en="First day on which it counts."),
        Heading("closed", "date", fr="Premier jour où il ne compte plus.", en="First day on which it does not count."),
        Heading("baskets", "text", fr="Paniers dont il est.", en="Baskets that it is in."),
        Heading("source", "text", fr="Source des deux jours.", en="Source of both days."),
    ]
    return Table("networks", headings, rows)


def _datapackage(scan: Scan, tables: Mapping[str, Table], contents: Mapping[str, bytes]) -> dict[str, object]:
    described = [_resource(name, table, contents[name]) for name, table in tables.items()]
    others = [
        {"name": name.lower().replace(".", "-"), "path": name, **_digest(content)}
        for name, content in contents.items()
        if name not in tables
    ]
    return {
        "profile": "data-package",
        "name": f"cegep-audit-{scan.id}",
        "title": _title(scan),
        "created": timestamp(scan.started_at),
        "version": scan.tool_version,
        "resources": described + others,
    }


def _resource(path: str, table: Table, content: bytes) -> dict[str, object]:
    schema: dict[str, object] = {"fields": [_field(heading) for heading in table.headings], "missingValues": [""]}
    if key := _KEYS.get(table.name):
        schema["primaryKey"] = list(key)
    return {
        "profile": "tabular-data-resource",
        "name": table.name,
        "path": path,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "schema": schema,
        **_digest(content),
    }


def _field(heading: Heading) -> dict[str, str]:
    field = {"name": heading.name, "type": _TYPES.get(heading.type, "string")}
    if heading.name == "enrolment":  # text where the registry's is not a number
        field["type"] = "string"
    field |= {"unit": heading.unit} if heading.unit else {}
    return field | ({"description": f"{heading.en} / {heading.fr}"} if heading.en else {})


def _digest(content: bytes) -> dict[str, object]:
    return {"bytes": len(content), "hash": f"sha256:{hashlib.sha256(content).hexdigest()}"}


def _source(path: Path) -> dict[str, object]:
    """Return the name, size and digest of a file, read in pieces: a WARC may be larger than memory."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": digest}


def without_paths(value: object) -> object:
    """Return a JSON *value* where every absolute path is its file name: a package says nothing about the machine."""
    if isinstance(value, Mapping):
        return {name: without_paths(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_paths(item) for item in value]
    if isinstance(value, str):
        for path in (PurePosixPath(value), PureWindowsPath(value)):
            if path.is_absolute():
                return path.name
    return value


def _installed() -> list[str]:
    """Return the packages that ``pip freeze`` lists, without their origins."""
    return sorted({f"{each.name}=={each.version}" for each in distributions() if each.name}, key=str.casefold)


def _readme(stats: ScanStatistics, warcs: Sequence[Path]) -> str:
    scan, figures = stats.scan, stats.figures
    return _own_file("package_readme.md").format(
        title=_title(scan),
        scan=scan.id,
        started=f"{scan.started_at:%Y-%m-%d}",
        tool=scan.tool_version,
        rules=scan.rules_version,
        institutions=figures.institutions,
        assessed=figures.assessed,
        basket=stats.asked.basket,
        warc=warcs[0].name if warcs else "FILE.warc.gz",
    )


def _title(scan: Scan) -> str:
    return f"{say('page.title', 'fr')} / {say('page.title', 'en')}, {scan.started_at:%Y-%m-%d}"


def _citation(scan: Scan) -> str:
    return (
        "cff-version: 1.2.0\n"
        "message: If you use these data, please cite them as below.\n"
        "type: dataset\n"
        f'title: "{_title(scan)}"\n'
        "authors:\n  - name: cegep-audit\n"
        f"version: {json.dumps(scan.tool_version)}\n"
        f"date-released: {scan.started_at:%Y-%m-%d}\n"
    )


def _own_file(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


def _json(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "replace")
