"""Files are written whole or not at all, and each error is one line."""

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


def missing_folder(folder: Path) -> Path:
    return folder / "missing" / "r.csv"


def folder_at_path(folder: Path) -> Path:
    (folder / "r.csv").mkdir()
    return folder / "r.csv"


def file_as_parent(folder: Path) -> Path:
    (folder / "file").touch()
    return folder / "file" / "r.csv"


def name_too_long(folder: Path) -> Path:
    return folder / ("r" * 300 + ".csv")


def symlink_to_itself(folder: Path) -> Path:
    (folder / "r.csv").symlink_to(folder / "r.csv")
    return folder / "r.csv"


def nul_in_name(folder: Path) -> Path:
    return folder / "r\0.csv"


@pytest.mark.parametrize("attempt", [lambda path: write_file(path, b"new", "fr"), lambda path: check_file(path, "fr")])
@pytest.mark.parametrize(
    ("place", "said"),
    [
        (missing_folder, "le dossier n’existe pas"),
        (folder_at_path, "c’est un dossier"),
        (file_as_parent, "le dossier n’existe pas"),
        (name_too_long, "écriture impossible"),
        (symlink_to_itself, "écriture impossible"),
        (nul_in_name, "écriture impossible"),
    ],
)
def test_an_unwritable_path_gives_a_one_line_error(
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
    # The tests may run as root, to whom every file is writable.
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != output or mode != os.W_OK)
    for attempt in (lambda: check_file(output, "en"), lambda: write_file(output, b"new", "en")):
        with pytest.raises(StoreError, match="write permission denied"):
            attempt()
    assert output.read_bytes() == b"old"


def test_check_file_reports_a_read_only_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, _: Path(path) != tmp_path)
    with pytest.raises(StoreError, match="write permission denied"):
        check_file(tmp_path / "r.csv", "en")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_is_reported(tmp_path: Path) -> None:
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


@pytest.mark.skipif(sys.platform == "win32", reason="no process limits on Windows")
def test_a_failed_write_keeps_the_previous_file(tmp_path: Path) -> None:
    output = tmp_path / "r.csv"
    output.write_bytes(b"old")
    run = subprocess.run(
        [sys.executable, "-c", WRITE_TOO_MUCH, str(output)], capture_output=True, text=True, check=True, timeout=60
    )
    assert "cannot be written" in run.stdout
    assert output.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [output], "no temporary file is left"


def test_a_file_is_created_and_then_replaced(tmp_path: Path) -> None:
    output = tmp_path / "r.csv"
    for content in (b"first", b"second"):
        check_file(output, "fr")
        write_file(output, content, "fr")
        assert output.read_bytes() == content
    assert list(tmp_path.iterdir()) == [output]


def test_a_symlink_is_followed_and_permissions_are_kept(tmp_path: Path) -> None:
    target = tmp_path / "private.csv"
    target.write_bytes(b"old")
    target.chmod(0o600)
    (tmp_path / "r.csv").symlink_to(target)
    write_file(tmp_path / "r.csv", b"new", "fr")
    assert (tmp_path / "r.csv").is_symlink()
    assert target.read_bytes() == b"new"
    assert target.stat().st_mode & 0o777 == 0o600


def test_dev_stdout_is_written_directly() -> None:
    code = (
        "from pathlib import Path\n"
        "from cegep_audit.report.files.files import write_file\n"
        "write_file(Path('/dev/stdout'), b'new', 'fr')"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=60)
    assert run.stdout == b"new"


def relative_symlink_to_itself(folder: Path) -> Path:
    (folder / "loop.csv").symlink_to("loop.csv")
    return folder / "loop.csv"


def symlink_cycle(folder: Path) -> Path:
    (folder / "a.csv").symlink_to("b.csv")
    (folder / "b.csv").symlink_to("a.csv")
    return folder / "a.csv"


def output_name_too_long(folder: Path) -> Path:
    return folder / ("x" * 300 + ".csv")


def accounts_name_too_long(folder: Path) -> Path:
    return folder / ("x" * 248 + ".csv")


@pytest.mark.parametrize(
    "place", [relative_symlink_to_itself, symlink_cycle, output_name_too_long, accounts_name_too_long]
)
def test_export_check_refuses_an_unwritable_path(place: Callable[[Path], Path], tmp_path: Path) -> None:
    with pytest.raises(StoreError) as raised:
        export.check(place(tmp_path), "en")
    assert "\n" not in str(raised.value)


def test_a_symlink_at_the_temporary_path_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").write_text("mine")
    with monkeypatch.context() as patch:
        patch.setattr("cegep_audit.report.files.files.token_hex", lambda _: "guessed")
        (tmp_path / ".cegep-audit-guessed").symlink_to("mine")
        with pytest.raises(StoreError):
            write_file(tmp_path / "r.csv", b"report", "en")
    assert (tmp_path / "mine").read_text() == "mine"
    write_file(tmp_path / "r.csv", b"report", "en")
    assert (tmp_path / "r.csv").read_bytes() == b"report"
    mask = os.umask(0)
    os.umask(mask)
    assert (tmp_path / "r.csv").stat().st_mode & 0o777 == 0o666 & ~mask
