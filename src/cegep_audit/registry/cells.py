"""Reads single cells of a file that a person made, and collects all faults; messages never show a password."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

from cegep_audit.errors import Fault, RegistryError
from cegep_audit.phrases import Language, say
from cegep_audit.text import excerpt, shown
from cegep_audit.urls import ascii_host, is_ip

_SHOWN_AT_MOST = 50  # faults in a message; a file with more is probably the wrong file
DATED = re.compile(r"(.*?)\s*@\s*([0-9]{4})?\s*\.\.\s*([0-9]{4})?", re.DOTALL)  # host@2005..2012

T = TypeVar("T")
A = TypeVar("A")


class CellError(ValueError):
    """A fault of a cell, or of a whole file: the *key* of a message and its *facts*."""

    def __init__(self, key: str, **facts: Any) -> None:  # noqa: ANN401 - whatever the message takes
        super().__init__(key)
        self.key = key
        self.facts = facts


class Row(NamedTuple):
    """One row: the *line* of the file on which it starts, from 1, and its stripped cells by column."""

    line: int
    cells: Mapping[str, str]


@dataclass(slots=True)
class FaultList:
    """The faults of one *file*, as messages in *lang*."""

    file: str
    lang: Language
    faults: list[Fault] = field(default_factory=list)

    def add(self, key: str, *, line: int = 0, column: str = "", **facts: object) -> None:
        """Add a fault with the message *key*; *line* 0 stands for the whole file."""
        self.faults.append(Fault(shown(self.file), line, shown(column), say(key, self.lang, **facts)))

    def parse(self, row: Row, column: str, reader: Callable[[str], T], absent: A) -> T | A:
        """Return the cell as *reader* converts it; if it raises CellError, add the fault and return *absent*."""
        try:
            return reader(row.cells.get(column, ""))
        except CellError as error:
            self.add(error.key, line=row.line, column=column, **error.facts)
            return absent

    def parse_each(self, row: Row, column: str, reader: Callable[[str], T], between: str) -> tuple[T, ...]:
        """Return the distinct items of a cell, as *reader* converts them; the pattern *between* separates them."""
        texts = filter(None, map(str.strip, re.split(between, row.cells.get(column, ""))))
        read = (self.parse(Row(row.line, {column: text}), column, reader, None) for text in texts)
        return tuple(dict.fromkeys(item for item in read if item is not None))

    def check(self) -> None:
        """Raise RegistryError if there are faults, by line; its text shows the first ones and the count."""
        ordered = sorted(self.faults, key=lambda fault: fault.line)  # those of the whole file first
        lines = list(map(str, ordered[:_SHOWN_AT_MOST]))
        if len(ordered) > _SHOWN_AT_MOST:
            lines.append(say("csv.more_faults", self.lang, count=len(ordered), shown=_SHOWN_AT_MOST))
        if ordered:
            raise RegistryError(ordered, lines)


def filled(text: str, *, at_most: int = 1_000) -> str:
    """Return *text*; raise CellError if it is empty, longer than *at_most* characters, or has control characters."""
    if not text:
        raise CellError("csv.empty_cell")
    if len(text) > at_most:
        raise CellError("csv.long_text", cell=excerpt(text), limit=at_most)
    if re.search(r"[\x00-\x1f\x7f-\x9f]", text):
        raise CellError("csv.control_character", cell=excerpt(text))
    return text


def read_matching(text: str, pattern: re.Pattern[str], key: str) -> str:
    """Return the last group of *pattern* in *text*, "" for an empty cell; raise CellError, *key*, for anything else."""
    found = pattern.fullmatch(text)
    if text and not found:
        raise CellError(key, cell=excerpt(text))
    return found[found.lastindex or 0] if found else ""


def read_dated(text: str, read: Callable[[str], str]) -> str:
    """Return *text* with its value as *read* normalises it, and its years; raise CellError for impossible years."""
    found = DATED.fullmatch(text)
    if found is None and not re.search(r"@[\s\d.]*$", text):
        return read(text)
    value, first, last = found.groups(default="") if found else ("", "", "")
    if not (first or last) or (last and last < first):
        raise CellError("registry.bad_period", cell=excerpt(text))
    return f"{read(value)}@{first}..{last}"


_LONGEST_URL = 2_000  # characters; servers refuse more
_LONGEST_HOST = 253  # characters of a host name (RFC 1035, 2.3.4)

# A scheme with its colon, but not a host with its port (localhost:8080).
_SCHEME = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*):(?!\d+(?:[/?#]|$))", re.IGNORECASE)
_PASSWORD = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?[/\\]*[^/?#\\]*@|[^/?#]*@", re.IGNORECASE)  # in any spelling
_EMAIL = re.compile(r"(?:mailto:)?[^:/@]+@[^:/@]+", re.IGNORECASE)
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")  # a last label that makes the whole an IPv4 address (WHATWG URL, 3.5)
_SCHEMES = frozenset({"http", "https"})  # also written as hosts: https://https://…
_FILE_ENDINGS = frozenset({"asp", "aspx", "htm", "html", "jsp", "php"})  # contact.html is a page, not a host


def read_website(text: str) -> str:
    """Return *text* as an absolute URL, https without a scheme; raise CellError, also if it has a password."""
    filled(hidden(text), at_most=_LONGEST_URL)
    shown = excerpt(hidden(text))
    if _PASSWORD.match(text):
        raise CellError("registry.email" if _EMAIL.fullmatch(text) else "registry.password", cell=shown)
    if re.search(r"\s", text):
        raise CellError("registry.blank", cell=shown)
    if "\\" in text:
        raise CellError("registry.backslash", cell=shown)
    if found := _SCHEME.match(text):
        scheme, rest = found["scheme"], text[found.end() :]
        if scheme.lower() not in _SCHEMES:
            raise CellError("registry.scheme", cell=shown, scheme=scheme)
        url = f"{scheme.lower()}:{rest}"
    else:
        address = text.removeprefix("//")
        host = re.split("[/?#:]", address, maxsplit=1)[0]
        if "." not in host.strip(".") or host.rpartition(".")[2].lower() in _FILE_ENDINGS:
            raise CellError("registry.relative", cell=shown)
        url = f"https://{address}"
    _check_host(url, shown)
    return url


def read_host(text: str) -> str:
    """Return the host name, in lower case, of *text*, a host or an address. Raises CellError."""
    return (urlsplit(read_website(text)).hostname or "").rstrip(".")


def hidden(text: str) -> str:
    """Return *text* with everything before its last ``@``, a possible password, as ``***``."""
    return re.sub(r"^.*@", "***@", text, flags=re.DOTALL)


def _check_host(url: str, shown: str) -> None:
    """Raise CellError unless *url* has a possible host name (RFC 1123, 2.1; underscores occur and are accepted)."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises ValueError if the port is not a number
        host = parts.hostname
    except ValueError:
        host = None
    if not host:
        port = re.search(r"//[^/?#\[]+:[^/?#]", url)
        raise CellError("registry.bad_port" if port else "registry.no_host", cell=shown)
    if is_ip(host):
        return
    ascii_form = ascii_host(host) if len(host) <= _LONGEST_HOST else ""
    labels = ascii_form.split(".")
    is_sound = "%" not in host and all(map(_LABEL.fullmatch, labels)) and not _NUMBER.fullmatch(labels[-1])
    if not is_sound or len(ascii_form) > _LONGEST_HOST or host.endswith("..") or host in _SCHEMES:
        raise CellError("registry.bad_host", host=excerpt(host))
