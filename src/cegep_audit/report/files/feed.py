"""What changed between two scans as an Atom feed (RFC 4287), one entry an institution: ``compare -o changes.atom``."""

from __future__ import annotations

from itertools import groupby
from uuid import NAMESPACE_URL, uuid5
from xml.etree import ElementTree as ET

from cegep_audit.analyze.change.compare import Change, Comparison, NetworkChange
from cegep_audit.analyze.findings import timestamp
from cegep_audit.models import Institution
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.report.text.words import network_name
from cegep_audit.text import plain

_ATOM = "http://www.w3.org/2005/Atom"
_NEWS = (Change.GAINED, Change.LOST, Change.RENAMED)
_AUTHOR = "cegep-audit"


def feed(comparison: Comparison, lang: Language) -> bytes:
    """Return the accounts gained, lost and renamed as an Atom feed; without news, a feed without entries.

    Identifiers are UUIDs of institution and time of the newer scan: the same comparison gives the same bytes, and a
    feed reader shows each change once.
    """
    ET.register_namespace("", _ATOM)
    updated = timestamp(comparison.new.started_at) or ""
    root = ET.Element(f"{{{_ATOM}}}feed", {"xml:lang": lang})
    _text(root, "id", _identifier("changes", updated))
    _text(root, "title", say("feed.title", lang))
    _text(root, "updated", updated)
    _text(ET.SubElement(root, f"{{{_ATOM}}}author"), "name", _AUTHOR)
    news = [change for change in comparison.changes if change.change in _NEWS]
    for institution, changes in groupby(news, key=lambda change: change.institution):
        _add_entry(root, institution, list(changes), updated, lang)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _add_entry(
    root: ET.Element, institution: Institution, changes: list[NetworkChange], updated: str, lang: Language
) -> None:
    said = [
        say(f"feed.{change.change.value}", lang, network=network_name(change.network), old=change.old_url or "",
            new=change.new_url or "")
        for change in changes
    ]  # fmt: skip
    entry = ET.SubElement(root, f"{{{_ATOM}}}entry")
    _text(entry, "id", _identifier(institution.id, updated))
    _text(entry, "title", f"{institution.name}: {said[0]}" if len(said) == 1 else institution.name)
    _text(entry, "updated", updated)
    ET.SubElement(entry, f"{{{_ATOM}}}link", {"href": institution.url})
    _text(entry, "content", "\n".join(said))


def _identifier(name: str, updated: str) -> str:
    return uuid5(NAMESPACE_URL, f"cegep-audit/{updated}/{name}").urn


def _text(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(parent, f"{{{_ATOM}}}{name}").text = plain(text)
