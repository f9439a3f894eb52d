"""A scan that cannot run is refused before it begins, and leaves nothing behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import Done, inside

REGISTRY = "id,name,website\nrb,Cégep de Rivière-Bleue,http://127.0.0.1:9\n"
REFUSED = {
    "missing WARC": (("--from-warc", "absent.warc"), 3),
    "file that is not a WARC": (("--from-warc", "registre.csv"), 3),
    "folder as the WARC to read": (("--from-warc", "dossier"), 3),
    "folder as the WARC to write": (("--save-warc", "dossier"), 3),
    "WARC in a missing folder": (("--save-warc", "absent/x.warc.gz"), 3),
    "unknown cluster": (("--dask", "nulle part"), 3),
    "timegate that is not a URL": (("--as-of", "2011-09-06", "--timegate", "nope"), 2),
    "WARC both kept and not kept": (("--no-warc", "--save-warc", "x.warc.gz"), 2),
    "WARC of a replay": (("--from-warc", "x.warc.gz", "--save-warc", "y.warc.gz"), 2),
    "report in a missing folder": (("-o", "absent/r.csv"), 3),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "registre.csv").write_text(REGISTRY, "utf-8")
    (tmp_path / "dossier").mkdir()
    return tmp_path


def scans(folder: Path) -> list[dict[str, object]]:
    done = inside("scans", "--json", folder=folder)
    return list(json.loads(done.out)) if done.code == 0 else []


def scan(folder: Path, *options: str) -> Done:
    return inside("scan", "registre.csv", *options, folder=folder)


@pytest.mark.parametrize(("options", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_scan_is_not_saved(options: tuple[str, ...], code: int, folder: Path) -> None:
    done = scan(folder, "-q", *options)
    assert (done.code, done.out) == (code, "")
    assert len(done.err.splitlines()) == 1
    assert not scans(folder)


def test_refused_scan_does_not_replace_the_previous_one(folder: Path) -> None:
    scan(folder, "-q", "--no-warc")
    scan(folder, "-q", "--from-warc", "absent.warc")
    assert [(each["id"], each["ended_at"] is not None) for each in scans(folder)] == [(1, True)]


def test_resume_with_nothing_left_writes_the_report_and_succeeds(folder: Path) -> None:
    assert scan(folder, "-q", "--no-warc").code == 1  # nothing listens on that port
    (folder / "report.csv").unlink()
    done = inside("scan", "--resume", folder=folder)
    assert done.code == 0
    assert "rien à reprendre" in done.err
    assert (folder / "report.csv").exists()


def test_resume_with_nothing_left_refuses_another_registry(folder: Path) -> None:
    scan(folder, "-q", "--no-warc")
    (folder / "autre.csv").write_text(REGISTRY.replace("rb", "autre"), "utf-8")
    assert inside("scan", "--resume", "registre.csv", "-q", folder=folder).code == 0
    done = inside("scan", "autre.csv", "--resume", "-q", folder=folder)
    assert done.code == 2
    assert "autre.csv" in done.err
