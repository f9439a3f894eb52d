"""Decide whether a site could be assessed: turn pages and failures into status and detail.

A site counts as absent from the networks only if its homepage was read; any doubt about that makes it unassessed.
Pages that are not an institution's (anti-robot walls, parked domains, missing pages) are recognized by points: no
phrase decides alone. Phrases and circumstances (few links, little text, the institution's name absent) are listed in
``assess.toml`` with examples; a page with enough points does not count as the institution's.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property, partial
from typing import Any

from cegep_audit import urls
from cegep_audit.detect.accounts.attribution import MAX_ACCOUNTS
from cegep_audit.detect.accounts.name_matching import Identity, identity_of
from cegep_audit.models import Institution, InstitutionResult, Reading, Visit
from cegep_audit.phrases import say
from cegep_audit.tables import read_tables
from cegep_audit.text import compile_words, fold, is_blank, looks_like_html
from cegep_audit.vocabulary import MAY_CHALLENGE, Detail, How, Need, PageRole, Status, Zone

_TABLES = "detect/assess.toml"

EMPTY_TEXT = 20  # characters of visible text: "Accueil" alone tells nothing

# A page with less of both is an entrance, not a presentation. Splash pages of the 2000s had up to six links; the
# shortest real homepages have some thirty.
SPARSE_TEXT = 600  # characters of visible text
SPARSE_LINKS = 8

# A page that waits for its scripts shows at most a name, a spinner and a line about cookies.
SHELL_TEXT = 250  # characters of visible text
SHELL_LINKS = 3

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


def assess(institution: Institution, visits: Sequence[Visit], accounts_found: int) -> InstitutionResult:
    """Return the result of *visits*, homepage first, without pages and accounts; *accounts_found* are those shown."""
    result = partial(InstitutionResult, institution)
    if not visits:
        return result(Status.UNUSABLE, Detail.INTERNAL_ERROR, "no page was asked for", "")
    home, page, reading = visits[0], visits[0].page, visits[0].reading
    known = {urls.visit_key(visit.choice.url): (visit.page, visit.reading) for visit in visits[1:] if visit.page}
    while reading and reading.refresh_to and (after := known.pop(urls.visit_key(reading.refresh_to), None)):
        page, reading = after
    final_url = (page.redirect_to or page.url) if page else ""  # after redirects and refreshes
    identity = identity_of(institution, final_url)
    if detail := next(filter(None, _faults_of_home(institution, visits, accounts_found, identity)), ""):
        return result(status_of(detail), detail, _message(visits, detail, home.choice.url), final_url)
    for visit in visits[1:]:
        if detail := _fault_of(visit, identity):
            return result(Status.PARTIAL, detail, _message([visit], detail, visit.choice.url), final_url)
    return result(Status.OK, Detail.NONE, "", final_url)


def status_of(detail: str) -> Status:
    """Return the status of a site whose homepage failed with *detail*; "" gives ``ok``."""
    default = Status.UNREACHABLE if _SERVER_ERROR.fullmatch(detail) else Status.UNUSABLE
    return STATUS_OF.get(detail, default) if detail else Status.OK


def _message(visits: Iterable[Visit], detail: str, url: str) -> str:
    """Return the message of the failure with *detail*, else the meaning of the detail, as one line."""
    for visit in visits:
        if visit.failure and visit.failure.detail == detail and visit.failure.message:
            return " ".join(f"{visit.failure.url}: {visit.failure.message}".split())
    http_status = detail.removeprefix("http_")
    words = say(f"detail.{detail}", "en") if http_status == detail else say("detail.http", "en", status=http_status)
    return f"{url}: {words}"


def _faults_of_home(
    institution: Institution, visits: Sequence[Visit], accounts_found: int, identity: Identity
) -> Iterator[str]:
    """Yield why the homepage cannot be assessed, for each possible fault; "" where it does not have that fault."""
    home, behind = visits[0], visits[1:]
    readings = [visit.reading for visit in visits if visit.reading]
    yield home.failure.detail if home.failure else ""
    yield Detail.FOREIGN_SITE if home.page and home.page.redirect_to else ""
    is_cut = any("too_many_links" in reading.signs for reading in readings)
    yield Detail.TOO_MANY_ACCOUNTS if accounts_found > MAX_ACCOUNTS or is_cut else ""
    yield _no_page(home)
    yield Detail.DECODE if home.reading and "undecodable" in home.reading.signs else ""
    # The homepage, or every frame of it, is an anti-robot wall or not an institution's page.
    frames = [visit.reading for visit in behind if visit.choice.role is PageRole.FRAME and visit.reading]
    signs = [sign_of(each, accounts_found, identity) for each in frames or ([home.reading] if home.reading else [])]
    yield signs[0] if signs and all(signs) else ""
    if home.reading and not accounts_found:
        yield _fault_behind_entrance(institution, home.reading, behind)
    # Every page that was read is a shell for scripts, or empty.
    if not accounts_found and all(map(is_shell, readings)):
        yield Detail.NEEDS_JS if any(map(needs_browser, readings)) else ""
        is_empty = all(reading.text_length < EMPTY_TEXT and not shown_links(reading) for reading in readings)
        yield Detail.EMPTY if is_empty else ""


def _fault_behind_entrance(institution: Institution, home: Reading, visits: Sequence[Visit]) -> str:
    """Return why nothing could be read behind a homepage that is only an entrance; *visits* are those behind it."""
    if home.text_length > SPARSE_TEXT or len(home.inner) > SPARSE_LINKS:
        return ""
    behind = [visit for visit in visits if visit.choice.role in {PageRole.FRAME, PageRole.LANGUAGE}]
    if any(visit.reading for visit in behind):
        return ""
    if behind:
        return next((visit.failure.detail for visit in behind if visit.failure), Detail.FOREIGN_SITE)
    away = [url for url in (home.refresh_to, *home.frames) if url]
    ours = [url for url in away if urls.is_same_site(url, home.url, institution.alt_hosts)]
    return Detail.FOREIGN_SITE if away and not ours and not home.inner else ""


def _fault_of(visit: Visit, identity: Identity) -> str:
    """Return why a page other than the homepage could not be read, "" if it was or if that does not matter."""
    if visit.failure:
        detail = visit.failure.detail
    elif visit.reading and sign_of(visit.reading, 0, identity) == Detail.CHALLENGE:
        detail = Detail.CHALLENGE
    elif visit.reading:  # a shell with links was readable so far
        detail = Detail.NEEDS_JS if needs_browser(visit.reading) and not visit.reading.links else ""
    else:
        detail = _no_page(visit)
    return "" if visit.choice.role is PageRole.OWN_LINK and detail in _NO_FAULT_OF_OWN_LINK else detail


def _no_page(visit: Visit) -> str:
    """Return ``not_html`` or ``empty`` if the answer is not a page; a redirect off the site is not a fault."""
    page = visit.page
    if page is None or page.redirect_to or looks_like_html(page):
        return ""
    return Detail.EMPTY if is_blank(page) else Detail.NOT_HTML


_SENTENCE = re.compile(r"(?<=[^\W\d])[.!?;:](?=\s|$)|[|–—•]")
_HOST_NAME = re.compile(r"(?:[\w-]+\.)+[a-z]{2,}")
_WORD = re.compile(r"\w+")
_WHOLE_WORD = re.compile(r"(?<![\w*])\w+(?![\w*])")  # of a phrase, in which a star means more letters


class _Sign:
    """One *row* of the table: whole titles, phrases, and pairs of a subject and its state in one sentence."""

    def __init__(self, row: Mapping[str, Any]) -> None:
        self.detail: str = row["detail"]
        self.points: int = row["points"]
        titles = (".*".join(map(re.escape, _plain(title).split("*"))) for title in row.get("titles", ()))
        self._titles = re.compile("|".join(titles) or "(?!)")
        self._phrases = [list(map(_plain, row.get(name, ()))) for name in ("texts", "subjects", "states")]
        texts, subjects, _ = self._phrases
        # One whole word of each phrase: most pages contain none of these.
        self._words = {max(_WHOLE_WORD.findall(phrase), key=len, default="") for phrase in (*texts, *subjects)}

    @cached_property  # most are never tried
    def _pairs(self) -> list[tuple[re.Pattern[str], re.Pattern[str]]]:
        texts, subjects, states = self._phrases
        pairs = [(compile_words(subjects), compile_words(states))] if subjects else []
        return [*pairs, (compile_words(texts), re.compile(""))] if texts else pairs  # a text needs no second phrase

    def is_shown(self, title: str, sentences: Sequence[str], words: set[str]) -> bool:
        """Whether a page with this *title*, these *sentences* and their *words*, all plain, shows the sign."""
        if any(map(self._titles.fullmatch, (title, *sentences[:1]))):
            return True
        return not self._words.isdisjoint(words) and any(
            first.search(each) and second.search(each) for first, second in self._pairs for each in sentences[1:]
        )


@cache
def _signs() -> tuple[_Sign, ...]:
    return tuple(map(_Sign, read_tables(_TABLES)["sign"]))


def sign_of(reading: Reading, accounts_found: int, identity: Identity) -> str:
    """Return the detail of a page that is not an institution's site, "" for any other page.

    *accounts_found* counts the accounts that the site shows: a page under construction may already name some.
    Circumstances alone suffice for a page with hardly any text, no link within the site, and no name.
    """
    title, text = _plain(reading.title), _plain(reading.opening)
    sentences = [text, title, *_SENTENCE.split(text)]  # the whole opening may be just a title
    words = {"", *_WORD.findall(title), *_WORD.findall(text)}
    points = Counter[str]()
    for sign in _signs():
        if sign.is_shown(title, sentences, words):
            points[sign.detail] += sign.points
    if not points and (reading.frames or reading.refresh_to or reading.signs or reading.text_length < EMPTY_TEXT):
        return ""  # it leads to a page, or scripts fill it
    detail, best = points.most_common(1)[0] if points else (Detail.PARKED, 0)
    weights = read_tables(_TABLES)["circumstance"]
    total = best + sum(weights[name] for name in _circumstances(reading, title, f"{title} {text}", identity))
    total += weights["shows_accounts"] if accounts_found else 0
    return detail if total >= read_tables(_TABLES)["threshold"] else ""


def _circumstances(reading: Reading, title: str, text: str, identity: Identity) -> Iterator[str]:
    """Yield the circumstances of the page by the names in the table of weights."""
    limits = read_tables(_TABLES)["limits"]
    links = [link.href for link in reading.inner if link.zone is not Zone.HEAD]
    if len(links) > limits["many_links"]:
        yield "many_links"
    else:
        own = (href for href in links if "//" not in href[:8] or urls.is_same_site(href, reading.url))
        pages = {re.split("[#?]", href, maxsplit=1)[0] for href in own} - {"", "/", reading.url, reading.base}
        yield "some_links" if len(pages) > limits["few_links"] else "few_links" if pages else "no_links"
    if reading.text_length <= limits["short_text"]:
        yield "short_text"
    elif reading.text_length <= limits["brief_text"]:
        yield "brief_text"
    elif reading.text_length > limits["long_text"]:
        yield "long_text"
    # Its address does not name the institution: sites that sell a domain show it too.
    named = re.findall("[a-z0-9]+", _HOST_NAME.sub(" ", text))
    if identity.words.isdisjoint(named) and not any(own in "".join(named) for own in identity.whole):
        yield "name_absent"
    if title.removeprefix("www.") in {urls.host_of(reading.url).removeprefix("www."), *identity.hosts}:
        yield "title_is_host"


def _plain(text: str) -> str:
    return " ".join(fold(text).split()).rstrip(".… ")


def is_challenge(status: int | None, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether an error answer (names of headers in lower case) is a firewall's challenge, not a plain refusal."""
    text = body.decode("latin-1")
    return status in MAY_CHALLENGE and any(
        row.get("value") in re.split(r"[^\w-]+", headers.get(row.get("header", ""), "").lower())
        or any(mark in text for mark in row.get("marks", ()))
        for row in read_tables("detect/challenges.toml")["challenge"]
    )


def needs_browser(reading: Reading) -> tuple[Need, ...]:
    """Return why a browser should render the page of *reading*, () where it can be read as it is.

    Few links alone are not a reason, because a page may be short. Neither is a sign alone, because frameworks that
    render on the server leave an app root and its state on every page.
    """
    signs = tuple(sign for sign in (Need.APP_ROOT, Need.NOSCRIPT_PLEA, Need.STATE) if sign in reading.signs)
    return (Need.FEW_LINKS, *signs) if signs and is_shell(reading) else ()


def is_shell(reading: Reading) -> bool:
    """Whether *reading* shows next to nothing and has no frame that might show more."""
    return reading.text_length <= SHELL_TEXT and shown_links(reading) <= SHELL_LINKS and not reading.frames


def shown_links(reading: Reading) -> int:
    """Return how many links a reader sees; those in the head are for machines."""
    inner = sum(link.zone is not Zone.HEAD for link in reading.inner)
    return inner + sum(link.how is How.ANCHOR for link in reading.links)
