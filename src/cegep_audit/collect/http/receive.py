"""The body of an answer: how much of it is received, and what it says."""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus

import httpcore

from cegep_audit.collect.http.body import (
    BodyError,
    beginning_of,
    content_codings,
    decoded,
    may_be_page,
    require_markup,
)
from cegep_audit.collect.http.connection import FAULTS
from cegep_audit.collect.http.exchange import Exchange
from cegep_audit.collect.port import Want
from cegep_audit.text import SNIFFED
from cegep_audit.vocabulary import Detail

SUCCESS = range(HTTPStatus.OK, HTTPStatus.MULTIPLE_CHOICES)
BYTES = "latin-1"  # the encoding of headers that leaves every byte what it was

_ERROR_BYTES = 64 * 1024  # read of a body that nobody wants, so that the connection can be used again
_ERROR_S = 1.0
_SNIFFED_RAW = 8 * SNIFFED  # bytes as received, enough for any coding to give those that are looked at
_MAX_PIECES = 20_000  # of one body; each costs time, and a real page comes in hundreds


async def receive(
    exchange: Exchange, response: httpcore.Response, want: Want, headers: Mapping[str, str], limit: int
) -> None:
    """Fill in the body as received, at most *limit* bytes: nothing of what is no page, of an error the beginning."""
    is_page = _is_page(want, headers)
    if response.status not in SUCCESS:
        # Nobody wants this body; whatever goes wrong with it changes nothing.
        try:
            async with asyncio.timeout(_ERROR_S):
                await _fill_in(exchange, response, _ERROR_BYTES)
        except TimeoutError:
            exchange.truncated = "time"
        except FAULTS:
            exchange.truncated = "disconnect"
    elif is_page is False:
        exchange.truncated = "length"  # nobody needs 200 MB of PDF
    else:
        await _fill_in(exchange, response, limit, None if is_page else _codings(headers))


def body_of(exchange: Exchange, want: Want, headers: Mapping[str, str], limit: int, surplus: bytes) -> bytes:
    """Return the decoded body as far as it is wanted; raise BodyError where it cannot be read whole.

    *surplus* is what followed the answer on its connection.
    """
    if exchange.status not in SUCCESS:
        return beginning_of(exchange.body, _codings(headers), _ERROR_BYTES)
    is_page, cuts = _is_page(want, headers), want is Want.ROBOTS
    if is_page is False:
        return b""
    if exchange.truncated and not cuts:
        raise BodyError(Detail.TOO_LARGE, f"larger than {limit:,} bytes")
    body = decoded(exchange.body, _codings(headers), limit, cuts=cuts)
    if is_page is None and body:
        require_markup(body)
    if surplus.strip() and not exchange.truncated and "transfer-encoding" not in headers:
        exchange.truncated = "unspecified"
        raise BodyError(Detail.CUT_SHORT, "longer than its Content-Length says")
    return body


def _is_page(want: Want, headers: Mapping[str, str]) -> bool | None:
    """Whether an answer is wanted whole; None where only its first bytes can tell."""
    return may_be_page(headers.get("content-type", "")) if want is Want.PAGE else True


def _codings(headers: Mapping[str, str]) -> list[str]:
    return content_codings(headers.get("content-encoding", ""))


async def _fill_in(exchange: Exchange, response: httpcore.Response, limit: int, vague: list[str] | None = None) -> None:
    """Fill in at most *limit* bytes of the body as received, and whether that is all of it.

    *vague* are the codings of a body that must prove to be markup: raise BodyError as soon as it does not.
    """
    pieces: list[bytes] = []
    size = 0
    exchange.truncated = "length"  # should we stop before its end
    try:
        async for piece in response.aiter_stream():
            pieces.append(piece)
            size += len(piece)
            if len(pieces) > _MAX_PIECES:
                raise BodyError(Detail.PROTOCOL, f"in more than {_MAX_PIECES:,} pieces")
            if size > limit:
                return
            if vague is not None and size >= _SNIFFED_RAW:
                require_markup(beginning_of(b"".join(pieces), vague, SNIFFED))
                vague = None
        exchange.truncated = ""
    finally:
        exchange.body = b"".join(pieces)[:limit]
