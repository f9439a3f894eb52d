"""Find accounts named without an address, in script calls, widget options and meta tags, by ``scripts.toml``."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from cegep_audit.tables import read_tables

_TABLES = "detect/page/scripts.toml"

_NAME = re.compile(r"@?([\w.-]{1,100})")


@dataclass(frozen=True, slots=True)
class Template:
    """How a name found somewhere becomes an address; ``css_class`` is the class the element must have, "" for any."""

    address: str
    subject: str = ""
    css_class: str = ""

    def fill(self, value: str) -> str | None:
        """Return the address for *value*: itself if it is one already, None if it is not a name."""
        value = value.strip()
        if "://" in value or value.startswith("//") or self.address == "{0}":
            return value
        found = _NAME.fullmatch(value)
        return self.address.format(found[1]) if found else None


@cache
def _patterns() -> list[tuple[list[str], re.Pattern[str], str]]:
    return [(row["stems"], re.compile(row["pattern"]), row["address"]) for row in read_tables(_TABLES)["script"]]


@cache
def attribute_templates() -> dict[str, list[Template]]:
    """Return, by attribute name, the ways its value becomes an address: the first whose class the element has."""
    templates: dict[str, list[Template]] = {}
    for row in read_tables(_TABLES)["attribute"]:
        templates.setdefault(row["name"], []).append(Template(row["address"], css_class=row.get("class", "")))
    return templates


@cache
def meta_templates() -> dict[str, Template]:
    """Return, by the name or property of a meta tag, how its content becomes an address and whose it is."""
    return {row["name"]: Template(row["address"], row["subject"]) for row in read_tables(_TABLES)["meta"]}


def named_in_script(text: str) -> Iterator[str]:
    """Yield the addresses that calls and options in the script *text* stand for."""
    for stems, pattern, address in _patterns():
        if not (held := [stem for stem in stems if stem in text]):
            continue
        end = 0
        for place in sorted(found.start() for stem in held for found in re.finditer(stem, text)):
            found = pattern.match(text, place - 1) if place > end else None
            if found:
                end = found.end()
                yield address.format(found[1])


@cache
def _mentions() -> list[tuple[re.Pattern[str], str]]:
    return [(re.compile(row["pattern"]), row["address"]) for row in read_tables(_TABLES)["mention"]]


def named_in_text(text: str) -> Iterator[str]:
    """Yield the addresses of the accounts that running *text* names beside their network: ``Twitter : @name``."""
    if "@" not in text:
        return
    text = text.lower()  # names on these networks have no case
    for pattern, address in _mentions():
        for found in pattern.finditer(text):
            yield address.format(found[1])


_SENDS = re.compile(r"""(?:location(?:\.href)?\s?=|(?:open|assign|replace)\()\s?["']$""")
_MAX_SENT = 50  # addresses of a script that are looked at so: code that sends somewhere names few
_FAR = 4_000  # characters before the first address of a long script in which its data begin


def around(text: str, first: str, last: str) -> str:
    """Return the part of the script *text* that may say whose its addresses are, from *first* to *last*."""
    start, end = text.find(first), text.rfind(last)
    if len(text) < 5 * _FAR or start < 0 or end < 0:
        return text
    return text[max(0, text.rfind("{", 0, max(0, start - _FAR))) : end + len(last) + _FAR]


def sent_to(text: str, addresses: Sequence[str]) -> set[str]:
    """Return those of *addresses* that the code *text* sends its reader to, as a link does."""
    places = {address: text.find(address) for address in addresses[:_MAX_SENT]}
    return {
        address for address, place in places.items() if place > 0 and _SENDS.search(text[max(0, place - 40) : place])
    }
