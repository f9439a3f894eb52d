"""The invented web, served on loopback as a plain HTTP proxy: each institution is a host of its own.

Clients set ``HTTP_PROXY=http://127.0.0.1:PORT``, so that no name is resolved and the ordinary code runs. Unknown hosts
get a 502, as from any proxy; CONNECT (https) gets a 501, because a proxy cannot forge certificates.
"""

import gzip
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingTCPServer
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from cegep_audit.demo.sites import Answer, answer, sites, write_registry

_POLL_S = 0.05  # longest time until the server notices that it must stop


@dataclass(frozen=True, slots=True)
class Hit:
    """One request: seconds since the web opened, host, path with query, and the status of the answer (0: none)."""

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
    log: list[Hit] = field(default_factory=list)


@contextmanager
def serve() -> Iterator[Web]:
    """Serve the invented web on a free port of 127.0.0.1, from threads, until the block ends.

    Raises OSError if there is no free port. At the end, connections are closed and threads have ended.
    """
    with TemporaryDirectory(prefix="cegep-audit-demo-") as folder:
        registry = Path(folder) / "institutions.csv"
        write_registry(registry)
        server = _Proxy()
        web = Web(f"http://127.0.0.1:{server.server_address[1]}", registry, server.log)
        thread = threading.Thread(target=server.serve_forever, args=(_POLL_S,), name="cegep-audit-demo", daemon=True)
        thread.start()
        try:
            yield web
        finally:
            server.stop()
            thread.join()


class _Proxy(ThreadingTCPServer):
    """The listening socket, the hosts behind it, and the connections that are open."""

    request_queue_size = 128  # connections that wait to be accepted

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.hosts = {site.host: site for site in sites()}
        self.aliases = {alias: to for site in sites() for alias, to in site.aliases.items()}
        self.log: list[Hit] = []
        self.stopping = threading.Event()
        self.started_s = time.monotonic()
        self._lines: set[Any] = set()

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as socketserver has it
        """Serve a connection in a thread of its own."""
        self._lines.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401 - as socketserver has it
        """Close a connection."""
        self._lines.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as socketserver has it
        """Ignore clients that hung up."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def stop(self) -> None:
        """Close every connection, from another thread, and wait for their threads."""
        self.shutdown()
        self.stopping.set()
        for line in list(self._lines):
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
        self.server_close()


class _Conversation(BaseHTTPRequestHandler):
    """The requests of one connection, and their answers."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer is sent in one piece, so that its end does not wait for an acknowledgement
    server: _Proxy

    def do_GET(self) -> None:
        """Answer one request."""
        try:
            url = urlsplit(self.path)
            host = (url.hostname or self.headers.get("host", "").partition(":")[0]).lower()
        except ValueError:
            self.send_error(HTTPStatus.BAD_REQUEST)
            return
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        found = self._found(host, path)
        at_s = time.monotonic() - self.server.started_s
        self.server.log.append(Hit(at_s, host, path, found.status if found else 0))
        if found is None:
            self.close_connection = True
            return
        self.server.stopping.wait(found.wait_s)
        body, is_gzipped = found.body, bool(found.body) and "gzip" in self.headers.get("accept-encoding", "")
        if is_gzipped:
            body = gzip.compress(body, mtime=0)
        self.send_response_only(found.status)
        for name, value in (*found.headers, ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        if is_gzipped:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - as http.server has it

    def _found(self, host: str, path: str) -> Answer | None:
        """Return the answer to a request, None if the host closes the connection without one."""
        if host in self.server.aliases:
            return Answer(301, (("Location", self.server.aliases[host] + path.lstrip("/")),), b"")
        site = self.server.hosts.get(host)
        if site is None or site.serves == "nothing":
            return Answer(HTTPStatus.BAD_GATEWAY, (("Content-Type", "text/plain; charset=utf-8"),), b"Bad Gateway\n")
        return None if site.serves == "silence" else answer(site, path.partition("?")[0])

    def log_message(self, *_: Any) -> None:  # noqa: ANN401 - as http.server has it
        """Print nothing; the log of the web is in memory."""
