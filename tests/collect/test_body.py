from __future__ import annotations

import gzip
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cegep_audit.collect.http.body import (
    AnswerError,
    beginning_of,
    content_codings,
    decoded,
    may_be_page,
    require_markup,
)
from cegep_audit.text import looks_like_markup

LIMIT = 1_000_000
HTML = b"<!DOCTYPE html><html><body>" + "Cégep de Rivière-Bleue ".encode() * 200 + b"</body></html>"


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def zeros(size: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(bytes(2**20)) for _ in range(size >> 20)) + packer.flush()


# A 5 MB gzip file that inflates to nothing: all its blocks are empty.
EMPTY_BLOCKS = gzip.compress(b"")[:10] + b"\x00\x00\x00\xff\xff" * 1_000_000


CODED = {
    "plain": (HTML, []),
    "gzip": (gzip.compress(HTML), ["gzip"]),
    "deflate with a zlib header": (zlib.compress(HTML), ["deflate"]),
    "raw deflate": (raw_deflate(HTML), ["deflate"]),
    "gzip declared as deflate": (gzip.compress(HTML), ["deflate"]),
    "zlib declared as gzip": (zlib.compress(HTML), ["gzip"]),
    "undeclared gzip": (gzip.compress(HTML), []),
    "plain text declared as gzip": (HTML, ["gzip"]),
    "plain text declared as br": (HTML, ["br"]),
    "gzip declared as br": (gzip.compress(HTML), ["br"]),
    "two layers of gzip": (gzip.compress(gzip.compress(HTML)), ["gzip", "gzip"]),
    "layers of gzip and deflate": (gzip.compress(zlib.compress(HTML)), ["gzip", "deflate"]),
    "one layer, two declared": (gzip.compress(HTML), ["gzip", "gzip"]),
    "concatenated gzip files": (gzip.compress(HTML[:100]) + gzip.compress(HTML[100:]), ["gzip"]),
    "trailing padding": (gzip.compress(HTML) + b"\0\0\0", ["gzip"]),
}


@pytest.mark.parametrize("name", CODED)
def test_a_body_is_decoded(name: str) -> None:
    coded, codings = CODED[name]
    assert decoded(coded, codings, LIMIT) == HTML


@given(st.binary(max_size=3000), st.sampled_from(["gzip", "deflate"]))
def test_coding_round_trip(body: bytes, coding: str) -> None:
    coded = gzip.compress(body) if coding == "gzip" else zlib.compress(body)
    assert decoded(coded, [coding], LIMIT) == body


ONE_LAYER = sorted(name for name in CODED if "layer" not in name and "concatenated" not in name)


@given(st.integers(2, 400), st.sampled_from(ONE_LAYER))
def test_the_beginning_of_a_truncated_body_is_decoded(size: int, name: str) -> None:
    coded, codings = CODED[name]
    found = beginning_of(coded[:size], codings, 300)
    assert HTML.startswith(found)
    assert len(found) <= 300


@pytest.mark.parametrize(
    ("coded", "codings", "detail"),
    [
        pytest.param(b"\x1b" * 50, ["br"], "decode", id="br"),
        pytest.param(b"\x28\xb5\x2f\xfd" * 9, ["zstd"], "decode", id="zstd"),
        pytest.param(b"whatever", ["snappy"], "decode", id="unknown coding"),
        pytest.param(b"no markup", ["gzip"], "decode", id="plain text declared as gzip"),
        pytest.param(gzip.compress(HTML)[:40] + b"\xff" * 60, ["gzip"], "decode", id="corrupt gzip"),
        pytest.param(gzip.compress(HTML)[:-8] + bytes(8), ["gzip"], "decode", id="wrong checksum"),
        pytest.param(gzip.compress(HTML)[:-20], ["gzip"], "cut_short", id="truncated gzip"),
        pytest.param(gzip.compress(HTML)[:-4], ["gzip"], "cut_short", id="gzip truncated in its trailer"),
        pytest.param(gzip.compress(b"x") * 500, ["gzip"], "decode", id="hundreds of concatenated files"),
        pytest.param(HTML, ["gzip"] * 9, "decode", id="nine layers"),
        pytest.param(zeros(20 << 20), ["gzip"], "too_large", id="bomb"),
        pytest.param(gzip.compress(zeros(50 << 20)), ["gzip", "gzip"], "too_large", id="bomb in two layers"),
        pytest.param(gzip.compress(EMPTY_BLOCKS), ["gzip", "gzip"], "too_large", id="bomb in the outer layer only"),
        pytest.param(b"<" * 1_000_001, [], "too_large", id="one byte over the limit"),
    ],
)
def test_a_body_that_cannot_be_decoded_whole_raises(coded: bytes, codings: list[str], detail: str) -> None:
    with pytest.raises(AnswerError) as raised:
        decoded(coded, codings, LIMIT)
    assert raised.value.detail == detail


