"""Politeness: robots.txt, ``Retry-After``, and the pacing of requests to one host.

A host gets one request at a time, with a minimum delay between requests. ``www.`` and the bare name are one host
(:func:`cegep_audit.urls.pace_key`); institutions that share a host take turns, first come, first served.
"""

import asyncio
import re
import time
import unicodedata
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from urllib.parse import urlsplit

from protego import Protego

from cegep_audit.clock import read_mail_date
from cegep_audit.collect.port import Answer
from cegep_audit.errors import FetchError
from cegep_audit.urls import absolute, crawl_key, pace_key
from cegep_audit.vocabulary import SITE_DOWN, Detail, http_detail

PRODUCT_TOKEN = "cegep-audit"  # noqa: S105 -- our name in robots.txt, no secret
PROJECT_URL = "https://github.com/cegep-audit/cegep-audit"
ROBOTS_BYTES = 500 * 1024  # RFC 9309, section 2.5: at least the first 500 KiB count
ROBOTS_REDIRECTS = 5  # RFC 9309, section 2.3.1.2

_MAX_CONTACT = 200  # characters; servers cut or refuse long headers
_LINE_END = re.compile(r"\r\n?|\n")
_AGENT = re.compile(r"user[ -]?agent\s*[:\s]\s*(.*)", re.IGNORECASE)
_TOKEN = re.compile(r"[a-z_-]+(?![\w-])|\*$")  # RFC 9309, section 2.2.1: a product token is letters, "_" and "-"
_RULE = re.compile(r"(?:allow|disallow|dissallow|dissalow|disalow|diasllow|disallaw)\s*[:\s]", re.IGNORECASE)
_DELAY = re.compile(r"crawl[ -]delay\s*[:\s]", re.IGNORECASE)

# Failures that keep their detail, whatever the status.
_OWN = frozenset({Detail.PROXY, Detail.RETRY_AFTER, http_detail(429)})


def user_agent(contact: str | None, version: str) -> str:
    """Return ``cegep-audit/VERSION (+URL; contact)``, whatever the text of *contact*.

    Headers are ASCII, so accents are dropped; brackets would end the comment, so they are dropped too.
    """
    ascii_text = unicodedata.normalize("NFKD", contact or "").encode("ascii", "ignore").decode()
    words = re.sub(r"[\x00-\x20\x7f()\\]+", " ", ascii_text)[:_MAX_CONTACT].strip()
    return f"{PRODUCT_TOKEN}/{version} (+{PROJECT_URL}{'; ' + words if words else ''})"


@dataclass(frozen=True, slots=True)
class RobotsVerdict:
    """What robots.txt of one host allows.

    ``rules`` is None if no request is allowed; ``detail``, ``message`` and ``status`` then give the reason, as in
    :class:`~cegep_audit.errors.FetchError`.
    """

    rules: Protego | None
    detail: str = ""
    message: str = ""
    status: int | None = None

    def allows(self, url: str) -> bool:
        """Whether *url* may be requested."""
        return self.rules is not None and self.rules.can_fetch(url, PRODUCT_TOKEN)

    @property
    def crawl_delay_s(self) -> float:
        """The delay that the host wants between two requests, in seconds; 0.0 if it sets none."""
        return (self.rules.crawl_delay(PRODUCT_TOKEN) or 0.0) if self.rules else 0.0


def verdict_of_answer(status: int, body: bytes) -> RobotsVerdict:
    """Return the verdict for an answer to a request for robots.txt (RFC 9309, section 2.3.1).

    The body of a 2xx is parsed. A 4xx, or a redirect that leads nowhere, means that there are no rules. A 5xx forbids
    everything. Its detail is ``robots``, because the rest of the site may be up, or the status itself if a gateway
    reports that the site is down (502, 504 …).
    """
    if status < 500:  # noqa: PLR2004 -- HTTP's classes
        return RobotsVerdict(parse_robots(body if status < 300 else b""))  # noqa: PLR2004
    detail = http_detail(status) if status in SITE_DOWN else Detail.ROBOTS
    return RobotsVerdict(None, detail, f"robots.txt answers {status}, which forbids everything", status)


def verdict_of_failure(detail: str, message: str, status: int | None) -> RobotsVerdict:
    """Return the verdict for a failed request for robots.txt; arguments as in ``FetchError``.

    An archive without a robots.txt allows everything. An HTTP status is judged as an answer. An incomplete body forbids
    everything, because the missing part may. Without an answer, no request is allowed; the detail is that of the
    failure (``dns``, ``refused``, ``timeout`` …), because the site did not refuse us.
    """
    if detail == Detail.NO_CAPTURE:
        return ALLOWS_ALL
    if status is None or detail in _OWN:
        return RobotsVerdict(None, detail, message, status)
    if status >= 300:  # noqa: PLR2004 -- 3xx and above
        return verdict_of_answer(status, b"")
    return RobotsVerdict(None, Detail.ROBOTS, f"robots.txt cannot be read: {message}", status)


def parse_robots(body: bytes) -> Protego:
    """Return the rules of a robots.txt that apply to us; any bytes are accepted."""
    text = body[:ROBOTS_BYTES].decode("utf-8-sig", errors="replace")
    return _parse("\n".join(relevant_lines(text)))


_parse = lru_cache(maxsize=256)(Protego.parse)  # thousands of sites share the same few files


