"""Scans for the tests of pages: many institutions of several types and regions, and a scan of hostile text."""

from __future__ import annotations

import random
from dataclasses import replace

from builders import CAPTURED, account, failed, institution, result, scan

from cegep_audit.detect.networks.identify import NETWORKS
from cegep_audit.models import Account, Flaw, Institution, InstitutionResult, Scan
from cegep_audit.vocabulary import Role, Status, Zone

TYPES = ["cegep-public", "college-prive-subventionne", "college-prive-non-subventionne", "universite"]
REGIONS = ["Montréal", "Capitale-Nationale", "Estrie", "Outaouais", "Côte-Nord", "Bas-Saint-Laurent", "Laval"]
CAUSES = [("timeout", Status.UNREACHABLE), ("http_403", Status.BLOCKED), ("needs_js", Status.UNUSABLE)]
# The share of institutions on each of the first open networks.
ADOPTION = [0.97, 0.6, 0.8, 0.9, 0.85, 0.5, 0.3, 0.2, 0.1, 0.1, *[0.05] * 15]

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7 * 7 }}\x1b[2J\u202e=1+1"


def many(number: int, seed: int = 2011) -> Scan:
    """Return a scan of *number* invented institutions, one in ten unread; the same *seed* gives the same scan."""
    draw = random.Random(seed)  # noqa: S311 - reproducible, not secret
    return scan(*(site(place, draw) for place in range(number)))


def site(place: int, draw: random.Random) -> InstitutionResult:
    subject = institution(
        f"etablissement-{place}",
        f"Collège de la Rivière {place}",
        type=draw.choice(TYPES),
        region=draw.choice(REGIONS),
        language=draw.choice(["fr", "fr", "fr", "en"]),
        city=f"Ville-{place}",
    )
    if place % 10 == 9:
        return failed(subject, *draw.choice(CAUSES))
    names = [name for name in NETWORKS if NETWORKS[name].is_open(CAPTURED.date())]
    held = [name for name, share in zip(names, ADOPTION, strict=False) if draw.random() < share]
    own = [_account(name, f"riviere{place}", subject, is_main=True) for name in held]
    roles = [Role.UNIT, Role.THIRD_PARTY, Role.UNCERTAIN]
    others = [_account(draw.choice(names), f"autre{place}-{n}", subject, draw.choice(roles)) for n in range(4)]
    link = f"http://www.facebook.com/riviere{place}"
    flaw = Flaw("insecure", "facebook", link, link.replace("http:", "https:"), subject.url, Zone.FOOTER, "Facebook")
    return replace(result(subject, *own, *others), flaws=(flaw,))


def _account(
    network: str, handle: str, subject: Institution, role: Role = Role.OFFICIAL, *, is_main: bool = False
) -> Account:
    url = f"https://www.{network}.com/{handle}"
    return account(network, handle, role, url=url, is_main=is_main, page_url=subject.url)


def hostile() -> Scan:
    """Return a scan whose every text attempts an injection, and most of whose URLs are unsafe to link."""
    bad = institution(
        f"bad {HOSTILE}", HOSTILE, type=HOSTILE, region=HOSTILE, language=HOSTILE, city=HOSTILE, short_name=HOSTILE
    )
    plain = institution("plain", "Cégep de Rivière-Bleue", type=HOSTILE, region=HOSTILE, language="fr")
    accounts = (
        account(
            "facebook", HOSTILE, url="javascript:alert(3)", is_main=True, label=HOSTILE, page_url="data:text/html,x"
        ),
        account("facebook", "b", url=f"https://www.facebook.com/{HOSTILE}"),
        account("made_up<b>", "c", url="https://x.test/'\"><b>"),
        account("twitter", "", Role.UNCERTAIN, url="", label=HOSTILE),
        account("youtube", HOSTILE, Role.THIRD_PARTY, url="vbscript:x"),
        account("instagram", HOSTILE, Role.UNIT, url="https://user:secret@x.test/"),
    )
    flaw = Flaw("nowhere", "youtube", "javascript:alert(4)", "", "javascript:alert(5)", Zone.FOOTER, HOSTILE)
    return scan(
        replace(result(bad, *accounts), flaws=(flaw,), final_url="https://user:secret@x.test/"),
        result(plain, "facebook", "youtube"),
        replace(failed(institution("dead", HOSTILE)), detail=HOSTILE),
    )
