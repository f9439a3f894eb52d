"""Build an invented college homepage from the fragments of a test case, and detect the accounts on it."""

from __future__ import annotations

from datetime import UTC, datetime

from cegep_audit.detect.accounts.attribution import attribute
from cegep_audit.detect.page.links import extract_links
from cegep_audit.models import Choice, Institution, Page, Visit
from cegep_audit.vocabulary import PageRole, Role

MENU = "".join(f'<a href="/n{number}">Page {number}</a> ' for number in range(12))
TEXT = "Chaque automne, la maison ouvre ses ateliers et ses jardins. " * 8


def row(**accounts: str) -> str:
    """Return a list of icons as HTML, given as ``network=handle``."""
    icons = (
        f'<li><a href="{ADDRESSES[network]}{name}"><svg></svg>{network}</a></li>' for network, name in accounts.items()
    )
    return f"<ul>{''.join(icons)}</ul>"


ADDRESSES = {
    "Facebook": "https://www.facebook.com/",
    "Instagram": "https://www.instagram.com/",
    "YouTube": "https://www.youtube.com/",
    "Twitter": "https://twitter.com/",
    "LinkedIn": "https://www.linkedin.com/company/",
    "TikTok": "https://www.tiktok.com/@",
    "Snapchat": "https://www.snapchat.com/add/",
}


def roles_on(
    *, footer: str = "", main: str = "", header: str = "", head: str = "", title: str = "Collège Valbrume",
    name: str = "Collège Valbrume", url: str = "https://www.collegevalbrume.test/", alt_hosts: tuple[str, ...] = (),
) -> dict[str, str]:  # fmt: skip
    """Map ``network/handle`` to role for the accounts on a homepage with these fragments."""
    html = (
        f'<!doctype html><html lang="fr"><head><title>{title}</title>{head}</head>'
        f"<body><header>{header}<nav>{MENU}</nav></header>"
        f"<main><p>{TEXT}</p>{main}</main><footer>{footer}</footer></body></html>"
    )
    page = Page(url, url, 200, "text/html; charset=utf-8", html.encode(), datetime(2026, 11, 1, tzinfo=UTC))
    visit = Visit(Choice(url, PageRole.HOME, ""), page, extract_links(page))
    subject = Institution(id="x", name=name, url=url, language="fr", alt_hosts=alt_hosts)
    found = attribute(subject, [visit])
    return {f"{account.network}/{account.handle}": account.role.value for account in found}


def official(roles: dict[str, str]) -> set[str]:
    """Return the accounts whose role is official."""
    return {account for account, role in roles.items() if role == Role.OFFICIAL}
