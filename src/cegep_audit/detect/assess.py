"""Decide whether a site could be assessed: turn pages and failures into status and detail.

A site counts as absent from the networks only if its homepage was read; any doubt about that makes it unassessed. Each
decision is a row of :data:`STATUS_OF`, :data:`HOMEPAGE_CHECKS` or ``assess.toml``.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from cegep_audit import urls
from cegep_audit.detect.accounts.attribution import MAX_ACCOUNTS
from cegep_audit.detect.accounts.name_matching import Identity, identity_of
from cegep_audit.detect.signs import EMPTY_TEXT, is_shell, needs_browser, shown_links, sign_of
from cegep_audit.models import Institution, Visit
from cegep_audit.phrases.catalogue import say
from cegep_audit.text import is_blank, looks_like_html
from cegep_audit.vocabulary import Detail, PageRole, Status

# A page with less of both is an entrance, not a presentation. Splash pages of the 2000s had up to six links; the
# shortest real homepages have some thirty.
SPARSE_TEXT = 600  # characters of visible text
SPARSE_LINKS = 8


class Verdict(NamedTuple):
    """The result for a site: ``message`` is one line for a person, ``final_url`` where its homepage was found."""

    status: Status
    detail: str
    message: str
    final_url: str


_DETAILS: dict[Status, tuple[str, ...]] = {
    # Retry-After: the site answered, and asked to be left alone for longer than a scan may wait.
    Status.BLOCKED: (
        Detail.ROBOTS, Detail.CHALLENGE, Detail.RETRY_AFTER, Detail.CRAWL_DELAY,
        "http_401", "http_403", "http_429", "http_451",
    ),
    Status.UNREACHABLE: (
        Detail.DNS, Detail.REFUSED, Detail.TIMEOUT, Detail.TLS, Detail.CONNECTION_LOST, Detail.PROTOCOL,
        Detail.PROXY, Detail.NO_CAPTURE, "http_407", "http_408",
    ),
    Status.UNUSABLE: (
        Detail.TOO_LARGE, Detail.CUT_SHORT, Detail.DECODE, Detail.NOT_HTML, Detail.EMPTY, Detail.NEEDS_JS,
        Detail.PARKED, Detail.REDIRECT_LOOP, Detail.BAD_REDIRECT, Detail.FOREIGN_SITE, Detail.PRIVATE_ADDRESS,
        Detail.BAD_URL, Detail.TOO_MANY_ACCOUNTS, Detail.INTERNAL_ERROR,
    ),
}  # fmt: skip
STATUS_OF = {detail: status for status, details in _DETAILS.items() for detail in details}
_SERVER_ERROR = re.compile(r"http_(?:5|[6-9])\d\d")  # firewalls and load balancers invent codes above 599

# A link of the site's own that only stood for an account may well lead to no page: that is not a fault.
_NO_FAULT_OF_OWN_LINK = frozenset(
    {"http_404", "http_410", Detail.NOT_HTML, Detail.EMPTY, Detail.NEEDS_JS, Detail.FOREIGN_SITE}
)


def status_of(detail: str) -> Status:
    """Return the status of a site whose homepage failed with *detail*; "" gives ``ok``."""
    if not detail:
        return Status.OK
    default = Status.UNREACHABLE if _SERVER_ERROR.fullmatch(detail) else Status.UNUSABLE
    return STATUS_OF.get(detail, default)


def assess(institution: Institution, visits: Sequence[Visit], accounts_found: int) -> Verdict:
    """Return status and detail of a site after *visits*, its homepage first.

    *accounts_found* counts all accounts that its pages show: a page that shows some was readable.
    """
    if not visits:
        return Verdict(Status.UNUSABLE, Detail.INTERNAL_ERROR, "no page was asked for", "")
    page, reading = visits[0].page, visits[0].reading
    known = {urls.visit_key(visit.choice.url): (visit.page, visit.reading) for visit in visits[1:] if visit.page}
    while reading and reading.refresh_to and (after := known.pop(urls.visit_key(reading.refresh_to), None)):
        page, reading = after
    final_url = (page.redirect_to or page.url) if page else ""  # after redirects and refreshes
    site = _Site(institution, visits[0], visits, accounts_found, identity_of(institution, final_url))
    for check in HOMEPAGE_CHECKS:
        if detail := check(site):
            message = _message(visits, detail, visits[0].choice.url)
            return Verdict(status_of(detail), detail, message, final_url)
    for visit in visits[1:]:
        if detail := _fault_of(visit, site.identity):
            return Verdict(Status.PARTIAL, detail, _message([visit], detail, visit.choice.url), final_url)
    return Verdict(Status.OK, Detail.NONE, "", final_url)


def _message(visits: Iterable[Visit], detail: str, url: str) -> str:
    """Return the message of the failure with *detail*, else the meaning of the detail, as one line."""
    for visit in visits:
        if visit.failure and visit.failure.detail == detail and visit.failure.message:
            return " ".join(f"{visit.failure.url}: {visit.failure.message}".split())
    http_status = detail.removeprefix("http_")
    words = say(f"detail.{detail}", "en") if http_status == detail else say("detail.http", "en", status=http_status)
    return f"{url}: {words}"


# ------------------------------------------------------------------------------------------ the homepage


class _Site(NamedTuple):
    """What the checks of a homepage look at; *home* is the first of the *visits*."""

    institution: Institution
    home: Visit
    visits: Sequence[Visit]
    accounts_found: int
    identity: Identity


def _shows_a_sign(site: _Site) -> str:
    """Return why the homepage, or every frame of it, is an anti-robot wall or not an institution's page."""
    behind = [visit.reading for visit in site.visits[1:] if visit.choice.role is PageRole.FRAME and visit.reading]
    readings = behind or [visit.reading for visit in (site.home,) if visit.reading]
    details = [sign_of(reading, site.accounts_found, site.identity) for reading in readings]
    return details[0] if details and all(details) else Detail.NONE


