"""What many tests share: a web on loopback, certificates for it, an environment without surprises."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import ssl
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import stamina
import trustme
from commands import Done, command
from hypothesis import settings
from servers import Web, serve

settings.register_profile("busy", deadline=None)  # on a busy machine a property may take its time
settings.load_profile("busy")

# Modules whose tests start a browser, a cluster, a web archive or many processes: the quick part leaves them out.
_SLOW = ("browser", "cluster", "pywb", "package", "unbroken", "end_to_end", "scan_kept", "store_processes")

_NOBODY = 65534  # any user but root: permissions do not hold root back


def pytest_configure() -> None:
    """Take the signals that background jobs and ``nohup`` ignore: programs started by a test would inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_xdist_auto_num_workers() -> int:
    """Three workers for two processors, since many tests wait for something."""
    return (os.cpu_count() or 1) * 3 // 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow what the quick part of the suite leaves out."""
    for item in items:
        if any(word in item.path.stem for word in _SLOW):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the proxies and certificates of whoever runs the tests."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name in {
            "SSL_CERT_FILE",
            "SSL_CERT_DIR",
            "CEGEP_AUDIT_CONTACT",
            "COLUMNS",
        }:
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """``cegep-audit demo``, run once for all workers; a test that changes its files copies them first."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "demo-run"
    folder.mkdir(exist_ok=True)
    told = folder / "told.json"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            done = command("demo", folder=folder)
            told.write_text(json.dumps([done.code, done.out, done.err]), "utf-8")
    return Done(folder, *json.loads(told.read_text("utf-8")))


@pytest.fixture
def no_backoff() -> Iterator[None]:
    """Try again at once; the pace of requests is not touched."""
    with stamina.set_testing(True, attempts=10, cap=True):
        yield


@pytest.fixture
def web() -> Iterator[Web]:
    """A web on loopback without https; see ``servers``."""
    with serve() as started:
        yield started


@pytest.fixture
def proxied(web: Web, monkeypatch: pytest.MonkeyPatch) -> Web:
    """The same web as the proxy for every host name, so that each is a site of its own."""
    monkeypatch.setenv("HTTP_PROXY", web.proxy)
    monkeypatch.setenv("HTTPS_PROXY", web.proxy)
    return web


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Whoever signs the certificates of the tests."""
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """The same authority, trusted through SSL_CERT_FILE."""
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return authority


@pytest.fixture(scope="session")
def certified(authority: trustme.CA) -> Callable[[str], ssl.SSLContext]:
    """Gives the TLS context of a server with a valid certificate for a host."""
    contexts: dict[str, ssl.SSLContext] = {}

    def context(host: str) -> ssl.SSLContext:
        if host not in contexts:
            contexts[host] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert(host, key_type=trustme.KeyType.ECDSA).configure_cert(contexts[host])
        return contexts[host]

    return context


@pytest.fixture
def secure_web(
    trusted: trustme.CA, certified: Callable[[str], ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Web]:
    """A web that is the proxy for every host name over http and https, with certificates that are trusted."""
    assert trusted
    with serve(certified) as started:
        monkeypatch.setenv("HTTP_PROXY", started.proxy)
        monkeypatch.setenv("HTTPS_PROXY", started.proxy)
        yield started


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """Give a folder of one's own, and take root's rights away while the test runs."""
    if os.name != "posix":
        pytest.skip("permissions work differently on this system")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        if os.geteuid() != 0:
            yield folder
            return
        os.chown(folder, _NOBODY, -1)
        os.seteuid(_NOBODY)
        try:
            yield folder
        finally:
            os.seteuid(0)
