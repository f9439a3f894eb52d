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
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingTCPServer
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from cegep_audit.demo.sites import Answer, answer, sites, write_registry

_POLL_S = 0.05  # longest time until the server notices that it must stop


class Hit(NamedTuple):
    """One request: seconds since the web opened, host, path with query, and the status of the answer (0: none)."""

    at_s: float
    host: str
    path: str
    status: int


@contextmanager
def serve() -> Iterator["Web"]:
    """Serve the invented web on a free port of 127.0.0.1, from threads, until the block ends.

    Raises OSError if there is no free port. At the end, connections are closed and threads have ended.
    """
    with TemporaryDirectory(prefix="cegep-audit-demo-") as folder:
        web = Web(Path(folder) / "institutions.csv")
        thread = threading.Thread(target=web.serve_forever, args=(_POLL_S,), name="cegep-audit-demo", daemon=True)
        thread.start()
        try:
            yield web
        finally:
            web.shutdown()
            for connection in web.connections:
                with suppress(OSError):  # closed already
                    connection.shutdown(socket.SHUT_RDWR)
            web.server_close()
            thread.join()


class Web(ThreadingTCPServer):
    """The invented web while it is served.

    ``proxy`` is the address to use as HTTP proxy, ``registry`` a file that exists while the web is open;
    ``log`` grows in the order of the answers and may be read from any thread.
    """

    request_queue_size = 128  # connections that wait to be accepted

    def __init__(self, registry: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.proxy = f"http://127.0.0.1:{self.server_address[1]}"
        self.registry = registry
        self.log: list[Hit] = []
        self.connections: list[Any] = []
        self.started_s = time.monotonic()
        self.hosts = {site.host: site for site in sites()}
        self.aliases = {alias: to for site in sites() for alias, to in site.aliases.items()}
        write_registry(registry)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as socketserver has it
        """Serve a connection in a thread of its own."""
        self.connections.append(request)
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as socketserver has it
        """Ignore clients that hung up."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Conversation(BaseHTTPRequestHandler):
    """The requests of one connection, and their answers."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer is sent in one piece, so that its end does not wait for an acknowledgement
    server: Web

    def do_GET(self) -> None:
        """Answer one request."""
        try:
            url = urlsplit(self.path)
            host = (url.hostname or self.headers.get("host", "").partition(":")[0]).lower()
        except ValueError:
            self.send_error(400)
            return
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        found = self._found(host, path)
        at_s = time.monotonic() - self.server.started_s
        self.server.log.append(Hit(at_s, host, path, found.status if found else 0))
        if found is None:
            self.close_connection = True
            return
        time.sleep(found.wait_s)
        body, headers = found.body, dict(found.headers)
        if body and "gzip" in self.headers.get("accept-encoding", ""):
            body, headers["Content-Encoding"] = gzip.compress(body, mtime=0), "gzip"
        self.send_response_only(found.status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - as http.server has it

    def _found(self, host: str, path: str) -> Answer | None:
        """Return the answer to a request, None if the host closes the connection without one."""
        if host in self.server.aliases:
            return Answer(301, {"Location": self.server.aliases[host] + path.lstrip("/")}, b"")
        site = self.server.hosts.get(host)
        if site is None or site.serves == "nothing":
            return Answer(502, {"Content-Type": "text/plain; charset=utf-8"}, b"Bad Gateway\n")
        return None if site.serves == "silence" else answer(site, path.partition("?")[0])

    def log_message(self, *_: Any) -> None:  # noqa: ANN401 - as http.server has it
        """Print nothing; the log of the web is in memory."""
