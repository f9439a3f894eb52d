"""One request: sent in its turn, answered within its time and size, kept as received, or a FetchError."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Literal

import httpcore
import httpx

from cegep_audit.collect.body import BodyError, Unpacker, content_codings, looks_like_markup, may_be_page
from cegep_audit.collect.connect import TransportError, Wire
from cegep_audit.collect.exchange import Exchange, Recorder, Truncated
from cegep_audit.collect.pace import Pace, Turn
from cegep_audit.collect.politeness import ROBOTS_BYTES
from cegep_audit.collect.progress import Tally, Waiting
from cegep_audit.collect.transport import HEADERS_RECEIVED
from cegep_audit.errors import FetchError
from cegep_audit.models import Limits
from cegep_audit.vocabulary import Detail

_SNIFFED = 512  # bytes after which a body of a vague type must have shown that it is markup
_DRAINED = 64 * 1024  # bytes read of a body that nobody wants, so that the connection can be used again
_DRAIN_S = 2.0


def as_sent(url: str) -> str:
    """Return *url* as it goes over the wire, without dot segments and with percent escapes; raise FetchError.

    robots.txt is asked about this form: /open/../closed is /closed.
    """
    try:
        return str(httpx.URL(url))
    except (httpx.InvalidURL, ValueError) as error:  # ValueError: host names that IDNA refuses
        raise FetchError(url, Detail.BAD_URL, f"no usable address: {error}") from error


class Want(Enum):
    """What an answer is asked for."""

    PAGE = "page"
    ROBOTS = "robots"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer read as far as it is wanted; ``body`` is content-decoded, ``location`` a redirect's target or None."""

    url: str
    status: int
    content_type: str
    body: bytes
    at: datetime
    location: str | None
    retry_after: str
    record_id: str | None


@dataclass(slots=True)
class _Draft:
    """What is known so far of one exchange."""

    url: str
    want: Want
    at: datetime
    began_at: float
    request: httpx.Request | None = None
    response: httpx.Response | None = None
    raw: bytearray = field(default_factory=bytearray)
    body: bytes = b""
    truncated: Truncated = ""

    @property
    def status(self) -> int | None:
        return self.response.status_code if self.response else None

    @property
    def headers_received(self) -> list[tuple[bytes, bytes]]:
        return self.response.extensions[HEADERS_RECEIVED] if self.response else []


@dataclass(frozen=True, slots=True)
class Shared:
    """What all visits of one scan share; ``clock`` gives monotonic seconds, ``now`` the time in UTC."""

    limits: Limits
    pace: Pace
    tally: Tally
    record: Recorder | None
    clock: Callable[[], float]
    now: Callable[[], datetime]


