"""A file is in place whole or not at all, and what goes wrong is one line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cegep_audit.errors import StoreError
from cegep_audit.report.files import export
from cegep_audit.report.files.files import check_file, write_file


def no_folder(folder: Path) -> Path:
    return folder / "missing" / "r.csv"


def a_folder(folder: Path) -> Path:
    (folder / "r.csv").mkdir()
    return folder / "r.csv"


def below_a_file(folder: Path) -> Path:
    (folder / "file").touch()
    return folder / "file" / "r.csv"


def too_long_a_name(folder: Path) -> Path:
    return folder / ("r" * 300 + ".csv")


def a_link_to_itself(folder: Path) -> Path:
    (folder / "r.csv").symlink_to(folder / "r.csv")
    return folder / "r.csv"


def a_nul(folder: Path) -> Path:
    return folder / "r\0.csv"


@pytest.mark.parametrize("attempt", [lambda path: write_file(path, b"new", "fr"), lambda path: check_file(path, "fr")])
@pytest.mark.parametrize(
    ("place", "said"),
    [
        (no_folder, "le dossier n’existe pas"),
        (a_folder, "c’est un dossier"),
        (below_a_file, "le dossier n’existe pas"),
        (too_long_a_name, "écriture impossible"),
        (a_link_to_itself, "écriture impossible"),
        (a_nul, "écriture impossible"),
    ],
)
def test_a_place_that_cannot_be_written_is_one_line(
    place: Callable[[Path], Path], said: str, attempt: Callable[[Path], None], tmp_path: Path
) -> None:
    output = place(tmp_path)
    with pytest.raises(StoreError, match=said) as error:
        attempt(output)
    assert "\n" not in str(error.value)
    assert str(tmp_path) in str(error.value)


def test_a_read_only_file_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "r.csv"
    output.write_bytes(b"old")
    # What the system answers of a read-only file, asked by anybody but root.
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != output or mode != os.W_OK)
    for attempt in (lambda: check_file(output, "en"), lambda: write_file(output, b"new", "en")):
        with pytest.raises(StoreError, match="write permission denied"):
            attempt()
    assert output.read_bytes() == b"old"


def test_a_folder_that_is_read_only_is_told_beforehand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, _: Path(path) != tmp_path)
    with pytest.raises(StoreError, match="write permission denied"):
        check_file(tmp_path / "r.csv", "en")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no disk that is always full")
def test_a_full_disk_is_named(tmp_path: Path) -> None:
    (tmp_path / "r.csv").symlink_to("/dev/full")
    with pytest.raises(StoreError, match="le disque est plein"):
        write_file(tmp_path / "r.csv", b"new", "fr")
    assert Path("/dev/full").exists(), "a device is written to, not replaced"


WRITE_TOO_MUCH = """
import resource, signal, sys
from pathlib import Path
from cegep_audit.errors import StoreError
from cegep_audit.report.files import export
from cegep_audit.report.files.files import write_file
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_file(Path(sys.argv[1]), b"x" * 5000, "en")
except StoreError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process")
def test_a_file_that_could_not_be_finished_leaves_the_one_of_before(tmp_path: Path) -> None:
    output = tmp_path / "r.csv"
    output.write_bytes(b"old")
    run = subprocess.run(
        [sys.executable, "-c", WRITE_TOO_MUCH, str(output)], capture_output=True, text=True, check=True, timeout=60
    )
    assert "cannot be written" in run.stdout
    assert output.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [output], "nothing is left beside"


def test_a_file_is_made_and_then_replaced(tmp_path: Path) -> None:
    output = tmp_path / "r.csv"
    for content in (b"first", b"second"):
        check_file(output, "fr")
        write_file(output, content, "fr")
        assert output.read_bytes() == content
    assert list(tmp_path.iterdir()) == [output]


def test_a_link_is_followed_and_rights_are_kept(tmp_path: Path) -> None:
    target = tmp_path / "private.csv"
    target.write_bytes(b"old")
    target.chmod(0o600)
    (tmp_path / "r.csv").symlink_to(target)
    write_file(tmp_path / "r.csv", b"new", "fr")
    assert (tmp_path / "r.csv").is_symlink()
    assert target.read_bytes() == b"new"
    assert target.stat().st_mode & 0o777 == 0o600


def test_standard_output_can_be_named() -> None:
    code = (
        "from pathlib import Path\n"
        "from cegep_audit.report.files.files import write_file\n"
        "write_file(Path('/dev/stdout'), b'new', 'fr')"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=60)
    assert run.stdout == b"new"


def a_link_to_itself(folder: Path) -> Path:
    (folder / "loop.csv").symlink_to("loop.csv")
    return folder / "loop.csv"


def links_to_each_other(folder: Path) -> Path:
    (folder / "a.csv").symlink_to("b.csv")
    (folder / "b.csv").symlink_to("a.csv")
    return folder / "a.csv"


def too_long(folder: Path) -> Path:
    return folder / ("x" * 300 + ".csv")


def too_long_beside(folder: Path) -> Path:
    return folder / ("x" * 248 + ".csv")


@pytest.mark.parametrize("place", [a_link_to_itself, links_to_each_other, too_long, too_long_beside])
def test_a_place_that_cannot_be_written_is_told_beforehand(place: Callable[[Path], Path], tmp_path: Path) -> None:
    with pytest.raises(StoreError) as raised:
        export.check(place(tmp_path), "en")
    assert "\n" not in str(raised.value)


def test_nobody_can_lay_a_link_where_the_file_is_written_first(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    for name in (f".cegep-audit-{os.getpid()}.tmp", ".cegep-audit-.tmp"):
        (tmp_path / name).symlink_to("mine")
    write_file(tmp_path / "r.csv", b"report", "en")
    assert (tmp_path / "mine").read_text() == "mine"
    assert (tmp_path / "r.csv").read_bytes() == b"report"
    mask = os.umask(0)
    os.umask(mask)
    assert (tmp_path / "r.csv").stat().st_mode & 0o777 == 0o666 & ~mask
