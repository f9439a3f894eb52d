"""TLS: certificates are always verified, and http is used only if nothing listens on https."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from servers import Web, page, redirect, serve
from visits import Records, fault, get, to_loopback, visit

from cegep_audit.collect.http.live import LiveWeb
from cegep_audit.errors import UsageError
from cegep_audit.models import Limits

pytestmark = pytest.mark.usefixtures("no_backoff")

LOCAL = Limits(delay_s=0.0, timeout_s=2.0, allow_private=True)
PAST = datetime.now(UTC) - timedelta(days=2)


def server_context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


INVALID: dict[str, tuple[Callable[[trustme.CA], ssl.SSLContext], str]] = {
    "expired": (lambda ca: server_context(ca.issue_cert("cegeprb.test", not_after=PAST)), "expired"),
    "not yet valid": (
        lambda ca: server_context(ca.issue_cert("cegeprb.test", not_before=datetime.now(UTC) + timedelta(days=2))),
        "not yet valid",
    ),
    "for another host": (lambda ca: server_context(ca.issue_cert("autre.test")), "mismatch"),
    "wildcard for another domain": (lambda ca: server_context(ca.issue_cert("*.autre.test")), "mismatch"),
    "from an unknown authority": (lambda _: server_context(trustme.CA().issue_cert("cegeprb.test")), "certificate"),
}


@pytest.mark.parametrize("name", INVALID)
async def test_an_invalid_certificate_fails(name: str, trusted: trustme.CA) -> None:
    make, message = INVALID[name]
    context = make(trusted)
    with serve(lambda _: context, always_tls=True) as web:
        web["*"] = page("secret")
        error = await fault(f"https://cegeprb.test:{web.port}/", LOCAL, resolve=to_loopback)
    assert error.detail == "tls"
    assert message in str(error).lower()
    assert not web.log


async def test_the_host_name_is_sent_as_sni_to_the_resolved_address(trusted: trustme.CA) -> None:
    """SNI and verification use the host name; the connection goes to the resolved address."""
    names: list[str] = []
    context = server_context(trusted.issue_cert("cegeprb.test"))
    context.sni_callback = lambda _, name, __: names.append(name)
    records = Records()
    with serve(lambda _: context, always_tls=True) as web:
        web["*"] = page()
        await get(f"https://cegeprb.test:{web.port}/", LOCAL, resolve=to_loopback, record=records)
    assert names == ["cegeprb.test"]
    assert {exchange.ip for exchange in records.kept} == {"127.0.0.1"}


@contextlib.asynccontextmanager
async def listening(answer: bytes | None) -> AsyncIterator[int]:
    """Listen on a port, and reply to the first bytes with *answer*, which is not TLS; None sends no reply."""
    connections: list[asyncio.StreamWriter] = []

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        await reader.read(100)
        if answer is None:
            return
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve_one, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in connections:
            writer.transport.abort()


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"\x15\x03\x03\x00\x02\x02\x28", b"\x16\x03\x03\xff\xff" * 99]
)
async def test_a_failed_handshake_is_a_tls_failure(answer: bytes) -> None:
    async with listening(answer) as port:
        assert (await fault(f"https://cegeprb.test:{port}/", LOCAL, resolve=to_loopback)).detail == "tls"


async def test_a_server_that_requires_a_client_certificate_is_a_tls_failure(trusted: trustme.CA) -> None:
    """In TLS 1.3, the server refuses only after the client has completed the handshake."""
    context = server_context(trusted.issue_cert("cegeprb"))  # www. is not tried for a name without a dot
    context.verify_mode = ssl.CERT_REQUIRED

    def refuse(server: socket.socket) -> None:
        accepted, _ = server.accept()
        with context.wrap_socket(accepted, server_side=True, do_handshake_on_connect=False) as connection:
            with pytest.raises(ssl.SSLError):
                connection.do_handshake()
            connection.shutdown(socket.SHUT_WR)
            # Closing with unread bytes would reset the connection, perhaps before the client reads the alert.
            with contextlib.suppress(ConnectionResetError):
                while connection.recv(4096):
                    pass

    with socket.create_server(("127.0.0.1", 0)) as server:
        refusing = asyncio.create_task(asyncio.to_thread(refuse, server))
        error = await fault(f"https://cegeprb:{server.getsockname()[1]}/", LOCAL, resolve=to_loopback)
        assert error.detail == "tls"
        assert "certificate required" in str(error)
        await refusing


async def test_a_handshake_that_never_ends_times_out() -> None:
    async with listening(None) as port:
        limits = Limits(delay_s=0.0, timeout_s=0.3, allow_private=True)
        assert (await fault(f"https://cegeprb.test:{port}/", limits, resolve=to_loopback)).detail == "timeout"


async def test_www_is_tried_if_the_certificate_does_not_cover_the_bare_name(
    secure_web: Web, authority: trustme.CA
) -> None:
    secure_web.authority = lambda _: server_context(authority.issue_cert("www.cegeprb.test"))
    secure_web["www.cegeprb.test/"] = page()
    assert (await get("https://cegeprb.test/")).url == "https://www.cegeprb.test/"
    assert {asked.host for asked in secure_web.log} == {"www.cegeprb.test"}


async def test_an_invalid_certificate_never_leads_to_http(secure_web: Web, authority: trustme.CA) -> None:
    secure_web.authority = lambda _: server_context(authority.issue_cert("autre.test"))
    secure_web["cegeprb.test/"] = secure_web["www.cegeprb.test/"] = page()
    assert (await fault("https://cegeprb.test/")).detail == "tls"
    assert not secure_web.log


async def test_an_https_homepage_is_requested_over_https_only(secure_web: Web) -> None:
    secure_web["cegeprb.test/"] = page()
    assert (await get("https://cegeprb.test/")).url == "https://cegeprb.test/"
    assert {asked.scheme for asked in secure_web.log} == {"https"}
    assert secure_web.connects == ["cegeprb.test:443"]


async def test_http_is_tried_if_nothing_listens_on_https(secure_web: Web) -> None:
    secure_web.refused.add("cegeprb.test:443")
    secure_web["cegeprb.test/"] = page()
    async with visit("https://cegeprb.test/") as site:
        assert (await site.get("https://cegeprb.test/")).url == "http://cegeprb.test/"


async def test_an_http_homepage_may_redirect_to_https(secure_web: Web) -> None:
    """The registry may still have the address from before the site moved to https."""
    secure_web["cegeprb.test/*"] = lambda asked: (
        redirect(f"https://cegeprb.test{asked.path}", 301) if asked.scheme == "http" else page()
    )
    assert (await get("http://cegeprb.test/")).url == "https://cegeprb.test/"


async def test_http_is_tried_for_the_homepage_only(secure_web: Web) -> None:
    secure_web.refused.add("biblio.cegeprb.test:443")
    secure_web["biblio.cegeprb.test/"] = page()
    error = await fault("https://biblio.cegeprb.test/", home="https://cegeprb.test/")
    assert (error.detail, error.status) == ("proxy", 502)


async def test_a_connection_refused_under_both_names_is_a_failure() -> None:
    asked: list[str] = []

    async def resolve(host: str) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    error = await fault("https://cegeprb.test:9/", LOCAL, resolve=resolve)
    assert error.detail == "refused"
    assert asked == ["cegeprb.test", "www.cegeprb.test"]


def test_a_missing_certificate_file_is_a_usage_error(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", f"{tmp_path}/absent.pem")
    with pytest.raises(UsageError, match=r"absent\.pem"):
        LiveWeb(Limits(), "cegep-audit/1")
