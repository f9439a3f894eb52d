"""Prints ``docs/data-dictionary.md``: every column of the files, from the code that writes them.

To update it: ``python docs/build/data_dictionary.py > docs/data-dictionary.md``; a test fails when it is out of date.
"""

import re
import sys
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path

from cegep_audit.detect.networks.identify import NETWORKS
from cegep_audit.phrases import say, set_in_french
from cegep_audit.report.files.table import Heading, headings
from cegep_audit.report.files.tables import institution_headings, table_names, years
from cegep_audit.tables import read_tables
from cegep_audit.vocabulary import Detail, How, Kind, Role, Status, Verdict, Zone

# The closed lists behind the columns of type code, each with the section of the phrases that describes its values.
_CODES: Sequence[tuple[str, type[StrEnum]]] = (
    ("status", Status),
    ("detail", Detail),
    ("kind", Kind),
    ("role", Role),
    ("how", How),
    ("zone", Zone),
    ("verdict", Verdict),
)

FILES = {  # each file of compare and trend, and its section of columns.toml
    "compare.csv": "change",
    "compare-shares.csv": "share",
    "trend.csv": "trend",
    "trend-institutions.csv": "move",
}


def markdown() -> str:
    """Return the dictionary as Markdown: ``data_dictionary.template`` with its tables filled in."""
    report = institution_headings()
    networks = [heading for heading in report if heading.name in NETWORKS]
    first, last = report.index(networks[0]), report.index(networks[-1])
    parts = {
        "report": _meanings(report[:first]),
        "number": str(len(networks)),
        "network": _meanings(networks[:1]),
        "networks": _grid(("column · colonne", "network · réseau", "years · années"), _networks()),
        "registry": _meanings(report[last + 1 :]),
        "accounts": _meanings(headings("account")),
        "coding": _meanings(headings("coding")),
        "changes": "".join(f"\n### `{name}`\n{_meanings(headings(section))}" for name, section in FILES.items()),
        "tables": _grid(("table · feuille", "holds · contient", "columns · colonnes"), _tables()),
        "statistics": _meanings(statistics_headings()),
        "closed": ", ".join(f'"{network.id}"' for network in NETWORKS.values() if network.closed),
        "codes": "".join(_codes(section, codes) for section, codes in _CODES),
    }
    frame = Path(__file__).with_suffix(".template").read_text("utf-8")
    return re.sub("@([a-z]+)@", lambda match: parts[match[1]], frame)


def statistics_headings() -> list[Heading]:
    """Return the heading of every statistics column once, in the order of the tables."""
    return list(dict.fromkeys(heading for name in table_names() for heading in headings(name)))


def _networks() -> list[tuple[str, ...]]:
    return [(f"`{each.id}`", each.name, years(each)) for each in NETWORKS.values()]


def _tables() -> list[tuple[str, ...]]:
    return [
        (
            f"`{name}`",
            f"{row['en']} · {set_in_french(row['fr'])}",
            ", ".join(f"`{column}`" for column in row["columns"]),
        )
        for name, row in read_tables("report/files/statistics.toml")["tables"].items()
    ]


def _meanings(columns: Iterable[Heading]) -> str:
    rows = [
        (f"`{h.name}`", h.type, h.unit, f"{h.en} · {h.fr}", f"{h.empty_en} · {h.empty_fr}" if h.empty_en else "")
        for h in columns
    ]
    return _grid(("column · colonne", "type", "unit · unité", "meaning · sens", "empty when · vide si"), rows)


def _codes(section: str, codes: type[StrEnum]) -> str:
    words = [(code.value, f"{section}.{code}") for code in codes if code]
    rows = [(f"`{code}`", say(key, "en"), say(key, "fr")) for code, key in words]
    return f"\n### `{section}`\n" + _grid(("code", "en", "fr"), rows)


def _grid(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n" + "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


if __name__ == "__main__":
    sys.stdout.write(markdown())
