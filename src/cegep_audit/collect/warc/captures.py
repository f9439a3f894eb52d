"""Indexes the captures in WARC and ARC files, and reads the HTTP response in a capture.

Each file is indexed separately, possibly in another process; the indexes of several files make up one archive.

Some archiving programs undo chunks or a content coding but keep the headers that announce them. The bytes override
such headers.
"""

import errno
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from cegep_audit import urls
from cegep_audit.collect.http import body as bodies
from cegep_audit.collect.http.body import SUCCESS, AnswerError
from cegep_audit.collect.politeness import ROBOTS_BYTES
from cegep_audit.collect.port import Want, header_map
from cegep_audit.collect.warc.members import GLANCE_BYTES, Damage
from cegep_audit.collect.warc.records import ASSET, RENDERED_BY, Record, RecordFile
from cegep_audit.errors import StoreError
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.text import SNIFFED, looks_like_markup, shown
from cegep_audit.vocabulary import Detail

_MAX_DAMAGE = 20  # messages per file; a file with more faults should be created again
_FIELD = re.compile(rb"^([A-Za-z-]+):[ \t]*([^\r\n]*)", re.MULTILINE)
_ZIP = b"PK\x03\x04"
_IN_WACZ = re.compile(r"archive/[^/]+\.w?arc(\.gz)?", re.IGNORECASE)  # WACZ 1.1.1, "Directory layout"
_READING = {
    errno.ENOENT: "warc.missing",
    errno.EISDIR: "warc.directory",
    errno.EACCES: "warc.not_allowed",
    errno.EPERM: "warc.not_allowed",
}
_TAIL = 2048  # bytes at the end of a complete page that contain </html>; counters and comments may follow it
_STATUS = re.compile(rb"HTTP[^ \t]*[ \t]+(\d{3})(?!\d)", re.IGNORECASE)
_HEAD_END = re.compile(rb"\n\r*\n")
_CHUNK_SIZE = re.compile(rb"[ \t]*([0-9a-fA-F]{1,8})[ \t]*(?:;[^\n]*)?\r?\n")

# Details for WARC-Truncated; "length" is handled after the type of the body is known.
_CUT = {"time": Detail.TIMEOUT, "disconnect": Detail.CUT_SHORT, "unspecified": Detail.CUT_SHORT}

Found = tuple[list[Record], list[str]]
"""The captures of a file in file order, and a line for each damage: file, byte, what is wrong."""


@contextmanager
def explaining(
    path: Path, lang: Language, keys: Mapping[int, str] = _READING, other: str = "warc.cannot_read"
) -> Iterator[None]:
    """Turn an OSError of the block into a StoreError with the sentence for its number in *keys*, or *other*.

    The sentence names the file of the error, or *path* if the error names none.
    """
    try:
        yield
    except OSError as error:
        key = keys.get(error.errno or 0, other)
        file = shown(str(error.filename or path))
        raise StoreError(say(key, lang, file=file, reason=error.strerror or str(error))) from error


def files_of(paths: Sequence[Path], lang: Language = "fr") -> list[RecordFile]:
    """Return the WARC files at *paths*, including each of those inside a WACZ; raise StoreError, said in *lang*."""
    found: list[RecordFile] = []
    for path in paths:
        names = [""]
        with explaining(path, lang), path.open("rb") as file:
            if file.read(len(_ZIP)) == _ZIP:
                names = []
                with suppress(zipfile.BadZipFile, ValueError, NotImplementedError):
                    names = list(filter(_IN_WACZ.fullmatch, zipfile.ZipFile(file).namelist()))
        if not names:
            raise StoreError(say("warc.empty_wacz", lang, file=shown(str(path))))
        found += [RecordFile(path, name) for name in names]
    return found


def go_through(file: RecordFile, lang: Language = "fr") -> Found:
    """Return the index of *file*; raise StoreError, said in *lang*, if it cannot be read or holds no record."""
    damage: Damage = []
    name = shown(str(file.path / file.entry))
    with explaining(file.path, lang):
        records = file.records(damage)
        captures = [record for record in records if _is_capture(record) and urls.split(record.url)]
    if not records:
        raise StoreError(say("warc.not_warc", lang, file=name))
    lines = [
        say("warc.damage", lang, file=name, offset=str(offset), what=say(f"warc.{fault}", lang))
        for offset, fault in damage[:_MAX_DAMAGE]
    ]
    if (more := len(damage) - _MAX_DAMAGE) > 0:
        lines.append(say("warc.more_damage", lang, file=name, count=more))
    return captures, lines


def _is_capture(record: Record) -> bool:
    """Return whether *record* is a page, a failure that this program noted, or a page that its browser rendered."""
    if record.kind == "conversion":
        return bool(record.get(RENDERED_BY) and record.get("WARC-Refers-To"))
    if record.kind == "metadata" and not record.get(ASSET):
        return "detail" in fields_of(record.block(GLANCE_BYTES))
    return record.kind in {"response", "resource", "revisit"} and not record.get(ASSET)


