"""Accounts declared by the data of a page (JSON-LD, microdata, scripts), each with its subject by ``structured.toml``.

Data are read as sites write them: missing and extra commas, comments, CDATA marks, unquoted keys, several roots and
unclosed brackets are tolerated. Each character is read a bounded number of times, and nothing recurses.
"""

import html
import json
import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Any

from cegep_audit import urls
from cegep_audit.detect.networks.addresses import addresses_in_text, might_name_account
from cegep_audit.detect.networks.identify import NETWORKS
from cegep_audit.tables import read_tables
from cegep_audit.text import fold

ORGANIZATION, OTHER = "organization", "other"
_ADDRESS_PROPERTIES = ("sameAs", "url", "@id")
_NAME_REACHES = 2  # objects below a named one that are about the same: {"editor": "X", "links": {"facebook": …}}
_OWN_WORD = 4  # letters of a word that shows the owner of a name: a shorter one is in a host by chance
_LONGEST_NAME = 100  # characters; a longer value is a text
_WORD = re.compile(r"[a-z]{3,}")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_TABLES = read_tables("detect/page/structured.toml")
_SUBJECT_OF_PROPERTY = {name: row["subject"] for row in _TABLES["property"] for name in row["names"]}
_SUBJECT_OF_KEY = {word: row["subject"] for row in _TABLES["key"] for word in row["words"]}
_NAME_KEYS = frozenset(_TABLES["name"]["keys"])
_NETWORK_NAMES = " ".join(fold(f"{network.name} {network.id}") for network in NETWORKS.values())
_NAMES_NOBODY = frozenset(_TABLES["name"]["nobody"]).union(_WORD.findall(_NETWORK_NAMES))


def subject_of_type(types: object) -> str:
    """Return what a node with schema.org *types* (a name, an address or a list) describes, "" if they do not say."""
    names = [name.rstrip("/") for name in (types if isinstance(types, list) else [types]) if isinstance(name, str)]
    rows = _TABLES["type"]
    found = [next((row["subject"] for row in rows if name.endswith(tuple(row["endings"]))), "") for name in names]
    # Plug-ins call a site that one person runs both a person and an organisation.
    return ORGANIZATION if ORGANIZATION in found else next(filter(None, found), "")


def json_ld_addresses(text: str, page_url: str) -> Iterator[tuple[str, str]]:
    """Yield (address, subject) for the addresses that the JSON-LD in *text*, on *page_url*, gives, faulty or not."""
    for node, inherited in _nodes(read_json(text)):
        subject = inherited or subject_of_type(node.get("@type"))
        own = node.get("url")
        if subject == ORGANIZATION and isinstance(own, str) and not might_name_account(own):
            url = urls.absolute(page_url, own)
            if url and not urls.is_same_site(url, page_url) and not urls.is_same_name(url, page_url):
                subject = OTHER  # an organisation with a site of its own
        for key in _ADDRESS_PROPERTIES:
            for address in _addresses(node.get(key)):
                yield address, subject


def _addresses(values: object) -> Iterator[str]:
    """Yield the addresses of a property: a text, several in one text, an object that has one, or a list of these."""
    for value in values if isinstance(values, list) else [values]:
        for text in map(value.get, ("@id", "url", "@value")) if isinstance(value, dict) else [value]:
            if isinstance(text, str):
                yield from filter(None, re.split(r"[\s,;]+(?=https?:|//|www\.)", text.strip()))


def _nodes(root: object) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield every object under *root* with the subject that the properties on the way to it impose."""
    stack: list[tuple[object, str]] = [(root, "")]
    while stack:
        value, inherited = stack.pop()
        if isinstance(value, list):
            stack.extend((item, inherited) for item in reversed(value))
        elif isinstance(value, dict):
            yield value, inherited
            for key, child in reversed(value.items()):
                if isinstance(child, dict | list) and key != "sameAs":
                    stack.append((child, _SUBJECT_OF_PROPERTY.get(key, inherited)))


def subjects_in_script(text: str, own_words: Collection[str]) -> dict[str, str]:
    """Return the subjects of the addresses in the script *text*, by address, where its data tell them.

    That is ``person`` or ``other`` below a key that says so (``authors``, ``partners``), and ``other`` in an object
    with a name that shares no word with *own_words*, those of the page's title and host.
    """
    subjects: dict[str, str] = {}
    stack: list[tuple[object, str, int]] = [(read_script(text), "", 0)]  # with how far down a name still reaches
    while stack:
        value, subject, reach = stack.pop()
        if isinstance(value, list):
            stack.extend((item, subject, reach) for item in value)
        elif isinstance(value, dict):
            reach = _NAME_REACHES if _names_another(value, own_words) else max(0, reach - 1)
            stack.extend((child, _subject_of_key(key) or subject, reach) for key, child in value.items())
        elif isinstance(value, str) and "." in value:
            if value[:1] in "{[" and '"' in value:  # a state inside a text, as loaders of pages push it
                stack.append((read_script(value), subject, reach))
            elif whose := subject or (OTHER if reach else ""):
                subjects.update(dict.fromkeys(addresses_in_text(value), whose))
    return subjects


@lru_cache(maxsize=2048)  # the objects of a list have the same keys
def _subject_of_key(key: str) -> str:
    words = re.split(r"[\s_-]", fold(_CAMEL.sub(" ", key)))
    found = (_SUBJECT_OF_KEY.get(word) or _SUBJECT_OF_KEY.get(word.removesuffix("s")) for word in words)
    return next(filter(None, found), "")


def _names_another(node: dict[str, Any], own_words: Collection[str]) -> bool:
    """Whether *node* names somebody other than the owner of the page."""
    names = [fold(name) for key in _NAME_KEYS.intersection(node) if isinstance(name := node[key], str)]
    words = [word for name in names if len(name) <= _LONGEST_NAME for word in _WORD.findall(name)]
    if _NAMES_NOBODY.issuperset(words):
        return False
    return not any(word in own for word in words if len(word) >= _OWN_WORD for own in own_words)


MAX_CHARS = 1_000_000  # a state of several megabytes does not describe an organisation
_AGAIN = "\0"  # marks the key of a value whose own key is missing or already taken
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
    roots: list[Any] = []
    is_open: list[Any] = [roots]  # containers
    key = last = ""  # what waits for its value in the innermost; the value before, which a colon makes a key
    for found in tokens.finditer(text):
        kind = found.lastgroup
        if kind == "bare":
            last = found[0]  # a key, a number, a word of a script
        elif kind == "text":
            last = _ESCAPE.sub(_unescaped, found[0][1:-1])
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
                # It closes the innermost container, or the one around it where its own bracket was forgotten.
                ends = (end for end in (1, 2) if len(is_open) > end and isinstance(is_open[-end], _CLOSES[found[0]]))
                del is_open[len(is_open) - next(ends, 0) :]
    return roots


def _put(container: Any, key: str, value: object) -> None:  # noqa: ANN401 -- a list or a dict
    if isinstance(container, list):
        container.append(value)
    elif key in container or not key:  # JSON keeps the last of two values; here both may name an account
        container[f"{key}{_AGAIN}{len(container)}"] = value
    else:
        container[key] = value


def _unescaped(found: re.Match[str]) -> str:
    code = found[1]
    return chr(int(code[1:], 16)) if len(code) > 1 else _ESCAPED.get(code, code)
