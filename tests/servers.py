"""A programmable web on loopback: any host, any fault, over real sockets.

One port serves all hosts. A client uses it as a plain HTTP proxy (``HTTP_PROXY=web.proxy``), over
http and, given a certificate authority, over https through CONNECT; or calls ``web.url("/")`` directly.

    web["cegeprb.test/"] = Reply(b"<html>...")            # a page; "www.cegeprb.test/x" is another
    web["cegeprb.test/old"] = redirect("/new")
    web["cegeprb.test/slow"] = Reply(b"...", delay_s=0.2)
    web["cegeprb.test/*"] = lambda asked: Reply(...)       # everything else on that host
    ...
    assert [asked.path for asked in web.log] == ["/robots.txt", "/"]

A host with at least one page answers 404 for every other path, including robots.txt; an unknown host
answers 502, as a proxy does for a name that does not exist.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

Piece = bytes | float
"""What a server sends: bytes, or a pause in seconds."""


@dataclass(frozen=True)
class Endless:
    """An endless stream: *first*, then *again* repeatedly; every request restarts it."""

    first: bytes
    again: Sequence[Piece]

    def __iter__(self) -> Iterator[Piece]:
        return itertools.chain([self.first], itertools.cycle(self.again))


@dataclass
class Asked:
    """One request as the server saw it.

    Times are ``time.monotonic()``; ``ended`` is None until the answer is complete; ``host`` has no port.
    """

    method: str
    url: str
    scheme: str
    host: str
    path: str  # with the query
    headers: list[tuple[str, str]]
    started: float
    ended: float | None = None
    connection: int = 0  # its number, so that tests can detect reuse
    status: int = 0  # of the answer; 0 for no answer or raw bytes

    def header(self, name: str) -> str | None:
        """Return the value of header *name*, or None if it was not sent."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass(frozen=True)
class Reply:
    """The answer to a request.

    ``raw`` replaces the whole answer, headers included, with bytes and pauses; the connection then
    closes. ``pieces`` replaces only the body (without Content-Length: the body ends when the connection
    closes, unless ``headers`` give a length). ``delay_s`` passes before the first byte.
    """

    body: bytes = b""
    status: int = 200
    headers: Sequence[tuple[str, str]] = ()
    content_type: str | None = "text/html; charset=utf-8"
    delay_s: float = 0.0
    pieces: Iterable[Piece] | None = None
    raw: Iterable[Piece] | None = None
    close: bool = False
    reset: bool = False  # reset the connection, as a crashed server does

    def head(self) -> bytes:
        """Return the status line and headers."""
        lines = [f"HTTP/1.1 {self.status} Whatever"]
        names = {name.lower() for name, _ in self.headers}
        if self.content_type and "content-type" not in names:
            lines.append(f"Content-Type: {self.content_type}")
        if self.pieces is None and not names & {"content-length", "transfer-encoding"}:
            lines.append(f"Content-Length: {len(self.body)}")
        if self.must_close:
            lines.append("Connection: close")
        lines += [f"{name}: {value}" for name, value in self.headers]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    @property
    def must_close(self) -> bool:
        """Whether the connection cannot be reused."""
        return self.close or self.reset or self.pieces is not None or self.raw is not None


Answering = Reply | Callable[[Asked], Reply]

NEVER = 3600.0  # a pause longer than any test
HANG = Reply(raw=[NEVER])
"""Accepts the request and never answers."""
DROP = Reply(raw=[])
"""Accepts the request and closes the connection."""


def page(text: str = "Bonjour", *, links: Iterable[str] = ()) -> Reply:
    """Return a small page with *links*."""
    anchors = "".join(f'<a href="{link}">{link}</a>' for link in links)
    return Reply(f"<!DOCTYPE html><html><body><h1>{text}</h1>{anchors}</body></html>".encode())


def redirect(to: str, status: int = 302) -> Reply:
    """Return a redirect *to* an address, which may be relative."""
    return Reply(b"moved", status=status, headers=[("Location", to)])


def robots(text: str) -> Reply:
    """Return a robots.txt with *text*."""
    return Reply(text.encode(), content_type="text/plain")


def in_pairs(web: Web, path: str, script: str) -> Reply:
    """Return *script*; each odd-numbered request for a path that starts with *path* waits for the next one."""

    def came() -> int:
        return sum(asked.path.startswith(path) for asked in web.log)

    place = came()  # the number of this request, which is already in the log

    def pieces() -> Iterator[Piece]:
        while came() < place + place % 2:
            yield 0.01
        yield script.encode()

    return Reply(pieces=pieces(), content_type="text/javascript; charset=utf-8")


