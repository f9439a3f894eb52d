"""Shared fixtures: a web on loopback, TLS certificates for it, and a clean environment."""

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

from cegep_audit.collect.browser import find_chromium

settings.register_profile("busy", deadline=None)  # a property may be slow on a busy machine
settings.load_profile("busy")

# Words in the names of modules that start a browser, a cluster, a web archive or many processes.
# The quick part of the suite skips them.
_SLOW = ("browser", "cluster", "pywb", "package", "unbroken", "end_to_end", "scan_kept", "store_processes")

_NOBODY = 65534  # any user but root, who ignores file permissions


def pytest_configure() -> None:
    """Handle the signals that background jobs and ``nohup`` ignore: programs that tests start would inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_xdist_auto_num_workers() -> int:
    """Start three workers per two processors: many tests wait for something."""
    return (os.cpu_count() or 1) * 3 // 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the slow modules, which the quick part of the suite skips."""
    for item in items:
        if any(word in item.path.stem for word in _SLOW):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium; without one, its tests are skipped, but fail in CI."""
    path = find_chromium()
    if path is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("no Chromium is installed")
    return str(path)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the caller's proxies, certificates, contact and terminal width."""
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
    """``cegep-audit demo``, run once for all workers; tests that change its files copy them first."""
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
    """Retry without backoff; pacing is unchanged."""
    with stamina.set_testing(True, attempts=10, cap=True):
        yield


@pytest.fixture
def web() -> Iterator[Web]:
    """A plain HTTP web on loopback; see ``servers``."""
    with serve() as started:
        yield started


@pytest.fixture
def proxied(web: Web, monkeypatch: pytest.MonkeyPatch) -> Web:
    """The same web as the proxy for every host, so that each host is a separate site."""
    monkeypatch.setenv("HTTP_PROXY", web.proxy)
    monkeypatch.setenv("HTTPS_PROXY", web.proxy)
    return web


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """The certificate authority of the tests."""
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
    """Return a function that gives a server's TLS context with a valid certificate for a host."""
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
    """A web that is the proxy for every host over http and https, with trusted certificates."""
    assert trusted
    with serve(certified) as started:
        monkeypatch.setenv("HTTP_PROXY", started.proxy)
        monkeypatch.setenv("HTTPS_PROXY", started.proxy)
        yield started


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """Yield a temporary folder, and drop root privileges while the test runs."""
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
