"""Politeness: the rules and the Crawl-delay in robots.txt, and Retry-After."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protego import Protego

from cegep_audit.collect.politeness import (
    PRODUCT_TOKEN,
    ROBOTS_BYTES,
    parse_robots,
    relevant_lines,
    retry_after_s,
    rules_of,
)
from cegep_audit.collect.port import Answer
from cegep_audit.errors import FetchError

SITE = "https://cegeprb.test"
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def rules(text: str | bytes, status: int = 200) -> Protego | FetchError:
    body = text if isinstance(text, bytes) else text.encode()
    return rules_of(Answer(f"{SITE}/robots.txt", status, {}, body, NOON))


def allows(found: Protego | FetchError, url: str = SITE) -> bool:
    return isinstance(found, Protego) and found.can_fetch(url, PRODUCT_TOKEN)


@pytest.mark.parametrize(
    ("robots", "path", "allowed"),
    [
        pytest.param("", "/", True, id="empty"),
        pytest.param("User-agent: *\nDisallow:", "/", True, id="empty rule"),
        pytest.param("User-agent: *\nDisallow: /", "/", False, id="everything"),
        pytest.param("User-agent: *\nDisallow: /", "/robots.txt", True, id="robots.txt itself"),
        pytest.param("User-agent: *\nDisallow: /a", "/abc", False, id="prefix"),
        pytest.param("User-agent: *\nDisallow: /a\nAllow: /a/b", "/a/b/c", True, id="longest match wins"),
        pytest.param("User-agent: *\nDisallow: /a\nAllow: /a", "/a", True, id="Allow wins a tie"),
        pytest.param("User-agent: *\nDisallow: /*.php$", "/x.php", False, id="wildcard and end anchor"),
        pytest.param("User-agent: *\nDisallow: /*.php$", "/x.php?y", True, id="end anchor does not match"),
        pytest.param("User-agent: *\nDisallow: /*?s=", "/?s=cegep", False, id="query"),
        pytest.param("User-agent: *\nDisallow: /%C3%A9", "/é", False, id="percent encoding"),
        pytest.param("user-AGENT: *\nDISALLOW: /a", "/a", False, id="directives in any case"),
        pytest.param("User-agent: *\r\nDisallow: /a\r\n", "/a", False, id="CRLF"),
        pytest.param("User-agent: *\rDisallow: /a\r", "/a", False, id="CR"),
        pytest.param("User-agent: * # all\nDisallow: /a # not this", "/a", False, id="comments"),
        pytest.param("User-agent: *\n\nDisallow: /a", "/a", False, id="blank line inside a group"),
        pytest.param("User-agent: a\nUser-agent: *\nDisallow: /a", "/a", False, id="one of several agents"),
        pytest.param(
            "User-agent: a\nSitemap: /s\nUser-agent: *\nDisallow: /a", "/a", False, id="Sitemap line, us last"
        ),
        pytest.param("User-agent: *\nUser-agent: a\nDisallow: /a", "/a", False, id="everyone, then another agent"),
        pytest.param("User-agent: cegep-audit\nUser-agent: a\nDisallow: /a", "/a", False, id="us, then another agent"),
        pytest.param("User-agent: *\nFoo: bar\nUser-agent: a\nDisallow: /a", "/a", False, id="unknown line"),
        pytest.param("User-agent: a\nFoo: bar\nUser-agent: *\nDisallow: /a", "/a", False, id="unknown line, us last"),
        pytest.param("User-agent: *\nSitemap: /s\nUser-agent: a\nDisallow: /a", "/a", False, id="Sitemap line"),
        pytest.param("User-agent: *\nHost: x\n\nUser-agent: a\nDisallow: /a", "/a", False, id="Host line, blank line"),
        pytest.param("User-agent: *\nCrawl-delay: 1\nUser-agent: a\nDisallow: /a", "/a", False, id="Crawl-delay line"),
        pytest.param("User-agent: *\n<br>\nUser-agent: a\nDisallow: /a", "/a", False, id="HTML line"),
        pytest.param("User-agent: *\nAllow: /b\nUser-agent: a\nDisallow: /a", "/a", True, id="ended by Allow"),
        pytest.param("User-agent: *\nDisallow:\nUser-agent: a\nDisallow: /a", "/a", True, id="ended by an empty rule"),
        pytest.param(
            "User-agent: *\ndissalow: /b\nUser-agent: a\nDisallow: /a", "/a", True, id="ended by a misspelling"
        ),
        pytest.param(
            "User-agent: a\nAllow: /\nUser-agent: b\nUser-agent: *\nDisallow: /a",
            "/a",
            False,
            id="later group, us last",
        ),
        pytest.param(
            "User-agent: a\nAllow: /\nUser-agent: *\nUser-agent: b\nDisallow: /a",
            "/a",
            False,
            id="later group, us first",
        ),
        pytest.param("User-agent: a\nDisallow: /\nUser-agent: *\nDisallow: /b", "/a", True, id="another agent's group"),
        pytest.param("User-agent: *\nDisallow: /a\n\nUser-agent: *\nDisallow: /b", "/a", False, id="groups merged, 1"),
        pytest.param("User-agent: *\nDisallow: /a\n\nUser-agent: *\nDisallow: /b", "/b", False, id="groups merged, 2"),
        pytest.param(
            "User-agent: *\nDisallow: /\nUser-agent: cegep-audit\nDisallow: /b", "/a", True, id="our group allows"
        ),
        pytest.param(
            "User-agent: cegep-audit\nDisallow: /b\nUser-agent: *\nAllow: /", "/b", False, id="our group forbids"
        ),
        pytest.param("User-agent: Cegep-Audit/2.0\nDisallow: /", "/", False, id="our name with a version"),
        pytest.param("User-agent: CEGEP-AUDIT\nDisallow: /", "/", False, id="our name in capitals"),
        pytest.param("User-agent: cegep\nDisallow: /", "/", True, id="start of our name"),
        pytest.param("User-agent: audit\nDisallow: /", "/", True, id="end of our name"),
        pytest.param("User-agent: cegep-audit-2\nDisallow: /", "/", True, id="longer name"),
        pytest.param("User-agent cegep-audit\nDisallow /b", "/b", False, id="missing colons"),
        pytest.param("Disallow: /", "/", True, id="rule without an agent"),
        pytest.param("<html><body>Page introuvable</body></html>", "/", True, id="HTML page"),
        pytest.param(b"\xef\xbb\xbfUser-agent: *\nDisallow: /a", "/a", False, id="byte-order mark"),
        pytest.param(b"User-agent: *\nDisallow: /\xe9\nDisallow: /a", "/a", False, id="not UTF-8"),
        pytest.param(b"User-agent: *\0\nDisallow: /a", "/a", True, id="NUL byte in the agent"),
    ],
)
def test_rules_follow_rfc_9309(robots: str | bytes, path: str, allowed: bool) -> None:
    assert allows(rules(robots), SITE + path) is allowed


@pytest.mark.parametrize(
    ("status", "allowed", "detail"),
    [
        (200, False, ""),
        (301, True, ""),  # a redirect without a target
        (400, True, ""),
        (401, True, ""),
        (403, True, ""),
        (404, True, ""),
        (410, True, ""),
        (451, True, ""),
        (500, False, "robots"),
        (503, False, "robots"),
        (599, False, "robots"),
        (502, False, "http_502"),  # a gateway reports that the site is down
        (504, False, "http_504"),
        (522, False, "http_522"),
    ],
)
def test_the_status_overrides_the_rules(status: int, allowed: bool, detail: str) -> None:
    failure = FetchError(SITE, f"http_{status}", "because", status=status)
    for found in (rules("User-agent: *\nDisallow: /", status), *([rules_of(failure)] if status >= 400 else [])):
        assert allows(found) is allowed
        assert getattr(found, "detail", "") == detail


@pytest.mark.parametrize(
    ("detail", "status", "expected"),
    [
        ("dns", None, "dns"),
        ("refused", None, "refused"),
        ("timeout", None, "timeout"),
        ("tls", None, "tls"),
        ("connection_lost", None, "connection_lost"),
        ("proxy", 502, "proxy"),
        ("http_500", 500, "robots"),
        ("http_502", 502, "http_502"),
        ("http_429", 429, "http_429"),  # also after a retry: the site gets no more requests
        ("retry_after", 503, "retry_after"),
        ("timeout", 200, "robots"),  # the missing rest may forbid anything
        ("cut_short", 200, "robots"),
        ("decode", 200, "robots"),
        ("timeout", 503, "robots"),
    ],
)
def test_a_failure_to_get_robots_txt_forbids_everything(detail: str, status: int | None, expected: str) -> None:
    found = rules_of(FetchError(SITE, detail, "because", status=status))
    assert isinstance(found, FetchError)
    assert found.detail == expected
    assert str(found)


def test_a_missing_robots_txt_allows_everything() -> None:
    assert allows(rules_of(FetchError(SITE, "http_404", "not found", status=404)))
    assert allows(rules_of(FetchError(SITE, "no_capture", "not held")))


@pytest.mark.parametrize(
    ("robots", "seconds"),
    [
        ("", 0),
        ("User-agent: *\nCrawl-delay: 2.5", 2.5),
        ("User-agent: *\nCrawl-delay: 2\nUser-agent: cegep-audit\nCrawl-delay: 5", 5),
        ("User-agent: *\nCrawl-delay: 2\nDisallow:\nUser-agent: cegep-audit\nDisallow:", 0),
        ("User-agent: *\nCrawl-delay: 2\nUser-agent: cegep-audit\nDisallow:", 2),  # one group: no rule separates them
        ("User-agent: *\nCrawl-delay: -1", 0),
        ("User-agent: *\nCrawl-delay: nan", 0),
        ("User-agent: *\nCrawl-delay: soon", 0),
        ("User-agent: *\nCrawl-delay: 1e9", 1e9),
    ],
)
def test_crawl_delay(robots: str, seconds: float) -> None:
    found = rules(robots)
    assert isinstance(found, Protego)
    assert (found.crawl_delay(PRODUCT_TOKEN) or 0.0) == seconds


def test_only_the_first_500_kib_count() -> None:
    first, last = b"User-agent: *\nDisallow: /a\n", b"\nDisallow: /b\n"
    text = first + b"#" * (ROBOTS_BYTES - len(first)) + last
    assert not allows(rules(text), f"{SITE}/a")
    assert allows(rules(text), f"{SITE}/b")


def test_a_file_with_many_agents_and_rules_takes_little_time() -> None:
    """Each rule applies to each agent above it, which would make 255 million rules."""
    agents = b"".join(b"User-agent:%d\n" % number for number in range(15_000))
    rules = b"Allow:/*a*b*c$\n" * 17_000
    began = time.process_time()
    parse_robots(agents + b"User-agent: *\n" + rules).can_fetch(f"{SITE}/{'abc' * 2000}", "cegep-audit")
    assert time.process_time() - began < 5  # takes 0.3 s; without the filter, minutes and gigabytes


def test_only_groups_for_us_or_for_everyone_are_kept() -> None:
    text = "User-agent: a\nUser-agent: *\nDisallow: /a\n# note\nSitemap: /s\nUser-agent: b\nDisallow: /b"
    assert relevant_lines(text) == ["User-agent: *", "Disallow: /a"]


@given(st.binary(max_size=2000))
def test_any_bytes_are_parsed(body: bytes) -> None:
    found = rules(body)
    assert isinstance(found, Protego)
    assert allows(found, f"{SITE}/robots.txt")
    allows(found, f"{SITE}/%zz?\0")
    assert (found.crawl_delay(PRODUCT_TOKEN) or 0.0) >= 0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 7 ", 7),
        ("2.5", 2.5),
        ("9" * 400, float("inf")),
        ("Mon, 23 Nov 2026 12:00:30 GMT", 30),  # IMF-fixdate
        ("Monday, 23-Nov-26 12:00:30 GMT", 30),  # RFC 850
        ("Mon Nov 23 12:00:30 2026", 30),  # asctime
        ("Mon, 23 Nov 2026 07:00:30 -0500", 30),
        ("Mon, 23 Nov 2020 12:00:00 GMT", 0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1e3", None),
        ("Mon, 99 Nov 2026 12:00:30 GMT", None),
        ("٣", None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    assert retry_after_s(value, NOON) == seconds


def test_a_retry_after_date_is_relative_to_the_clock_of_the_server() -> None:
    at, date = "Mon, 23 Nov 2026 13:00:10 GMT", "Mon, 23 Nov 2026 13:00:00 GMT"  # its clock is an hour ahead
    assert retry_after_s(at, NOON, date) == 10
    assert retry_after_s(at, NOON, "whenever") == 3610


@given(st.text())
def test_any_retry_after_is_a_wait_or_none(value: str) -> None:
    seconds = retry_after_s(value, NOON, value)
    assert seconds is None or seconds >= 0
