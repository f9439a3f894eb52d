"""``docs/data-dictionary.md``: every column of the files, from the code that writes them.

To renew it: ``python -m cegep_audit.report.files.dictionary > docs/data-dictionary.md``; a test tells when.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from enum import StrEnum

from cegep_audit.detect.networks.identify import NETWORKS
from cegep_audit.phrases.catalogue import say
from cegep_audit.report.files.changes import headings as change_headings
from cegep_audit.report.files.coding import coding_columns
from cegep_audit.report.files.columns import account_columns, institution_columns, years
from cegep_audit.report.files.statistics import columns, headings, meaning, names
from cegep_audit.report.files.table import Heading
from cegep_audit.vocabulary import Detail, How, Kind, Role, Status, Verdict, Zone

_OPENING = """\
# Data dictionary · Dictionnaire des données

Made from the code that writes the files; do not edit by hand. · Produit par le code qui écrit les fichiers; ne pas
modifier à la main.

Both files are UTF-8, comma-separated, with a header row. `true` and `false` are booleans, times are ISO 8601 in UTC,
an empty cell is a missing value. An apostrophe stands before text that a spreadsheet would compute. In a workbook
(`.xlsx`) the same tables are the sheets `institutions` and `accounts`. · Les deux fichiers sont en UTF-8, séparés par
des virgules, avec une ligne d’entête. `true` et `false` sont des booléens, les moments sont en ISO 8601 (UTC), une
cellule vide est une valeur manquante. Une apostrophe précède le texte qu’un tableur calculerait. Dans un classeur
(`.xlsx`), les mêmes tableaux sont les feuilles `institutions` et `accounts`.
"""

_REPORT_R = """
```r
columns <- c(region_code = "character", three_plus = "logical")
report <- read.csv("report.csv", encoding = "UTF-8", na.strings = "", colClasses = columns)
assessed <- subset(report, status %in% c("ok", "partial"))
mean(assessed$three_plus)  # share on at least three networks
```
"""

_CLOSED = ", ".join(f'"{network.id}"' for network in NETWORKS.values() if network.closed)
_ACCOUNTS_R = f"""
```r
accounts <- read.csv("report-accounts.csv", encoding = "UTF-8", na.strings = "")
closed <- c({_CLOSED}, "link_hub")
official <- subset(accounts, role == "official" & !(network %in% closed))
sort(tapply(official$institution_id, official$network, function(id) length(unique(id))), decreasing = TRUE)
```
"""

# The closed lists behind the columns of type code, with the section of the phrases that words them.
_CODES: Sequence[tuple[str, type[StrEnum]]] = (
    ("status", Status),
    ("detail", Detail),
    ("kind", Kind),
    ("role", Role),
    ("how", How),
    ("zone", Zone),
    ("verdict", Verdict),
)


_CHANGES = """
## Scans side by side · Balayages côte à côte

`compare -o compare.csv` and `trend -o trend.csv` write two files each, in long form: one observation a row. · Chacun
écrit deux fichiers, en format long : une observation par ligne.
"""

_STATISTICS = """
Beside the two tables above, a workbook has a sheet, and `report.json` under `statistics` a list of rows, for each
table below. Shares are numbers from 0 to 1. `docs/schema.json` describes the JSON. · À côté des deux tableaux
ci-dessus, un classeur a une feuille, et `report.json` sous `statistics` une liste de lignes, pour chaque tableau
ci-dessous. Les parts sont des nombres de 0 à 1. `docs/schema.json` décrit le JSON.
"""

_STATISTICS_R = """
```r
networks <- readxl::read_excel("report.xlsx", sheet = "networks")
ours <- subset(networks, count > 0)
ours[order(-ours$share), c("network", "count", "assessed", "share", "low", "high")]
```
"""

_EXTRAS = """
Whatever else the registry has comes last, in the order of its file; a column whose name is taken becomes `registry_`
and its name. · Le reste du registre vient à la fin, dans l’ordre du fichier; une colonne dont le nom est pris devient
`registry_` suivi de son nom.
"""


def markdown() -> str:
    """Return the whole dictionary as Markdown."""
    report = [column.heading for column in institution_columns()]
    networks = [heading for heading in report if heading.name in NETWORKS]
    first, last = report.index(networks[0]), report.index(networks[-1])
    number = len(networks)
    parts = [
        _OPENING,
        "\n## `report.csv`: one row per institution · une ligne par établissement\n",
        _REPORT_R,
        _meanings(report[:first]),
        f"\nThen one column per network, {number} in all · Puis une colonne par réseau, {number} en tout\n",
        _meanings(networks[:1]),
        "\nand in the same way · et de même\n",
        _grid(("column · colonne", "network · réseau", "years · années"), _networks()),
        "\nThen the registry’s other columns · Puis les autres colonnes du registre\n",
        _meanings(report[last + 1 :]),
        _EXTRAS,
        "\n## `report-accounts.csv`: one row per institution and account · une ligne par établissement et compte\n",
        _ACCOUNTS_R,
        _meanings([column.heading for column in account_columns()]),
        "\n## `review.csv`: one row per institution and network · une ligne par établissement et réseau\n",
        _meanings([column.heading for column in coding_columns(is_shown=True, is_sampled=True)]),
        _CHANGES,
        *(f"\n### `{name}`\n{_meanings(found)}" for name, found in change_headings().items()),
        "\n## Statistics · Statistiques (`report.xlsx`, `report.json`)\n",
        _STATISTICS,
        _STATISTICS_R,
        _grid(("table · feuille", "holds · contient", "columns · colonnes"), _tables()),
        _meanings(headings()),
        "\n## Codes\n",
        *(_codes(section, codes) for section, codes in _CODES),
    ]
    return "".join(parts)


def _networks() -> list[tuple[str, ...]]:
    return [(f"`{each.id}`", each.name, years(each)) for each in NETWORKS.values()]


def _tables() -> list[tuple[str, ...]]:
    return [
        (
            f"`{name}`",
            f"{meaning(name, 'en')} · {meaning(name, 'fr')}",
            ", ".join(f"`{column}`" for column in columns(name)),
        )
        for name in names()
    ]


def _meanings(headings: Iterable[Heading]) -> str:
    rows = [
        (f"`{h.name}`", h.type, h.unit, f"{h.en} · {h.fr}", f"{h.empty_en} · {h.empty_fr}" if h.empty_en else "")
        for h in headings
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
