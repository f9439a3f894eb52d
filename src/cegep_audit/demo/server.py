"""The invented web, served on loopback as a plain HTTP proxy: each institution is a host of its own.

A client reaches it with ``HTTP_PROXY=http://127.0.0.1:PORT``, so that no name is resolved and the code
under demonstration is the ordinary one. A host that is not of the demo is answered 502, as a proxy reports
a name that does not exist; CONNECT (https) is answered 501: a proxy cannot forge certificates.
"""

from __future__ import annotations

import asyncio
import gzip
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from cegep_audit.demo.pages import Answer, answer
from cegep_audit.demo.sites import Truth, sites, truth, write_registry

MAX_HEAD_BYTES = 65_536  # of a request: line and headers
START_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Hit:
    """One request seen: seconds since the web opened, host, path with query, and the status answered (0: none)."""

    at_s: float
    host: str
    path: str
    status: int


@dataclass(slots=True)
class Web:
    """The invented web while it is served.

    ``proxy`` is the address to use as HTTP proxy, ``registry`` a file that exists while the web is open;
    ``log`` grows in the order of the answers and may be read from any thread.
    """

    proxy: str
    registry: Path
    truth: list[Truth]
    log: list[Hit] = field(default_factory=list)


@contextmanager
def serve() -> Iterator[Web]:
    """Serve the invented web on a free port of 127.0.0.1, from a thread, until the block ends.

    Raises OSError where no port can be had. On leaving, open connections are closed and the thread has ended.
    """
    with TemporaryDirectory(prefix="cegep-audit-demo-") as folder:
        web = Web("", Path(folder) / "institutions.csv", truth())
        write_registry(web.registry)
        proxy = _Proxy(web)
        thread = threading.Thread(target=proxy.run, name="cegep-audit-demo", daemon=True)
        thread.start()
        try:
            proxy.wait_until_open()
            yield web
        finally:
            proxy.stop()
            thread.join()


class _Proxy:
    """The event loop of the server's thread, and what the other thread may ask of it."""

    def __init__(self, web: Web) -> None:
        self._web = web
        self._hosts = {site.host: site for site in sites()}
        self._aliases = {alias: to for site in sites() for alias, to in site.aliases.items()}
        self._open = threading.Event()
        self._fault: OSError | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._clients: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._started_s = time.monotonic()

    def run(self) -> None:
        """Serve until :meth:`stop`; the thread's whole life."""
        asyncio.run(self._serve())

    def wait_until_open(self) -> None:
        """Block until requests are answered; raise OSError where the port could not be opened."""
        self._open.wait(START_TIMEOUT_S)
        if self._fault is not None:
            raise self._fault

    def stop(self) -> None:
        """Ask the server to end, from another thread."""
        if self._loop is not None and self._stop is not None:
            with suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._stop.set)

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        try:
            server = await asyncio.start_server(self._converse, "127.0.0.1", 0, limit=MAX_HEAD_BYTES)
        except OSError as error:
            self._fault = error
            self._open.set()
            return
        self._web.proxy = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._open.set()
        await self._stop.wait()
        server.close()
        for client, writer in self._clients.items():
            client.cancel()
            writer.transport.abort()  # not close(): a client that reads no more would keep the answer, and us, for ever
        await asyncio.gather(*self._clients, return_exceptions=True)
        await server.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection, until the client or the web is done."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 — asyncio runs every connection in a task
        self._clients[task] = writer
        gone = (asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError, ConnectionError)
        try:
            with suppress(*gone):
                while await self._exchange(reader, writer):
                    pass
        finally:
            del self._clients[task]
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Read one request and answer it; False where the connection is to be closed."""
        method, target, headers = _parsed(await reader.readuntil(b"\r\n\r\n"))
        url = urlsplit(target)
        host = (url.hostname or headers.get("host", "").partition(":")[0]).lower()
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        found = self._found(method, host, path)
        self._web.log.append(Hit(time.monotonic() - self._started_s, host, path, found.status if found else 0))
        if found is None:
            return False
        await asyncio.sleep(found.wait_s)
        stays = headers.get("connection", "").lower() != "close" and method in {"GET", "HEAD"}
        writer.write(_encoded(found, method, gzipped="gzip" in headers.get("accept-encoding", ""), stays=stays))
        await writer.drain()
        return stays

    def _found(self, method: str, host: str, path: str) -> Answer | None:
        """Return the answer to a request; None where the host closes the connection without one."""
        if method not in {"GET", "HEAD"}:
            return _plain(HTTPStatus.NOT_IMPLEMENTED)
        if host in self._aliases:
            return Answer(301, (("Location", self._aliases[host] + path.lstrip("/")),), b"")
        site = self._hosts.get(host)
        if site is None or site.serves == "nothing":
            return _plain(HTTPStatus.BAD_GATEWAY)
        return None if site.serves == "silence" else answer(site, path.partition("?")[0])


def _parsed(head: bytes) -> tuple[str, str, dict[str, str]]:
    """Split the head of a request into method, target and headers, names in lower case."""
    first, *lines = head.decode("latin-1").split("\r\n")
    method, _, rest = first.partition(" ")
    pairs = (line.partition(":") for line in lines if line)
    return method, rest.rpartition(" ")[0], {name.strip().lower(): value.strip() for name, _, value in pairs}


def _plain(status: HTTPStatus) -> Answer:
    return Answer(status, (("Content-Type", "text/plain; charset=utf-8"),), f"{status.phrase}\n".encode())


def _encoded(found: Answer, method: str, *, gzipped: bool, stays: bool) -> bytes:
    """Return *found* as the bytes of an HTTP/1.1 answer, compressed where the client reads gzip."""
    gzipped = gzipped and bool(found.body)
    body = gzip.compress(found.body, mtime=0) if gzipped else found.body
    headers = [*found.headers, ("Content-Length", str(len(body))), ("Connection", "keep-alive" if stays else "close")]
    if gzipped:
        headers.append(("Content-Encoding", "gzip"))
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    head = f"HTTP/1.1 {int(found.status)} {HTTPStatus(found.status).phrase}\r\n{lines}\r\n".encode("latin-1")
    return head if method == "HEAD" else head + body
