"""Compare how two versions of the program read each page: ``python tests/readings.py BEFORE [FOLDER …]``.

BEFORE is a checkout of the other version; each FOLDER is a corpus that ``accuracy.py`` can read (default:
``tests/pages``, and the shared corpus if present). Each page is compared as it is and in damaged copies. The exit code
is 1 if a reading differs.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import zip_longest
from pathlib import Path

HERE = Path(__file__).parent
SHARED = HERE.parents[1] / "shared" / "web"
COPIES = 3  # damaged copies of each page
_PIECES = (
    "<div>",
    "</div>",
    "</footer>",
    '"',
    "'",
    "<",
    ">",
    "<!--",
    "<script>",
    "</a>",
    "<a href='https://t.co/x'>",
    "\0",
    "é",
)


def damaged(body: bytes, seed: str) -> bytes:
    """Return *body* with a few pieces cut out, doubled or inserted; the same *seed* gives the same result."""
    chance = random.Random(seed)  # noqa: S311 -- not for security
    for _ in range(chance.randint(1, 8)):
        start = chance.randrange(len(body) + 1)
        end = start + chance.randint(1, 400)
        middle = chance.choice([b"", body[start:end] * 2, chance.choice(_PIECES).encode()])
        body = body[:start] + middle + body[end if middle == b"" else start :]
    return body


def readings(folders: list[Path]) -> Iterator[tuple[str, object]]:
    """Yield the name and reading of each page of *folders*, read by the version that Python imports."""
    from accuracy import read_corpus

    try:
        from cegep_audit.detect.page.links import extract_links
    except ImportError:  # its place in older versions
        from cegep_audit.detect.links import extract_links  # type: ignore[import-not-found,no-redef]
    for folder in folders:
        for labelled in read_corpus(folder):
            for copy in range(COPIES + 1):
                name = f"{folder.name}/{labelled.name}/{copy}"
                body = damaged(labelled.page.body, name) if copy else labelled.page.body
                yield name, asdict(extract_links(replace(labelled.page, body=body)))


def _read_by(checkout: Path, folders: list[Path]) -> list[tuple[str, dict[str, object]]]:
    command = [sys.executable, __file__, "--print", *map(str, folders)]
    paths = os.pathsep.join([str(checkout / "src"), str(checkout / "tests")])
    run = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": paths})
    return [tuple(json.loads(line)) for line in run.stdout.split("\n")[:-1]]


def _difference(before: dict[str, object], after: dict[str, object]) -> list[str]:
    """Return the fields that differ; for lists, the first pair of items that differ."""
    found = []
    for field, was in before.items():
        now = after.get(field)
        if was == now:
            continue
        if isinstance(was, list) and isinstance(now, list):
            pairs = zip_longest(was, now)
            was, now = next(pair for pair in pairs if pair[0] != pair[1])  # noqa: PLW2901
        found.append(f"{field}\n    before {was}\n    after  {now}")
    return found


def main(before: Path, folders: list[Path]) -> int:
    """Compare the checkout *before* with this one; return the number of pages read differently."""
    pairs = zip(_read_by(before, folders), _read_by(HERE.parent, folders), strict=True)
    count = differing = 0
    for (name, was), (_, now) in pairs:
        count += 1
        if found := _difference(was, now):
            differing += 1
            print(name, *found, sep="\n  ")
    print(f"{count} pages, {differing} read differently")
    return differing


if __name__ == "__main__":
    if sys.argv[1] == "--print":
        sys.path.pop(0)  # this folder: import ``accuracy`` from the version to read with
        for page, reading in readings(list(map(Path, sys.argv[2:]))):
            print(json.dumps([page, reading], default=sorted))
    else:
        corpora = list(map(Path, sys.argv[2:])) or [HERE / "pages", *([SHARED] if SHARED.is_dir() else [])]
        sys.exit(bool(main(Path(sys.argv[1]), corpora)))