def test_a_body_of_exactly_the_limit_is_accepted() -> None:
    assert len(decoded(b"<" * LIMIT, [], LIMIT)) == LIMIT
    assert len(decoded(gzip.compress(bytes(LIMIT)), ["gzip"], LIMIT)) == LIMIT


def test_with_cuts_a_longer_body_is_cut_at_the_limit() -> None:
    assert decoded(b"<" * 600 + b">" * 600, [], 1000, cuts=True) == b"<" * 600 + b">" * 400
    assert decoded(zeros(5 << 20), ["gzip"], 1000, cuts=True) == bytes(1000)


def test_with_cuts_a_gzip_body_cut_at_the_limit_may_be_incomplete() -> None:
    noise = gzip.compress(random.Random(1).randbytes(5000))  # noqa: S311 -- not for secrets
    assert len(decoded(noise[:1000], ["gzip"], 1000, cuts=True)) > 900
    with pytest.raises(AnswerError) as raised:
        decoded(noise[:999], ["gzip"], 1000, cuts=True)
    assert raised.value.detail == "cut_short"


def test_a_body_too_short_for_gzip_is_returned_unchanged() -> None:
    assert decoded(b"", ["gzip"], LIMIT) == b""
    assert decoded(b"<", ["gzip"], LIMIT) == b"<"


@pytest.mark.parametrize(
    ("header", "codings"),
    [
        ("", []),
        ("gzip", ["gzip"]),
        ("X-GZIP", ["gzip"]),
        ("identity", []),
        ("none, ", []),
        ("deflate, gzip", ["gzip", "deflate"]),
    ],
)
def test_content_codings_are_listed_in_decoding_order(header: str, codings: list[str]) -> None:
    assert content_codings(header) == codings


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("text/html", True),
        ("TEXT/HTML; charset=utf-8", True),
        ("text/html,text/html", True),
        ("application/xhtml+xml", True),
        ("text/xml", True),
        ("text/plain", True),
        ("", None),
        ("html", None),
        ("*/*", None),
        ("text/x-server-parsed-html", None),
        ("application/octet-stream", None),
        ("unknown/unknown", None),
        ("application/pdf", False),
        ("image/png", False),
        ("image/svg+xml", False),
        ("application/json", False),
        ("video/mp4; codecs=x", False),
        ("application/zip", False),
    ],
)
def test_may_be_page(content_type: str, expected: bool | None) -> None:
    assert may_be_page(content_type) is expected


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (b"<html>", True),
        (b"\r\n \t<?xml", True),
        (b"\xef\xbb\xbf<html>", True),
        ("<html>".encode("utf-16"), True),
        ("<html>".encode("utf-16-be"), True),
        (b"%PDF-1.7", False),
        (b"PK\x03\x04", False),
        (b"", False),
        (b"Bonjour <b>", False),
    ],
)
def test_looks_like_markup(start: bytes, expected: bool) -> None:
    assert looks_like_markup(start) is expected
    if not expected:
        with pytest.raises(AnswerError, match="neither"):
            require_markup(start)