def relevant_lines(text: str, token: str = PRODUCT_TOKEN) -> list[str]:
    """Return the lines of *text* in groups for *token* or for everyone, each group with its agents first.

    Only a rule (allow or disallow) ends the lines that name a group's agents, not a blank line, a ``Sitemap`` or a
    ``Crawl-delay`` (RFC 9309, section 2.2). Protego ends them at most other lines, takes "cegep" for a prefix of our
    name, and does not know "cegep-audit/1.0" as our name. It also gives each rule to each agent above it, so that
    500 KiB of agents and rules would cost gigabytes.
    """
    groups: list[tuple[dict[str, None], list[str]]] = [({}, [])]  # agents that matter here, lines
    has_rules = False
    for line in _LINE_END.split(text):
        content = line.partition("#")[0].strip()
        if agent := _AGENT.match(content):
            if has_rules:
                groups.append(({}, []))
                has_rules = False
            name = _TOKEN.match(agent[1].lower())
            if name and name[0] in {token, "*"}:
                groups[-1][0][f"User-agent: {name[0]}"] = None
        elif (is_rule := _RULE.match(content)) or _DELAY.match(content):
            has_rules = has_rules or is_rule is not None
            groups[-1][1].append(content)
    return [line for agents, lines in groups if agents for line in (*agents, *lines)]


ALLOWS_ALL = RobotsVerdict(parse_robots(b""))


def retry_after_s(value: str, now: datetime, date: str = "") -> float | None:
    """Return the wait that a ``Retry-After`` header asks for, in seconds; None if it cannot be parsed.

    *value* is a number of seconds or a date in one of the three forms of RFC 9110, section 5.6.7. A date is compared
    with *date*, the ``Date`` of the answer, or else with *now*. A date in the past gives 0.0.
    """
    value = value.strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]*)?", value):
        return float(value)  # infinity if it is too large
    end = read_mail_date(value)
    return max(0.0, (end - (read_mail_date(date) or now)).total_seconds()) if end else None


Ask = Callable[[str], Awaitable[Answer]]
"""Requests a robots.txt; raises FetchError as for a page."""


class RobotsCache:
    """The verdicts of one scan.

    A verdict holds for one origin (scheme, host and port, RFC 9309, section 2.3). A redirect from one origin's
    robots.txt to another's answers for both, so that ``www.`` and the bare name cost one file.
    """

    def __init__(self) -> None:
        self._verdicts: dict[str, RobotsVerdict] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def verdict(self, url: str, ask: Ask, is_ours: Callable[[str], bool]) -> RobotsVerdict:
        """Return the verdict for the host of *url*, fetching it with *ask* if it is not cached.

        A redirect to an address for which *is_ours* is false is not followed, because no request leaves the site. As
        after too many redirects, there are no rules then.
        """
        origin = _origin(url)
        async with self._locks.setdefault(pace_key(url), asyncio.Lock()):
            if origin not in self._verdicts:
                origins, verdict = await _read(origin, ask, is_ours)
                for each in origins:
                    self._verdicts.setdefault(each, verdict)
        return self._verdicts[origin]


async def _read(origin: str, ask: Ask, is_ours: Callable[[str], bool]) -> tuple[list[str], RobotsVerdict]:
    """Return the verdict for *origin*, and the origins for which the chain of redirects answers."""
    address, origins = f"{origin}/robots.txt", [origin]
    for _ in range(ROBOTS_REDIRECTS + 1):
        try:
            answer = await ask(address)
        except FetchError as error:
            return origins, verdict_of_failure(error.detail, str(error), error.status)
        target = absolute(address, answer.location) if answer.location else None
        if target is None or not is_ours(target):
            return origins, verdict_of_answer(answer.status, answer.body)
        address = crawl_key(target)
        if address == f"{_origin(address)}/robots.txt":
            origins.append(_origin(address))
    return origins, ALLOWS_ALL


def _origin(url: str) -> str:
    parts = urlsplit(crawl_key(url))
    return f"{parts.scheme}://{parts.netloc}"


@dataclass(slots=True)
class Turn:
    """The turns on one host. The holder of the turn reports when the host got its request; times are the clock's."""

    delay_s: float = 0.0
    last_at: float = float("-inf")
    held_until: float = float("-inf")
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)  # first come, first served

    def reached(self, at: float) -> None:
        """Note that the host received a request, no later than *at*."""
        self.last_at = at


class Pace:
    """The turns of one scan on all its hosts."""

    def __init__(
        self,
        delay_s: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._hosts = defaultdict[str, Turn](lambda: Turn(delay_s))

    @asynccontextmanager
    async def turn(self, url: str) -> AsyncIterator[Turn]:
        """Wait for the turn of the host of *url*, and hold it until the block ends."""
        host = self._hosts[pace_key(url)]
        async with host.lock:
            # A sleep may end a little early, and another visit may have raised the delay meanwhile.
            while (wait_s := max(host.last_at + host.delay_s, host.held_until) - self._clock()) > 0:
                await self._sleep(wait_s)
            host.reached(self._clock())
            yield host

    def raise_delay(self, url: str, delay_s: float) -> None:
        """Space requests to the host of *url* by at least *delay_s* seconds from now on."""
        host = self._hosts[pace_key(url)]
        host.delay_s = max(host.delay_s, delay_s)

    def hold(self, url: str, seconds: float) -> None:
        """Send no request to the host of *url* for *seconds* from now."""
        host = self._hosts[pace_key(url)]
        host.held_until = max(host.held_until, self._clock() + seconds)


OpenTurn = Callable[[str], AbstractAsyncContextManager[Turn]]
"""Waits for the turn of a URL's host, as :meth:`Pace.turn` does."""
