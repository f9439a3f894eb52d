"""Placeholder, parked and error pages in both languages, which are not assessed, and small real sites, which are."""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path

from rows import every_row

from cegep_audit.detect.accounts.attribution import attribute
from cegep_audit.detect.assess import assess
from cegep_audit.detect.page.links import extract_links
from cegep_audit.models import Choice, Institution, Page, Visit
from cegep_audit.vocabulary import PageRole, Status

HOME = "https://www.collegemirval.test/"
COLLEGE = Institution(id="mirval", name="Collège Mirval", url=HOME, language="fr")

PAGES = tomllib.loads((Path(__file__).parent / "nobodys_site.toml").read_text("utf-8"))


def links(found: re.Match[str]) -> str:
    return "".join(f'<li><a href="{found[2]}{number}">Mot {number}</a></li>' for number in range(int(found[1])))


def status_of(title: str, body: str) -> Status:
    body = re.sub(r"\{(\d+) (\S+)\}", links, body)
    html = f"<!doctype html><html><head><title>{title}</title></head><body>{body}</body></html>"
    page = Page(HOME, HOME, 200, "text/html; charset=utf-8", html.encode(), datetime(2026, 11, 1, tzinfo=UTC))
    visit = Visit(Choice(HOME, PageRole.HOME, ""), page, extract_links(page))
    return assess(COLLEGE, [visit], len(attribute(COLLEGE, [visit]))).status


@every_row(PAGES["nobodys"])
def test_page_that_is_nobodys_site_is_unusable(page: dict[str, str]) -> None:
    assert status_of(**page) is Status.UNUSABLE


@every_row(PAGES["small"])
def test_small_page_of_an_institution_is_assessed(page: dict[str, str]) -> None:
    assert status_of(**page) is Status.OK


def test_maintenance_page_with_an_account_is_assessed() -> None:
    page = PAGES["nobodys"]["an upgrade"]
    icon = '<p><a href="https://www.facebook.com/collegemirval">Facebook</a></p>'
    assert status_of(page["title"], page["body"]) is Status.UNUSABLE
    assert status_of(page["title"], page["body"] + icon) is Status.OK
