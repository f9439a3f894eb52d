"""Framing: where an answer ends, however its bytes arrive; and cleaned heads, which h11 must parse."""

from __future__ import annotations

import time

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cegep_audit.collect.http.body import AnswerError
from cegep_audit.collect.http.connection import Framing, clean_head

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
GET = b"GET / HTTP/1.1\r\n\r\n"
ANSWERS = {
    "Content-Length": OK + b"Content-Length: 6\r\n\r\n<html>",
    "Content-Length of zero": OK + b"Content-Length: 0\r\n\r\n",
    "duplicate Content-Length": OK + b"Content-Length: 6\r\ncontent-length: 6\r\n\r\n<html>",
    "chunked": OK + b"Transfer-Encoding: chunked\r\n\r\n3;x=y\r\n<ht\r\n3\r\nml>\r\n0\r\n\r\n",
    "trailers": OK + b"transfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Sum: 1\r\nX: 2\r\n\r\n",
    "chunked with Content-Length": OK + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "204": b"HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n",
    "304 with Content-Length": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n",
    "interim responses": b"HTTP/1.1 103 Hints\r\nLink: </a>\r\n\r\n" * 2 + OK + b"Content-Length: 1\r\n\r\nx",
}  # fmt: skip
MEASURED = [name for name in ANSWERS if "duplicate" not in name]
CHUNKED = [name for name in ANSWERS if b"chunked" in ANSWERS[name]]
LOOKALIKE = OK + b"Transfer-Encoding: chunked\r\n\r\n1a\r\nThe end is\r\n0\r\n\r\nor not\r\n"


def fed(data: bytes, cuts: set[int], request: bytes = GET) -> tuple[bytes, Framing]:
    """Feed *data* in pieces that end at *cuts*; return the bytes passed on, and the framing."""
    framing = Framing()
    framing.expect(request)
    ends = sorted({cut % (len(data) + 1) for cut in cuts} | {len(data)})
    begins = [0, *ends]
    return b"".join(framing.feed(data[begin:end]) for begin, end in zip(begins, ends, strict=False)), framing


@pytest.mark.parametrize("name", MEASURED)
@given(cuts=st.sets(st.integers(0, 400), max_size=12), surplus=st.sampled_from([b"", b"x", b"\r\n", OK + b"\r\n"]))
def test_the_end_of_an_answer_is_found_however_it_is_split(name: str, cuts: set[int], surplus: bytes) -> None:
    passed, framing = fed(ANSWERS[name] + surplus, cuts)
    assert passed == ANSWERS[name] + (surplus if name in CHUNKED else b"")
    assert framing.surplus == surplus
    assert framing.is_clean is not bool(surplus)


@pytest.mark.parametrize("name", MEASURED)
def test_h11_finds_the_same_end(name: str) -> None:
    """It has no bytes left over, and needs no more."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
    connection.send(h11.EndOfMessage())
    surplus = b"" if name in CHUNKED else b"HTTP/1.1 200 surplus\r\n\r\n"
    connection.receive_data(fed(ANSWERS[name] + surplus, set())[0])
    while not isinstance(event := connection.next_event(), h11.EndOfMessage):
        assert event is not h11.NEED_DATA
    assert connection.trailing_data[0] == b""


@pytest.mark.parametrize(
    "answer",
    [
        ANSWERS["duplicate Content-Length"],
        OK + b"\r\n<html>",  # ends with the connection
        OK + b"Content-Length: 6, 6\r\n\r\n<html>",
        OK + b"Content-Length: many\r\n\r\n<html>",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n<html>",
        OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"1" * 20 + b"\r\n<html>",
        OK + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 20_000,
        OK + b"Content-Length: 9\r\n\r\n<html>",  # incomplete
        OK + b"Transfer-Encoding: chunked\r\n\r\n6\r\n<html>\r\n",
    ],
)
def test_an_answer_with_an_uncertain_end_is_passed_on_whole_and_not_clean(answer: bytes) -> None:
    passed, framing = fed(answer, set())
    assert passed == answer
    assert not framing.is_clean


@given(cuts=st.sets(st.integers(0, 400), max_size=12))
def test_text_that_looks_like_the_last_chunk_is_passed_on_whole(cuts: set[int]) -> None:
    passed, framing = fed(LOOKALIKE + b"0\r\n\r\n", cuts)
    assert passed == LOOKALIKE + b"0\r\n\r\n"
    assert not framing.is_clean


def test_many_lines_that_look_like_last_chunks_are_read_fast() -> None:
    began = time.process_time()
    _, framing = fed(LOOKALIKE[:80] + b"0\r\n" * 300_000, set())
    assert time.process_time() - began < 2.0
    assert not framing.is_clean


def test_only_a_successful_connect_has_no_body() -> None:
    connect = b"CONNECT a:443 HTTP/1.1\r\n\r\n"
    assert fed(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", set(), connect)[1].is_clean
    assert not fed(b"HTTP/1.1 407 No\r\nContent-Length: 9\r\n\r\n", set(), connect)[1].is_clean


ENDLESS = b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000


@pytest.mark.parametrize("data", [b"SSH-2.0-OpenSSH\r\n", b"<html>", b"\x00", b"HTTQ", ENDLESS])
def test_an_invalid_or_endless_head_raises(data: bytes) -> None:
    with pytest.raises(AnswerError):
        fed(data, set())


@given(st.lists(st.tuples(st.integers(13, 90), st.binary(min_size=0, max_size=3)), min_size=1, max_size=8))
def test_h11_parses_every_cleaned_head(changes: list[tuple[int, bytes]]) -> None:
    """Random bytes overwrite parts of the reason and of the header lines."""
    head = bytearray(OK + b"X-A: b; c=d\r\nSet-Cookie: a=b; Path=/\r\nX-Last: 1\r\n\r\n")
    for place, data in changes:
        head[place : place + len(data)] = data
    framing = Framing()
    framing.expect(GET)
    passed = framing.feed(bytes(head) + b"\r\n\r\n")
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="GET", target="/", headers=[("Host", "a")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(passed)
    assert isinstance(connection.next_event(), h11.Response)


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        (b"X-A: b", [b"X-A: b"]),
        (b"no header", []),
        (b": x", []),
        (b"X A: b", []),
        ("É: b".encode(), []),
        (b"X-A : b", [b"X-A: b"]),
        (b"X-A: a\x00b\x07\x7f", [b"X-A: a b"]),
        (b"X-A: a\r\n\tb", [b"X-A: a b"]),
        (b"X-A:\xe9", [b"X-A:\xe9"]),
    ],
)
def test_clean_head(line: bytes, kept: list[bytes]) -> None:
    cleaned = clean_head(b"HTTP/1.1 200 OK\r\n" + line + b"\r\n\r\n")
    assert cleaned == b"\r\n".join([b"HTTP/1.1 200 OK", *kept, b"", b""])
