"""Mementos on their way to a WARC: each as the site's answer at the moment of its capture.

So the file reads like that of a live scan of that day: replayed, it gives the same report, without the archive being
asked again. What the archive said of itself (redirects to a capture, pages it does not hold, captures out of range)
is not in it, nor the headers that it was asked with; those it answered with, ``Memento-Datetime`` and all, are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from cegep_audit.collect.archive.uri_m import Moment, read_datetime, read_uri_m, redirect_of
from cegep_audit.collect.http.exchange import Exchange, Recorder

_LOCATION = b"location"


class MementoRecorder:
    """A recorder of requests to an archive, which gives *record* those that brought a memento in range.

    *refusal* says why a capture is not, "" where it is.
    """

    def __init__(self, record: Recorder, refusal: Callable[[datetime], str]) -> None:
        self._record = record
        self._refusal = refusal

    def __call__(self, exchange: Exchange) -> str | None:
        """Keep *exchange* where it brought a memento; return the name of the record, None where none was made."""
        moment = read_uri_m(exchange.url, exchange.url)
        at = read_datetime(_header(exchange, b"memento-datetime"))
        if moment is None or at is None or self._refusal(at):
            return None
        return self._record(
            replace(
                exchange,
                url=moment.url,
                request_headers=(),
                started_at=at,
                response_headers=tuple(_original_headers(exchange, moment)),
                ip=None,
            )
        )


def _header(exchange: Exchange, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in exchange.response_headers if key.lower() == name), "")


def _original_headers(exchange: Exchange, moment: Moment) -> list[tuple[bytes, bytes]]:
    """Return the headers received, a redirect leading where the site's own led."""
    target = redirect_of(moment, exchange.url, _header(exchange, _LOCATION))
    return [
        (name, target.encode() if name.lower() == _LOCATION and target else value)
        for name, value in exchange.response_headers
    ]