def fields_of(block: bytes) -> dict[str, str]:
    """Return the ``name: value`` lines of an ``application/warc-fields`` block, names in lower case."""
    return {name.decode().lower(): value.decode("utf-8", "replace").strip() for name, value in _FIELD.findall(block)}


class Response(NamedTuple):
    """An archived HTTP response; ``payload`` follows its headers, ``truncated`` is WARC-Truncated in lower case."""

    status: int
    headers: dict[str, str]
    payload: bytes
    truncated: str


def response_of(record: Record, most: int) -> Response | None:
    """Return the HTTP response in *record*, with *most* bytes of its block; None without one. Raises AnswerError."""
    block, truncated = record.block(most), record.get("WARC-Truncated").lower()
    if record.kind == "resource":
        return Response(HTTPStatus.OK, {"content-type": record.get("Content-Type")}, block, truncated)
    status = _STATUS.match(block)
    if status is None:
        return None
    found = _HEAD_END.search(block)
    end = found.end() if found else len(block)
    # Headers are read as bytes, like those of a live answer; warcio's parser would decode them one way for all.
    lines = [line.partition(b":") for line in block[:end].split(b"\n")[1:]]
    headers = header_map((name.strip(), value.strip()) for name, colon, value in lines if colon)
    return Response(int(status[1]), headers, block[end:], truncated)


def body_of(response: Response, want: Want, limit: int, *, is_whole: bool) -> bytes:
    """Return the wanted part of the body: a complete page, at most *limit* bytes, or b"" for another type of file.

    The beginning of a robots.txt or an error is enough. Raises AnswerError if the archive holds only a part,
    as for a record that is not *is_whole*.
    """
    is_ok = response.status in SUCCESS
    if is_ok and not is_whole:
        raise AnswerError(Detail.CUT_SHORT, "the archive's record is damaged")
    is_beginning = want is Want.ROBOTS or not is_ok
    is_page = True if is_beginning else bodies.may_be_page(response.headers.get("content-type", ""))
    if is_page is False:
        return b""
    raw, is_whole = _without_chunks(response)
    codings = bodies.content_codings(response.headers.get("content-encoding", ""))
    if set(codings) <= {"gzip", "deflate", "br"} and looks_like_markup(raw):
        codings = []
    what = "file" if is_beginning else "page"
    part = AnswerError(Detail.CUT_SHORT, f"the archive holds less of this {what} than its headers announce")
    if is_beginning:
        if not (is_whole or response.truncated):
            raise part
        return bodies.decoded(raw, codings, ROBOTS_BYTES, cuts=True)
    if codings[:1] == ["br"] and (undone := _without_brotli(raw, limit)) is not None:
        raw, codings = undone, codings[1:]
    if is_page is None and (start := bodies.beginning_of(raw, codings, SNIFFED)):
        bodies.require_markup(start)
    if response.truncated:
        raise AnswerError(Detail.TOO_LARGE, "the archive holds only the beginning of this page")
    body = bodies.decoded(raw, codings, limit)
    if not is_whole and b"</html>" not in body[-_TAIL:].lower():
        raise part
    return body


def _without_chunks(response: Response) -> tuple[bytes, bool]:
    """Return the payload without its chunks, and whether it is as long as the headers announce.

    A payload that does not begin with a chunk was archived without chunks. warcio's reader of chunks does not
    report whether the last chunk came. Raises AnswerError if the record says that it holds only a part.
    """
    if response.truncated in _CUT:
        raise AnswerError(_CUT[response.truncated], "the archive holds only a part of this page")
    payload = response.payload
    if "chunked" not in response.headers.get("transfer-encoding", "").lower():
        announced = response.headers.get("content-length", "").strip()
        return payload, not (announced.isascii() and announced.isdigit()) or len(payload) >= int(announced[:12])
    body, place = bytearray(), 0
    while size := _CHUNK_SIZE.match(payload, place):
        length = int(size[1], 16)
        if not length:
            return bytes(body), True
        body += payload[size.end() : size.end() + length]
        place = size.end() + length
        place += 2 if payload[place : place + 2] == b"\r\n" else payload[place : place + 1] == b"\n"
    return (bytes(body), False) if place else (payload, True)


def _without_brotli(raw: bytes, limit: int) -> bytes | None:
    """Return *raw* without Brotli, at most one byte more than *limit*; raise AnswerError.

    Archives made through a browser hold this coding; we never ask for it. Returns None without the optional package
    ``brotli`` 1.2, the first version that can limit its output.
    """
    try:
        import brotli

        decoder = brotli.Decompressor()
        body: bytes = decoder.process(raw, output_buffer_limit=limit + 1)
    except (ImportError, TypeError):
        return None
    except brotli.error as error:
        raise AnswerError(Detail.DECODE, f"broken br ({error})") from error
    if len(body) <= limit and not decoder.is_finished():
        raise AnswerError(Detail.CUT_SHORT, "br ends in the middle")
    return body
