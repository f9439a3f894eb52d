"""Accounts declared by the data of a page (JSON-LD, microdata, scripts), each with whose it is said to be.

The words are in ``structured.toml``.
"""

import re
from collections.abc import Collection, Iterator
from functools import cache, lru_cache
from typing import Any

from cegep_audit import urls
from cegep_audit.detect.networks.addresses import addresses_in_text, might_name_account
from cegep_audit.detect.networks.identify import NETWORKS
from cegep_audit.detect.page.lenient import read_json, read_script
from cegep_audit.tables import read_tables
from cegep_audit.text import fold

_TABLES = "detect/page/structured.toml"

ORGANIZATION, OTHER = "organization", "other"
_ADDRESS_PROPERTIES = ("sameAs", "url", "@id")
_NAME_REACHES = 2  # objects below a named one that are about the same: {"editor": "X", "links": {"facebook": …}}
_OWN_WORD = 4  # letters of a word that shows whose a name is: a shorter one is in a host by chance
_LONGEST_NAME = 100  # characters; a longer value is a text
_WORD = re.compile(r"[a-z]{3,}")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


@cache
def _of_property() -> dict[str, str]:
    return {name: row["subject"] for row in read_tables(_TABLES)["property"] for name in row["names"]}


@cache
def _of_key() -> dict[str, str]:
    return {
        word + plural: row["subject"]
        for row in read_tables(_TABLES)["key"]
        for word in row["words"]
        for plural in ("", "s")
    }


def subject_of_type(types: object) -> str:
    """Return whose data a node with schema.org *types* (a name, an address or a list) is, "" if they do not say.

    A node that is both a person and an organisation is an organisation: plug-ins write this where one person runs a
    site.
    """
    names = [name.rstrip("/") for name in (types if isinstance(types, list) else [types]) if isinstance(name, str)]
    rows = read_tables(_TABLES)["type"]
    found = [next((row["subject"] for row in rows if name.endswith(tuple(row["endings"]))), "") for name in names]
    return ORGANIZATION if ORGANIZATION in found else next(filter(None, found), "")


def json_ld_addresses(text: str, page_url: str) -> Iterator[tuple[str, str]]:
    """Yield (address, subject) for the addresses that the JSON-LD in *text* gives, well-formed or not.

    An organisation whose own ``url`` is on another domain than *page_url* is another organisation.
    """
    for node, inherited in _nodes(read_json(text)):
        subject = inherited or subject_of_type(node.get("@type"))
        if subject == ORGANIZATION and _is_elsewhere(node.get("url"), page_url):
            subject = OTHER
        for key in _ADDRESS_PROPERTIES:
            for address in _addresses(node.get(key)):
                yield address, subject


def _addresses(values: object) -> Iterator[str]:
    """Yield the addresses of a property: a text, several in one text, an object that has one, or a list of these."""
    for value in values if isinstance(values, list) else [values]:
        held = [value.get(key) for key in ("@id", "url", "@value")] if isinstance(value, dict) else [value]
        for text in held:
            if isinstance(text, str):
                yield from (part for part in re.split(r"[\s,;]+(?=https?:|//|www\\.)", text.strip()) if part)


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
                    stack.append((child, _of_property().get(key, inherited)))


def _is_elsewhere(address: object, page_url: str) -> bool:
    """Whether *address* is a site of its own, other than the page's (and not itself a bare network address)."""
    if not isinstance(address, str):
        return False
    url = urls.absolute(page_url, address)
    if url is None or might_name_account(address):
        return False
    return not (urls.is_same_site(url, page_url) or urls.is_same_name(url, page_url))


def subjects_in_script(text: str, own_words: Collection[str]) -> dict[str, str]:
    """Return, by address, whose the data in the script *text* say it is; those of which they say nothing are left out.

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
    words = fold(_CAMEL.sub(" ", key)).replace("_", " ").replace("-", " ").split()
    return next((subject for word in words if (subject := _of_key().get(word))), "")


def _names_another(node: dict[str, Any], own_words: Collection[str]) -> bool:
    """Whether *node* names somebody other than the owner of the page."""
    names = [fold(name) for key in _name_keys().intersection(node) if isinstance(name := node[key], str)]
    words = [word for name in names if len(name) <= _LONGEST_NAME for word in _WORD.findall(name)]
    names_somebody = any(word not in _nobody() for word in words)
    return names_somebody and not any(word in own for word in words if len(word) >= _OWN_WORD for own in own_words)


@cache
def _name_keys() -> frozenset[str]:
    return frozenset(read_tables(_TABLES)["name"]["keys"])


@cache
def _nobody() -> frozenset[str]:
    networks = " ".join(fold(f"{network.name} {network.id}") for network in NETWORKS.values())
    return frozenset(read_tables(_TABLES)["name"]["nobody"]) | frozenset(_WORD.findall(networks))
