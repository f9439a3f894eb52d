"""Politeness: robots.txt, ``Retry-After``, and the pacing of requests to one host.

A host gets one request at a time, with a minimum delay between requests. ``www.`` and the bare name are one host
(:func:`cegep_audit.urls.pace_key`); institutions that share a host take turns, first come, first served.
"""

import asyncio
import re
import time
import unicodedata
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

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
    """Return ``cegep-audit/VERSION (+URL; contact)``, whatever the text of *contact*."""
    ascii_text = unicodedata.normalize("NFKD", contact or "").encode("ascii", "ignore").decode()
    # A bracket would end the comment.
    words = re.sub(r"[\x00-\x20\x7f()\\]+", " ", ascii_text)[:_MAX_CONTACT].strip()
    return f"{PRODUCT_TOKEN}/{version} (+{PROJECT_URL}{'; ' + words if words else ''})"


def rules_of(answer: Answer | FetchError) -> Protego | FetchError:
    """Return the rules in an *answer* to a request for robots.txt, or why no request is allowed (RFC 9309, 2.3.1).

    The body of a 2xx is parsed; an incomplete one forbids everything, because the missing part may. A 4xx, a redirect
    that leads nowhere, or an archive without a capture means that there are no rules. A 5xx forbids everything. Its
    detail is ``robots``, because the rest of the site may be up, or the status itself if a gateway reports that the
    site is down (502, 504 …). Without an answer no request is allowed, and the detail is that of the failure (``dns``,
    ``timeout`` …), because the site did not refuse us.
    """
    status, body = answer.status, answer.body
    detail, message = (answer.detail, str(answer)) if isinstance(answer, FetchError) else ("", "")
    if detail == Detail.NO_CAPTURE:
        return parse_robots(b"")
    if status is not None and detail not in _OWN:
        if status < 300:  # noqa: PLR2004 -- HTTP's classes
            if not detail:
                return parse_robots(body)
            detail, message = Detail.ROBOTS, f"robots.txt cannot be read: {message}"
        elif status < 500:  # noqa: PLR2004
            return parse_robots(b"")
        else:
            detail = http_detail(status) if status in SITE_DOWN else Detail.ROBOTS
            message = f"robots.txt answers {status}, which forbids everything"
    return FetchError(answer.url, detail, message, status=status)  # without the traceback of a failure


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


def retry_after_s(value: str, now: datetime, date: str = "") -> float | None:
    """Return the wait that a ``Retry-After`` header asks for, in seconds; None if it cannot be parsed.

    A date (RFC 9110, section 5.6.7) is compared with *date*, the ``Date`` of the answer, or else with *now*.
    """
    value = value.strip()
    if re.fullmatch(r"[0-9]+(\.[0-9]*)?", value):
        return float(value)  # infinity if it is too large
    end = read_mail_date(value)
    return max(0.0, (end - (read_mail_date(date) or now)).total_seconds()) if end else None


class RobotsCache:
    """The rules of robots.txt in one scan; they hold for one origin: scheme, host and port (RFC 9309, section 2.3)."""

    def __init__(self) -> None:
        self._rules: dict[str, Protego | FetchError] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def rules(
        self, url: str, ask: Callable[[str], Awaitable[Answer]], is_ours: Callable[[str], bool]
    ) -> Protego | FetchError:
        """Return the rules for *url* (:func:`rules_of`); *ask* requests them, at addresses that *is_ours* accepts."""
        origin = _origin(url)
        async with self._locks.setdefault(pace_key(url), asyncio.Lock()):
            if origin in self._rules:
                return self._rules[origin]
            address, origins = f"{origin}/robots.txt", [origin]
            # A redirect to another origin's robots.txt answers for both: www. and the bare name cost one file.
            for _ in range(ROBOTS_REDIRECTS + 1):
                try:
                    answer = await ask(address)
                except FetchError as error:
                    rules = rules_of(error)
                    break
                target = absolute(address, answer.location) if answer.location else None
                if target is None or not is_ours(target):
                    rules = rules_of(answer)
                    break
                address = crawl_key(target)
                if address == f"{_origin(address)}/robots.txt":
                    origins.append(_origin(address))
            else:
                rules = parse_robots(b"")
            for each in origins:
                self._rules.setdefault(each, rules)
            return self._rules[origin]


def _origin(url: str) -> str:
    return "/".join(crawl_key(url).split("/", 3)[:3])


@dataclass(slots=True)
class Turn:
    """The turns on one host; times are seconds of a clock."""

    delay_s: float = 0.0
    last_at: float = float("-inf")  # when the host had received the latest request; its sender notes this
    held_until: float = float("-inf")
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)  # first come, first served


@dataclass(slots=True)
class Pace:
    """The turns of one scan on all its hosts, with at least ``delay_s`` seconds between two requests to one host."""

    delay_s: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    _hosts: dict[str, Turn] = field(default_factory=dict)

    def _host(self, url: str) -> Turn:
        key = pace_key(url)
        return self._hosts.get(key) or self._hosts.setdefault(key, Turn(self.delay_s))

    @asynccontextmanager
    async def turn(self, url: str) -> AsyncIterator[Turn]:
        """Wait for the turn of the host of *url*, and hold it until the block ends."""
        host = self._host(url)
        async with host.lock:
            # A sleep may end a little early, and another visit may have raised the delay meanwhile.
            while (wait_s := max(host.last_at + host.delay_s, host.held_until) - self.clock()) > 0:
                await self.sleep(wait_s)
            host.last_at = self.clock()
            yield host

    def raise_delay(self, url: str, delay_s: float) -> None:
        """Space requests to the host of *url* by at least *delay_s* seconds from now on."""
        host = self._host(url)
        host.delay_s = max(host.delay_s, delay_s)

    def pause(self, url: str, seconds: float) -> None:
        """Send no request to the host of *url* for *seconds* from now."""
        host = self._host(url)
        host.held_until = max(host.held_until, self.clock() + seconds)
