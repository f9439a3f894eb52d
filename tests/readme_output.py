"""The sample output in the READMEs: printed by the demo, in both languages.

python tests/readme_output.py         writes it into README.md and LISEZMOI.md, as part of ``make docs``
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from cegep_audit.analyze.scan_statistics import ScanStatistics
from cegep_audit.cli.results import show_figures
from cegep_audit.coding.layers import load
from cegep_audit.store import Store

ROOT = Path(__file__).parents[1]
READMES: Mapping[str, Literal["en", "fr"]] = {"README.md": "en", "LISEZMOI.md": "fr"}
_BLOCK = re.compile(r"(?<=```text\n).*?(?=```)", re.DOTALL)


def printed(database: Path) -> dict[str, str]:
    """Return, for each README, what the demo that made *database* prints, up to the end of its first table."""
    with Store(database, create=False, lang="en") as store:
        scan, _ = load(store, None)
    texts = {}
    for page, lang in READMES.items():
        with redirect_stdout(StringIO()) as out:
            show_figures(ScanStatistics(scan, lang=lang))
        texts[page] = _to_the_first_table(out.getvalue())
    return texts


def shown(page: str) -> str:
    """Return the output that *page* shows."""
    return _BLOCK.findall((ROOT / page).read_text("utf-8"))[0]


def undated(text: str) -> str:
    """Return *text* with its title on one line and without the date, which changes with each run."""
    title, rest = text.split("\n\n", 1)
    return re.sub(r"\b(on|le) .*?\b20\d\d\b", r"\1 a day", " ".join(title.split())) + "\n\n" + rest


def _to_the_first_table(text: str) -> str:
    lines = [line.rstrip() for line in text.replace("\xa0", " ").splitlines()]
    table = next(number for number, line in enumerate(lines) if line.startswith("──"))
    return "\n".join(lines[: lines.index("", table)]) + "\n"


def _renew(page: str, output: str) -> None:
    path = ROOT / page
    path.write_text(_BLOCK.sub(lambda _: output, path.read_text("utf-8"), count=1), "utf-8")


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        demo = [sys.executable, "-m", "cegep_audit", "demo", "--quiet", "--output", folder]
        subprocess.run(demo, check=True, timeout=120, cwd=folder)
        for each, output in printed(Path(folder) / "demo.db").items():
            _renew(each, output)