class Fetcher:
    """Sends the requests of one visit, one after the other."""

    def __init__(self, client: httpx.AsyncClient, wire: Wire, shared: Shared, name: str) -> None:
        """*client* sends over *wire*; *name* is the visit's in the tally."""
        self._client = client
        self._wire = wire
        self._shared = shared
        self._name = name

    async def ask(self, url: str, want: Want) -> Answer:
        """Request *url* when it is its host's turn; raise FetchError where there is no whole answer.

        An answer with an error status is an answer. Nothing is tried twice here.
        """
        self._wait_for("turn", url)
        async with self._shared.pace.turn(url) as turn:
            self._wait_for("answer", url)
            draft = _Draft(url, want, self._shared.now(), self._shared.clock())
            self._wire.clear()
            try:
                async with asyncio.timeout(self._shared.limits.timeout_s):
                    await self._exchange(draft, turn)
            except _FAULTS as error:
                raise self._failure(draft, error) from error
            finally:
                if self._wire.sent_at is not None and draft.response is None:
                    turn.reached(self._shared.clock())
            return self._answer(draft)

    def cookies(self) -> frozenset[object]:
        """Return what tells the cookies that the visit holds from those it held before."""
        return frozenset((cookie.domain, cookie.path, cookie.name, cookie.value) for cookie in self._client.cookies.jar)

    def _wait_for(self, what: Literal["turn", "answer"], url: str) -> None:
        self._shared.tally.visits[self._name] = Waiting(what, url, self._shared.clock())

    async def _exchange(self, draft: _Draft, turn: Turn) -> None:
        draft.request = self._client.build_request("GET", draft.url)
        self._shared.tally.requests += 1
        draft.response = response = await self._client.send(draft.request, stream=True)
        # The host had the request before it answered, and not before we sent it.
        turn.reached(self._shared.clock())
        try:
            await self._read(draft, response)
        finally:
            await response.aclose()

    async def _read(self, draft: _Draft, response: httpx.Response) -> None:
        is_page: bool | None = True
        if draft.want is Want.PAGE:
            is_page = may_be_page(response.headers.get("content-type", ""))
        if not response.is_success:
            await self._drain(draft, response)
        elif is_page is False:
            draft.truncated = "length"  # nobody needs 200 MB of PDF
        else:
            await self._unpack(draft, response, is_vague=is_page is None)

    async def _unpack(self, draft: _Draft, response: httpx.Response, *, is_vague: bool) -> None:
        is_robots = draft.want is Want.ROBOTS
        limit = ROBOTS_BYTES if is_robots else self._shared.limits.max_bytes
        unpacker = Unpacker(content_codings(response.headers.get_list("content-encoding")), limit, cuts=is_robots)
        draft.truncated = "length"  # should we stop before its end
        async for chunk in response.aiter_raw():
            self._keep(draft, chunk, limit)
            unpacker.feed(chunk)
            if unpacker.is_full:
                break
            if is_vague and len(unpacker.data) >= _SNIFFED:
                _require_markup(unpacker.data)
                is_vague = False
        else:
            draft.truncated = ""
        draft.body = unpacker.finish()
        if is_vague and draft.body:
            _require_markup(draft.body)

    async def _drain(self, draft: _Draft, response: httpx.Response) -> None:
        """Read a little of a body that nobody wants; whatever goes wrong with it changes nothing."""
        received = 0
        draft.truncated = "time"
        try:
            async with asyncio.timeout(_DRAIN_S):
                async for chunk in response.aiter_raw():
                    self._keep(draft, chunk, _DRAINED)
                    received += len(chunk)
                    if received > _DRAINED:
                        draft.truncated = "length"
                        return
            draft.truncated = ""
        except (httpcore.NetworkError, httpcore.ProtocolError, TransportError):
            draft.truncated = "disconnect"
        except TimeoutError:
            return

    def _keep(self, draft: _Draft, chunk: bytes, limit: int) -> None:
        if self._shared.record:
            draft.raw += chunk[: max(0, limit - len(draft.raw))]

    def _answer(self, draft: _Draft) -> Answer:
        response = draft.response
        assert response is not None  # noqa: S101 -- an exchange without one has failed
        return Answer(
            url=draft.url,
            status=response.status_code,
            content_type=response.headers.get("content-type", ""),
            body=draft.body,
            at=draft.at,
            location=_location(draft.headers_received) if response.is_redirect else None,
            retry_after=response.headers.get("retry-after", ""),
            record_id=self._keep_record(draft),
        )

    def _failure(self, draft: _Draft, error: Exception) -> FetchError:
        detail, message, status = self._explain(draft, error)
        if draft.response and not isinstance(error, BodyError):
            draft.truncated = "time" if isinstance(error, TimeoutError) else "disconnect"
        tried = error.tried if isinstance(error, TransportError) else ()
        record_id = self._keep_record(draft, "" if draft.response else detail, tried)
        return FetchError(draft.url, detail, message, status=status, record_id=record_id)

    def _explain(self, draft: _Draft, error: Exception) -> tuple[Detail, str, int | None]:
        """Return detail, message and HTTP status of what went wrong."""
        status = draft.status
        match error:
            case TransportError() | BodyError():
                return error.detail, str(error), status
            case TimeoutError():
                what = "no complete answer" if draft.response else "no answer"
                return Detail.TIMEOUT, f"{what} within {self._shared.limits.timeout_s:g} s", status
            case httpcore.ProxyError():
                code = str(error)[:3]
                return Detail.PROXY, f"the proxy answers: {error}", int(code) if code.isdecimal() else None
            case _ if draft.response and self._wire.has_ended:
                return Detail.CUT_SHORT, "the connection was closed before the end of the page", status
            case _ if self._wire.has_ended or isinstance(error, httpcore.NetworkError):
                return Detail.CONNECTION_LOST, "the connection was closed without an answer", status
            case _:
                return Detail.PROTOCOL, f"not proper HTTP: {error}", status

    def _keep_record(self, draft: _Draft, detail: str = "", tried: tuple[str, ...] = ()) -> str | None:
        if self._shared.record is None:
            return None
        response = draft.response
        return self._shared.record(
            Exchange(
                url=draft.url,
                method="GET",
                request_headers=_as_text(draft.request.headers.raw) if draft.request else (),
                started_at=draft.at,
                duration_s=self._shared.clock() - draft.began_at,
                http_version=response.http_version if response else "",
                status=draft.status,
                reason=response.reason_phrase if response else "",
                response_headers=tuple(draft.headers_received),
                body=bytes(draft.raw),
                truncated=draft.truncated,
                ip=self._wire.ip,
                detail=detail,
                tried=tried,
            )
        )


_FAULTS = (
    TransportError,
    BodyError,
    TimeoutError,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
)


def _require_markup(start: bytes | bytearray) -> None:
    if not looks_like_markup(bytes(start[:_SNIFFED])):
        raise BodyError(Detail.NOT_HTML, "neither its type nor its first bytes are those of a page")


def _as_text(headers: list[tuple[bytes, bytes]]) -> tuple[tuple[str, str], ...]:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)


def _location(headers: list[tuple[bytes, bytes]]) -> str | None:
    """Return the first ``Location`` as text: UTF-8, or what is not as a browser sends it on, percent-encoded."""
    for name, value in headers:
        if name.lower() == b"location":
            try:
                return value.decode()
            except UnicodeDecodeError:
                return "".join(chr(byte) if byte < 0x80 else f"%{byte:02X}" for byte in value)  # noqa: PLR2004 -- ASCII
    return None