@dataclass
class Web:
    """The programmable web; :func:`serve` starts one."""

    authority: Callable[[str], ssl.SSLContext] | None = None  # the TLS context of a host, for https
    always_tls: bool = False  # every connection starts with TLS, for "localhost"
    log: list[Asked] = field(default_factory=list)
    connects: list[str] = field(default_factory=list)  # host:port of every CONNECT
    accept_delay_s: float = 0.0  # the delay before the first request on a new connection is read
    refused: set[str] = field(default_factory=set)  # each host:port whose CONNECT gets a 502
    port: int = 0
    _answers: dict[str, Answering] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _connections: int = 0

    def __setitem__(self, place: str, answer: Answering) -> None:
        """Set the answer of ``host/path``; ``host/*`` is every other path of the host, ``*`` every host."""
        self._answers[place] = answer

    @property
    def proxy(self) -> str:
        """The address of this web as a proxy."""
        return f"http://127.0.0.1:{self.port}"

    def url(self, path: str = "/") -> str:
        """Return the address of *path* without a proxy; its host is ``127.0.0.1:PORT``."""
        return f"{'https' if self.always_tls else 'http'}://127.0.0.1:{self.port}{path}"

    def asked(self, host: str | None = None) -> list[str]:
        """Return the requested paths in order: those of *host*, or all as ``host/path``."""
        return [
            asked.path if host else f"{asked.host}{asked.path}"
            for asked in list(self.log)
            if host in {None, asked.host}
        ]

    def answer(self, asked: Asked) -> Reply:
        """Return the programmed answer to a request."""
        path = asked.path.partition("?")[0]
        for place in (f"{asked.host}{asked.path}", f"{asked.host}{path}", f"{asked.host}/*", "*"):
            if place in self._answers:
                found = self._answers[place]
                return found(asked) if callable(found) else found
        is_known = any(place.partition("/")[0] == asked.host for place in self._answers)
        return Reply(b"not here", status=404 if is_known else 502)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests on one connection."""
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        self._connections += 1
        number, scheme = self._connections, "http"
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                if self.always_tls:
                    await self._start_tls(writer, "localhost")
                    scheme = "https"
                await asyncio.sleep(self.accept_delay_s)
                while asked := await self._read(reader, scheme, number):
                    if asked.method == "CONNECT":
                        if not await self._connect(asked, writer):
                            return
                        scheme = "https"
                        continue
                    self.log.append(asked)
                    reply = self.answer(asked)
                    asked.status = 0 if reply.raw is not None else reply.status
                    try:
                        await _send(writer, reply)
                    finally:
                        asked.ended = time.monotonic()
                    if reply.reset:
                        sock = writer.get_extra_info("socket")
                        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    if reply.must_close:
                        return
        except asyncio.CancelledError:
            pass  # the test has ended: nothing waits for this connection
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    async def _read(self, reader: asyncio.StreamReader, scheme: str, number: int) -> Asked | None:
        head = await reader.readuntil(b"\r\n\r\n")
        started = time.monotonic()
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines if line)]
        host = next((value for name, value in headers if name.lower() == "host"), "")
        if method == "CONNECT":
            return Asked(method, target, scheme, target, "", headers, started, connection=number)
        if not target.startswith("/"):  # an absolute URL, as sent to a proxy
            parts = urlsplit(target)
            host, target = parts.netloc, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        name = host.rpartition(":")[0] if ":" in host else host
        return Asked(method, f"{scheme}://{host}{target}", scheme, name, target, headers, started, connection=number)

    async def _connect(self, asked: Asked, writer: asyncio.StreamWriter) -> bool:
        self.connects.append(asked.host)
        if self.authority is None or asked.host in self.refused:
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            return False
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await self._start_tls(writer, asked.host.rpartition(":")[0])
        return True

    async def _start_tls(self, writer: asyncio.StreamWriter, host: str) -> None:
        assert self.authority
        await writer.start_tls(self.authority(host))

    async def stop(self) -> None:
        """Close every connection."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _send(writer: asyncio.StreamWriter, reply: Reply) -> None:
    await asyncio.sleep(reply.delay_s)
    pieces: Iterable[Piece]
    if reply.raw is not None:
        pieces = reply.raw
    elif reply.pieces is not None:
        writer.write(reply.head())
        pieces = reply.pieces
    else:
        pieces = [reply.head() + reply.body]
    for piece in pieces:
        if isinstance(piece, bytes):
            writer.write(piece)
            await writer.drain()
        else:
            await asyncio.sleep(piece)
    await writer.drain()


@contextlib.contextmanager
def serve(authority: Callable[[str], ssl.SSLContext] | None = None, *, always_tls: bool = False) -> Iterator[Web]:
    """Start a web in its own thread on a free port of 127.0.0.1, and stop it when the block ends.

    *authority* gives the server's TLS context for a host. With *always_tls* every connection starts with
    TLS; otherwise the port speaks plain HTTP and is also a proxy.
    """
    web = Web(authority, always_tls)
    loop = asyncio.new_event_loop()
    started = threading.Event()
    ending: asyncio.Event

    async def run() -> None:
        nonlocal ending
        ending = asyncio.Event()
        server = await asyncio.start_server(web.serve, "127.0.0.1", 0, limit=2**20, backlog=1024)
        web.port = server.sockets[0].getsockname()[1]
        started.set()
        await ending.wait()
        server.close()
        await web.stop()

    def main() -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(run())
            loop.run_until_complete(asyncio.sleep(0))  # lets aborted transports close their sockets
        finally:
            loop.close()

    thread = threading.Thread(target=main, name="loopback web")
    thread.start()
    started.wait()
    try:
        yield web
    finally:
        loop.call_soon_threadsafe(ending.set)
        thread.join()
