"""Run ``cegep-audit`` as a user types it."""

from __future__ import annotations

import atexit
import csv
import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryFile, mkdtemp
from unittest import mock

import preloaded
from preloaded import ask

from cegep_audit.cli.program import asked_language, main


@dataclass(frozen=True)
class Done:
    """A finished command: its folder, exit code and output."""

    folder: Path
    code: int
    out: str
    err: str


def command(*arguments: str, folder: Path, given: Path | None = None, **environment: str) -> Done:
    """Run ``cegep-audit`` in *folder* in a separate process, with the file *given* as standard input.

    The caller's language, proxies and contact do not reach it.
    """
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "PYTHONPATH") if name in os.environ}
    with (
        given.open("rb") if given else TemporaryFile() as source,
        TemporaryFile() as out,
        TemporaryFile() as err,
    ):
        streams = [source.fileno(), out.fileno(), err.fileno()]
        code = ask(listener(), list(arguments), str(folder), kept | {"PYTHONUTF8": "1"} | environment, streams)
        for stream in (out, err):
            stream.seek(0)
        return Done(folder, code, *(stream.read().decode("utf-8").replace("\r\n", "\n") for stream in (out, err)))


@cache
def listener() -> Path:
    """Start :mod:`preloaded` once and return its socket; it ends with this process."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "PYTHONPATH") if name in os.environ}
    folder = Path(mkdtemp())
    process = subprocess.Popen(
        [sys.executable, "-P", preloaded.__file__, str(folder / "socket")],
        env=kept | {"PYTHONUTF8": "1", "OPENBLAS_NUM_THREADS": "1"},  # forking a multithreaded process is unsafe
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.stdout.close()

    def end() -> None:
        process.stdin.close()  # type: ignore[union-attr] # asserted above
        process.wait()
        rmtree(folder)

    atexit.register(end)
    return folder / "socket"


def write_executable(folder: Path) -> Path:
    """Write a ``cegep-audit`` executable into *folder*; it runs through the preloaded process."""
    program = folder / "cegep-audit"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -IS {preloaded.__file__} {listener()} "$@"\n', "utf-8")
    program.chmod(0o755)
    return program


def piped(*arguments: str, folder: Path, given: str, lines: int) -> Done:
    """Run ``cegep-audit`` with *given* as standard input; close its output after *lines* lines, as ``head`` does."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "PYTHONPATH") if name in os.environ}
    (folder / "given.txt").write_text(given, "utf-8")
    with (folder / "given.txt").open() as source, (folder / "said.txt").open("w+") as said:
        with subprocess.Popen(
            [sys.executable, "-m", "cegep_audit", *arguments],
            cwd=folder,
            env=kept | {"PYTHONUTF8": "1"},
            stdin=source,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            encoding="utf-8",
        ) as running:
            assert running.stdout is not None
            read = "".join(running.stdout.readline() for _ in range(lines))
            running.stdout.close()
            code = running.wait(timeout=120)
        said.seek(0)
        return Done(folder, code, read, said.read())


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def inside(*arguments: str, folder: Path, **environment: str) -> Done:
    """Run ``cegep-audit`` in *folder* as :func:`command` does, but in this process, which is faster."""
    kept = {name: value for name, value in os.environ.items() if name not in {"LANG", "LC_ALL", "LC_MESSAGES"}}
    before, argv, stdin = Path.cwd(), sys.argv, sys.stdin
    out, err = io.StringIO(), io.StringIO()
    with mock.patch.dict(os.environ, kept | environment, clear=True), redirect_stdout(out), redirect_stderr(err):
        os.chdir(folder)
        sys.argv = ["cegep-audit", *arguments]
        sys.stdin = io.TextIOWrapper(io.BytesIO())  # empty: no one answers a prompt
        asked_language.cache_clear()
        try:
            main(list(arguments))
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0
        finally:
            os.chdir(before)
            sys.argv, sys.stdin = argv, stdin
            asked_language.cache_clear()
    return Done(folder, code, out.getvalue(), err.getvalue())
