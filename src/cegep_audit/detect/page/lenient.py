"""Read objects and lists as sites write them: JSON with faults, and the literals inside scripts.

Missing and extra commas, comments, CDATA marks, unquoted keys, several roots and unclosed brackets are tolerated. A
quote ends a text only where a text may end. Each character is read a bounded number of times, and nothing recurses.
"""

import html
import json
import re
from typing import Any

MAX_CHARS = 1_000_000  # a state of several megabytes does not describe an organisation
AGAIN = "\0"  # marks the key of a value whose own key is missing or already taken
_MAX_DEPTH = 500  # open brackets; what is deeper is read as part of the innermost

_REST = r"""
    | (?P<skip>  //[^\n]*+ | /\*.*?(?:\*/|\Z) | <!--|-->|<!\[CDATA\[|\]\]> )
    | (?P<open>  [\[{(] )
    | (?P<close> [\]})] )
    | (?P<colon> : )
    | (?P<comma> [,;] )
    | (?P<bare>  [\w$.+-]++ )
"""
# An unclosed text goes to the end of the line or of the script, so that each character is looked at once.
_SCRIPT_TEXT = r"""
      (?P<text> "(?:[^"\\\n]|\\(?:.|\Z))*+(?:"|\n|\Z)
              | '(?:[^'\\\n]|\\(?:.|\Z))*+(?:'|\n|\Z)
              | `(?:[^`\\]|\\(?:.|\Z))*+(?:`|\Z) )"""
# In JSON a text ends before a colon or bracket, or before a comma or key with another value behind it.
_JSON_TEXT = r"""
      (?P<text> "(?: [^"\\] | \\(?:.|\Z) | "(?!\s*+(?:
          [:\]}] | \Z | // | /\* | --> | "[\w@]{1,80}"\s*: | ,\s*+(?:["{\[\]}\d-] | // | /\* | true | false | null | \Z)
      )) )*+(?:"|\Z) )"""
_SCRIPT = re.compile(_SCRIPT_TEXT + _REST, re.VERBOSE | re.DOTALL)
_JSON = re.compile(_JSON_TEXT + _REST, re.VERBOSE | re.DOTALL)
_UNQUOTED = re.compile(r"[{,]\s*(?:'[^'\n]{0,80}'|\w{1,80})\s*:")  # keys of a script, which JSON does not have
_CLOSES = {"]": list, "}": dict, ")": list}
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "", "f": ""}


def read_json(text: str) -> Any:  # noqa: ANN401 -- JSON is anything
    """Return what the JSON in *text* holds, None where that is nothing; faults are passed over."""
    if len(text) > MAX_CHARS:
        return None
    if "&quot;" in text and '"' not in text:
        text = html.unescape(text)
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):  # ValueError: also integers of more than 4300 digits
        return _read(_SCRIPT if _UNQUOTED.search(text) else _JSON, text) or None


def read_script(text: str) -> list[Any]:
    """Return the objects and lists in the script *text*, in order."""
    return _read(_SCRIPT, text) if len(text) <= MAX_CHARS else []


def _read(tokens: re.Pattern[str], text: str) -> list[Any]:
    is_open: list[Any] = [[]]  # containers
    key = last = ""  # what waits for its value in the innermost; the value before, which a colon makes a key
    for found in tokens.finditer(text):
        kind = found.lastgroup
        if kind == "bare":
            last = found[0]  # a key, a number, a word of a script
        elif kind == "text":
            last = _unescaped(found[0][1:-1])
            if key or isinstance(is_open[-1], list):
                _put(is_open[-1], key, last)
                key = ""
        elif kind == "colon":
            key, last = last, ""
        elif kind == "open":
            value: Any = {} if found[0] == "{" else []
            _put(is_open[-1], key, value)
            key = last = ""
            if len(is_open) < _MAX_DEPTH:
                is_open.append(value)
        elif kind != "skip":
            key = last = ""
            if kind == "close":
                _close(is_open, _CLOSES[found[0]])
    return is_open[0]  # type: ignore[no-any-return]


def _close(is_open: list[Any], wanted: type) -> None:
    """Leave the innermost container, or the one around it where its own bracket was forgotten."""
    for number in (1, 2):
        if len(is_open) > number and isinstance(is_open[-number], wanted):
            del is_open[-number:]
            return


def _put(container: Any, key: str, value: object) -> None:  # noqa: ANN401 -- a list or a dict
    if isinstance(container, list):
        container.append(value)
    elif key in container or not key:  # JSON keeps the last of two values; here both may name an account
        container[f"{key}{AGAIN}{len(container)}"] = value
    else:
        container[key] = value


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_character, text) if "\\" in text else text


def _character(found: re.Match[str]) -> str:
    code = found[1]
    return chr(int(code[1:], 16)) if len(code) > 1 else _ESCAPED.get(code, code)