def _is_shut_door(site: _Site) -> str:
    """Return why nothing could be read behind a homepage that is only an entrance."""
    home = site.home.reading
    if home is None or site.accounts_found or home.text_length > SPARSE_TEXT or len(home.inner) > SPARSE_LINKS:
        return Detail.NONE
    behind = [visit for visit in site.visits[1:] if visit.choice.role in {PageRole.FRAME, PageRole.LANGUAGE}]
    if any(visit.reading for visit in behind):
        return Detail.NONE
    if behind:
        return next((visit.failure.detail for visit in behind if visit.failure), Detail.FOREIGN_SITE)
    away = [url for url in (home.refresh_to, *home.frames) if url]
    ours = [url for url in away if urls.is_same_site(url, home.url, site.institution.alt_hosts)]
    return Detail.FOREIGN_SITE if away and not ours and not home.inner else Detail.NONE


def _waits_for_scripts(site: _Site) -> str:
    """Return a detail if every page that was read is a shell for scripts, or empty."""
    readings = [visit.reading for visit in site.visits if visit.reading]
    if site.accounts_found or not all(map(is_shell, readings)):
        return Detail.NONE
    if any(map(needs_browser, readings)):
        return Detail.NEEDS_JS
    is_empty = all(reading.text_length < EMPTY_TEXT and not shown_links(reading) for reading in readings)
    return Detail.EMPTY if is_empty else Detail.NONE


def _names_too_many(site: _Site) -> str:
    is_cut = any(visit.reading and "too_many_links" in visit.reading.signs for visit in site.visits)
    return Detail.TOO_MANY_ACCOUNTS if site.accounts_found > MAX_ACCOUNTS or is_cut else Detail.NONE


HOMEPAGE_CHECKS: tuple[Callable[[_Site], str], ...] = (  # the first that gives a detail decides
    lambda site: site.home.failure.detail if site.home.failure else Detail.NONE,
    lambda site: Detail.FOREIGN_SITE if site.home.page and site.home.page.redirect_to else Detail.NONE,
    _names_too_many,
    lambda site: _no_page(site.home),
    lambda site: Detail.DECODE if site.home.reading and "undecodable" in site.home.reading.signs else Detail.NONE,
    _shows_a_sign,
    _is_shut_door,
    _waits_for_scripts,
)


# ------------------------------------------------------------------------------------------ any page


def _fault_of(visit: Visit, identity: Identity) -> str:
    """Return why a page other than the homepage could not be read, "" if it was or if that does not matter."""
    if visit.failure:
        detail = visit.failure.detail
    elif visit.reading and sign_of(visit.reading, 0, identity) == Detail.CHALLENGE:
        detail = Detail.CHALLENGE
    elif visit.reading:  # a shell with links was readable so far
        detail = Detail.NEEDS_JS if needs_browser(visit.reading) and not visit.reading.links else Detail.NONE
    else:
        detail = _no_page(visit)
    is_excused = visit.choice.role is PageRole.OWN_LINK and detail in _NO_FAULT_OF_OWN_LINK
    return Detail.NONE if is_excused else detail


def _no_page(visit: Visit) -> str:
    """Return ``not_html`` or ``empty`` if the answer is not a page; a redirect off the site is not a fault."""
    page = visit.page
    if page is None or page.redirect_to or looks_like_html(page):
        return Detail.NONE
    return Detail.EMPTY if is_blank(page) else Detail.NOT_HTML
