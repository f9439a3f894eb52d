"""A scan that cannot be: said before it begins, so that nothing of it is left behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import Done, inside

REGISTRY = "id,name,website\nrb,Cégep de Rivière-Bleue,http://127.0.0.1:9\n"
REFUSED = {
    "a WARC that is not there": (("--from-warc", "absent.warc"), 3),
    "a WARC that is none": (("--from-warc", "registre.csv"), 3),
    "a folder for a WARC to read": (("--from-warc", "dossier"), 3),
    "a folder for a WARC to write": (("--save-warc", "dossier"), 3),
    "a WARC in no folder": (("--save-warc", "absent/x.warc.gz"), 3),
    "a cluster that is not there": (("--dask", "nulle part"), 3),
    "an archive that is not there": (("--as-of", "2011-09-06", "--timegate", "nope"), 2),
    "a WARC kept and not kept": (("--no-warc", "--save-warc", "x.warc.gz"), 2),
    "a WARC of a replay": (("--from-warc", "x.warc.gz", "--save-warc", "y.warc.gz"), 2),
    "a report in no folder": (("-o", "absent/r.csv"), 3),
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
def test_what_cannot_be_leaves_no_scan_behind(options: tuple[str, ...], code: int, folder: Path) -> None:
    done = scan(folder, "-q", *options)
    assert (done.code, done.out) == (code, "")
    assert len(done.err.splitlines()) == 1
    assert not scans(folder)


def test_nor_does_it_push_aside_the_one_before_it(folder: Path) -> None:
    scan(folder, "-q", "--no-warc")
    scan(folder, "-q", "--from-warc", "absent.warc")
    assert [(each["id"], each["ended_at"] is not None) for each in scans(folder)] == [(1, True)]


def test_where_nothing_is_left_to_go_on_with_the_report_is_written_and_all_is_well(folder: Path) -> None:
    assert scan(folder, "-q", "--no-warc").code == 1  # nothing listens there
    (folder / "report.csv").unlink()
    done = inside("scan", "--resume", folder=folder)
    assert done.code == 0
    assert "rien à reprendre" in done.err
    assert (folder / "report.csv").exists()


def test_a_registry_named_with_resume_is_the_same_one_also_where_nothing_is_left(folder: Path) -> None:
    scan(folder, "-q", "--no-warc")
    (folder / "autre.csv").write_text(REGISTRY.replace("rb", "autre"), "utf-8")
    assert inside("scan", "--resume", "registre.csv", "-q", folder=folder).code == 0
    done = inside("scan", "autre.csv", "--resume", "-q", folder=folder)
    assert done.code == 2
    assert "autre.csv" in done.err
