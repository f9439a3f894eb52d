"""Accounts that a page's data declares: JSON-LD and microdata (schema.org), each with whose they are said to be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from cegep_audit import urls
from cegep_audit.detect.networks.identify import might_name_account

ORGANIZATION, PERSON, ARTICLE, OTHER = "organization", "person", "article", "other"

# Endings of schema.org type names, looked up in this order; a type that ends in none of them says nothing.
_SUBJECT_OF_TYPE = (
    ("Person", PERSON),
    ("Article", ARTICLE),
    ("Posting", ARTICLE),
    ("Event", OTHER),
    ("VideoObject", ARTICLE),
    ("ImageObject", ARTICLE),
    ("Review", ARTICLE),
    ("Organization", ORGANIZATION),
    ("University", ORGANIZATION),
    ("School", ORGANIZATION),
    ("WebSite", ORGANIZATION),
    ("Corporation", ORGANIZATION),
    ("Business", ORGANIZATION),
    ("Library", ORGANIZATION),
    ("Museum", ORGANIZATION),
    ("NGO", ORGANIZATION),
    ("Periodical", ORGANIZATION),
    ("Newspaper", ORGANIZATION),
    ("Station", ORGANIZATION),
    ("Office", ORGANIZATION),
    ("Place", ORGANIZATION),
    ("Brand", ORGANIZATION),
    ("PodcastSeries", ORGANIZATION),
    ("Government", ORGANIZATION),
    ("City", ORGANIZATION),
    ("Hospital", ORGANIZATION),
)
# Properties whose value is somebody else than the node that carries them.
_SUBJECT_OF_PROPERTY = {
    **dict.fromkeys(("author", "creator", "contributor", "editor", "founder", "employee", "member", "actor"), PERSON),
    **dict.fromkeys(("performer", "alumni", "director", "reviewedBy"), PERSON),
    **dict.fromkeys(("sponsor", "funder", "organizer", "memberOf", "parentOrganization", "affiliation"), OTHER),
    **dict.fromkeys(("subOrganization", "department", "partner", "itemReviewed", "mentions", "about"), OTHER),
}
_ADDRESS_PROPERTIES = ("sameAs", "url", "@id")
MAX_JSON_CHARS = 1_000_000  # a state dump of several megabytes is no description of an organisation


def subject_of_type(types: object) -> str:
    """Return whose data a node with schema.org *types* (a name, an address or a list) is, "" where it says nothing.

    What is both a person and an organisation publishes the site: so plug-ins write who runs a site alone.
    """
    names = [name.rstrip("/") for name in (types if isinstance(types, list) else [types]) if isinstance(name, str)]
    found = [next((subject for ending, subject in _SUBJECT_OF_TYPE if name.endswith(ending)), "") for name in names]
    return ORGANIZATION if ORGANIZATION in found else next(filter(None, found), "")


def json_ld_addresses(text: str, page_url: str) -> Iterator[tuple[str, str]]:
    """Yield (address, subject) for the addresses that the JSON-LD in *text* gives.

    An organisation whose own ``url`` is on another domain than *page_url* is another organisation.
    JSON that is broken, too deep or too large yields nothing.
    """
    for node, inherited in _nodes(_parse(text)):
        subject = inherited or subject_of_type(node.get("@type"))
        if subject == ORGANIZATION and _is_elsewhere(node.get("url"), page_url):
            subject = OTHER
        for key in _ADDRESS_PROPERTIES:
            values = node.get(key)
            for value in values if isinstance(values, list) else [values]:
                address = value.get("@id") if isinstance(value, dict) else value
                if isinstance(address, str):
                    yield address, subject


def _parse(text: str) -> Any:  # noqa: ANN401 - JSON is anything
    if len(text) > MAX_JSON_CHARS:
        return None
    text = text.strip().removeprefix("<!--").removesuffix("-->").removeprefix("//<![CDATA[").removesuffix("//]]>")
    try:
        return json.loads(text.strip().rstrip(";"), strict=False)
    except (ValueError, RecursionError):  # ValueError: also integers of more than 4300 digits
        return None


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


def _is_elsewhere(address: object, page_url: str) -> bool:
    """Whether *address* is a site of its own, other than the page's (and not itself a bare network address)."""
    if not isinstance(address, str):
        return False
    url = urls.absolute(page_url, address)
    if url is None or might_name_account(address):
        return False
    return not (urls.is_same_site(url, page_url) or urls.is_same_name(url, page_url))
