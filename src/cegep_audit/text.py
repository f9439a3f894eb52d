"""Text from the web or a user's file, made safe to show: nothing in it drives a terminal or reorders a line."""

from __future__ import annotations

import re

# What ends a line or a column becomes one space: C0 and C1 breaks, line and paragraph separators.
_BREAKS = re.compile("[\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029]+")

# The other control characters (C0, DEL, C1: CWE-150), and marks that show nothing but move or hide what
# stands around them: bidirectional marks, overrides and isolates, invisible operators, byte-order mark,
# annotation anchors, tags. Joiners (U+200C, U+200D) stay, words and emoji are written with them.
_UNSEEN = re.compile(
    "[\x00-\x1b\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)

_LONE_SURROGATES = re.compile("[\ud800-\udfff]")  # no encoding can write them


def plain(text: str) -> str:
    """Return *text* on one line, without anything but what a reader sees.

    Line breaks and tabulations become a space, control and invisible characters go, lone surrogates become
    U+FFFD. An escape sequence loses the character that makes it one; what follows stays, as text. The result
    is its own plain form. It is not safe as Rich markup: hand it to ``rich.text.Text``.
    """
    if text.isprintable():  # neither control, nor format, nor surrogate character: the usual case
        return text
    text = _UNSEEN.sub("", _BREAKS.sub(" ", text))
    return _LONE_SURROGATES.sub("\ufffd", text)
