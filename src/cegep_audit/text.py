"""Text from the web or from a user's file, made safe to show: it can neither drive a terminal nor reorder a line."""

import re
from collections.abc import Mapping
from typing import Any

# Line breaks and tabs of every kind become one space: C0 and C1 breaks, line and paragraph separators.
_BREAKS = re.compile("[\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029]+")

# The other control characters (C0, DEL, C1: CWE-150), and marks that show nothing but move or hide their
# neighbours: bidirectional marks, overrides and isolates, invisible operators, byte-order mark, annotation
# anchors, tags. The joiners (U+200C, U+200D) stay, because words and emoji need them.
_UNSEEN = re.compile(
    "[\x00-\x1b\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)

_LONE_SURROGATES = re.compile("[\ud800-\udfff]")  # no encoding can write them

_EXCERPT = 80  # characters of a cell that fit on one line of a terminal


def plain(text: str) -> str:
    """Return *text* on one line, reduced to what a reader sees.

    Line breaks and tabs become a space, control and invisible characters are removed, lone surrogates become
    U+FFFD. An escape sequence loses its escape character; the rest stays as text. Applying the function twice
    changes nothing. The result is not safe as Rich markup: pass it to ``rich.text.Text``.
    """
    if text.isprintable():  # no control, format or surrogate character: the usual case
        return text
    text = _UNSEEN.sub("", _BREAKS.sub(" ", text))
    return _LONE_SURROGATES.sub("\ufffd", text)


def shown(text: str) -> str:
    r"""Return *text* with its invisible characters written out (``\u200b``, ``\x1b``), so that a user can find them."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\xa0" else _escape(char) for char in text)


def excerpt(text: str) -> str:
    """Return the *text* of a cell as an error message quotes it: see :func:`shown`, from at most 80 characters."""
    return shown(text if len(text) <= _EXCERPT else f"{text[: _EXCERPT - 1]}…")


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


_PATHS = {"registry", "warc", "output", "from_warc", "saved"}  # settings that name files of the user's machine


def without_folders(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return *settings* as they may be handed on: of each file its name, without the folders of the user's machine."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            found[name] = without_folders(value)
        elif name in _PATHS:
            found[name] = [_name_of(each) for each in value] if isinstance(value, list | tuple) else _name_of(value)
        else:
            found[name] = value
    return found


def _name_of(path: object) -> str:
    return re.split(r"[/\\]", str(path))[-1]
