"""A real web archive on loopback: pywb, in its own process and virtual environment.

    with archive(folder, {"coll": [Captured("http://cegeprb.test/", "2011-09-06T12:00:00Z", b"<html>...")]}) as server:
        server.timegate("coll")     # http://127.0.0.1:PORT/coll/
        server.proxy                # the first collection, as a proxy for http and https

``make test`` installs the packages of ``pywb.lock``. If pywb is missing, the tests that need it are skipped; if CI is
set, they fail.
"""

from __future__ import annotations

import io
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

_BIN = Path(__file__).parents[1] / ".venv-pywb" / "bin"
_START_S = 60.0  # it starts in a few seconds on a busy machine
_TRIES = 5  # another program may take the free port first

_CONFIG = """\
collections_root: collections
archive_paths: archive
enable_memento: true
framed_replay: false
redirect_to_exact: {redirects}
proxy:
  coll: {proxied}
  ca_name: cegep-audit tests
  ca_file_cache: ./proxy-certs/ca.pem
  enable_banner: false
  enable_content_rewrite: false
  default_timestamp: "{default}"
"""


@dataclass(frozen=True)
class Captured:
    """One capture to put into a collection."""

    url: str
    at: str  # 2011-09-06T12:00:00Z
    body: bytes = b""
    status: str = "200 OK"
    headers: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Server:
    """A running archive."""

    port: int
    folder: Path

    @property
    def proxy(self) -> str:
        """The address of the archive as a proxy."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def authority(self) -> Path:
        """The certificate authority of the proxy's https; the file exists once the server runs."""
        return self.folder / "proxy-certs" / "ca.pem"

    def timegate(self, collection: str) -> str:
        """Return the address of *collection*, to which a timestamp is appended."""
        return f"{self.proxy}/{collection}/"


def write_warc(path: Path, captures: Sequence[Captured]) -> None:
    """Write *captures* to a WARC file, one gzip member per record: pywb silently skips any other layout."""
    with path.open("wb") as file:
        writer = WARCWriter(file, gzip=True, warc_version="1.1")
        for each in captures:
            headers = [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(each.body)))]
            head = StatusAndHeaders(each.status, [*headers, *each.headers], protocol="HTTP/1.1")
            record = writer.create_warc_record(
                each.url,
                "response",
                payload=io.BytesIO(each.body),
                http_headers=head,
                warc_headers_dict={"WARC-Date": each.at},
            )
            writer.write_record(record)
            record.raw_stream.close()  # a temporary file that warcio leaves open


@contextmanager
def archive(
    folder: Path,
    collections: Mapping[str, Sequence[Captured] | Path],
    *,
    redirects: bool = True,
    default: str = "20110906",
) -> Iterator[Server]:
    """Serve *collections*, each of captures or of a WARC file, from *folder* until the block ends.

    With *redirects* the archive redirects to the nearest capture, as the Wayback Machine does; otherwise it serves that
    capture directly. *default* is the date that the proxy shows.
    """
    _require_pywb()
    for name, content in collections.items():
        _make_collection(folder, name, content)
    config = _CONFIG.format(redirects=str(redirects).lower(), proxied=next(iter(collections)), default=default)
    (folder / "config.yaml").write_text(config)
    process, port = _started(folder)
    try:
        yield Server(port, folder)
    finally:
        process.terminate()
        process.wait()


def _require_pywb() -> None:
    if (_BIN / "wayback").exists():
        return
    reason = "pywb is not installed: make test does it"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def _make_collection(folder: Path, name: str, content: Sequence[Captured] | Path) -> None:
    place = folder / "collections" / name
    (place / "indexes").mkdir(parents=True)
    (place / "archive").mkdir()
    if isinstance(content, Path):
        shutil.copy(content, place / "archive" / "pages.warc.gz")
    else:
        write_warc(place / "archive" / "pages.warc.gz", content)
    subprocess.run(
        [_BIN / "wb-manager", "reindex", name], cwd=folder, env=_environment(), check=True, capture_output=True
    )
    assert (place / "indexes" / "index.cdxj").stat().st_size, "pywb indexed no record"


def _started(folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    for _ in range(_TRIES):
        port = _free_port()
        with (folder / "wayback.log").open("wb") as log:
            process = subprocess.Popen(
                [_BIN / "wayback", "-b", "127.0.0.1", "-p", str(port)],
                cwd=folder,
                env=_environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        if _answers(process, port):
            return process, port
        process.kill()
        process.wait()
    raise AssertionError((folder / "wayback.log").read_text("utf-8", "replace"))


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    """Wait until the server answers; return False if it exits instead."""
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/")
            connection.getresponse()
        except (OSError, HTTPException):
            time.sleep(0.05)
        else:
            return True
        finally:
            connection.close()
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _environment() -> dict[str, str]:
    """Return an environment without proxies: pywb would call itself through them."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return kept | {"PYTHONWARNINGS": "ignore", "PYTHONUTF8": "1"}


if __name__ == "__main__":  # python tests/pywb.py FOLDER FILE.warc.gz: serve a file until Ctrl-C, for manual tests
    with archive(Path(sys.argv[1]), {"coll": Path(sys.argv[2])}) as running:
        sys.stdout.write(running.timegate("coll") + "\n")
        sys.stdout.flush()
        time.sleep(86_400)
