"""Addresses of mementos (URI-M), and the drift of a capture from the day requested."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cegep_audit.clock import read_mail_date
from cegep_audit.collect.archive import (
    Moment,
    Period,
    drift_days,
    read_uri_m,
    redirect_of,
    stamp_of,
    timegate_of,
    uri_m,
)
from cegep_audit.urls import crawl_key

BASE = "https://web.archive.org/web/"
HOME = "http://www.cegeprb.test/"


@pytest.mark.parametrize(
    ("location", "moment"),
    [
        (f"{BASE}20110902120000id_/{HOME}", ("20110902120000", HOME)),
        (f"{BASE}20110902120000/{HOME}", ("20110902120000", HOME)),
        (f"{BASE}20110902120000mp_/{HOME}", ("20110902120000", HOME)),
        (f"{BASE}2011/{HOME}", ("2011", HOME)),
        (f"/web/20110902120000id_/{HOME}", ("20110902120000", HOME)),
        (f"{BASE}20110902120000id_/http://www.cegeprb.test:80/", ("20110902120000", HOME)),
        (f"{BASE}20110902120000id_/http:/www.cegeprb.test/", ("20110902120000", HOME)),
        (f"{BASE}20110902120000id_/HTTP://WWW.cegeprb.test", ("20110902120000", HOME)),
        (f"{BASE}20110902120000id_/{HOME}a?u=http://x.test/#b", ("20110902120000", f"{HOME}a?u=http://x.test/")),
        (
            f"{BASE}20150101000000id_/{BASE}20110902120000/{HOME}",
            ("20150101000000", f"{BASE}20110902120000/{HOME}"),
        ),
        (HOME, None),
        ("/accueil", None),
        (f"{BASE}*/{HOME}", None),
        (f"{BASE}20110902120000id_/", None),
        (f"{BASE}20110902120000id_/ftp://www.cegeprb.test/", None),
        ("", None),
        ("http://[", None),
    ],
)
def test_read_uri_m(location: str, moment: tuple[str, str] | None) -> None:
    assert read_uri_m(f"{BASE}20110906120000id_/{HOME}", location) == moment


@given(
    st.datetimes(min_value=datetime(1996, 1, 1), max_value=datetime(2030, 1, 1)),  # noqa: DTZ001 -- made aware below
    st.sampled_from([HOME, "https://a.test:8443/é?q=1&r=http://b.test/2011/", "http://b.test/20110101/http/"]),
)
def test_a_uri_m_can_be_read_back(at: datetime, url: str) -> None:
    moment = Moment(stamp_of(at.replace(tzinfo=UTC)), crawl_key(url))
    written = uri_m("http://127.0.0.1:8090/coll/", moment)
    assert read_uri_m(written, written) == moment
    assert moment.at == at.replace(microsecond=0, tzinfo=UTC)


@pytest.mark.parametrize("stamp", ["2011", "20111399000000", "2011090212000"])
def test_a_short_or_invalid_timestamp_has_no_moment(stamp: str) -> None:
    assert Moment(stamp, HOME).at is None


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/accueil", f"{HOME}accueil"),
        ("accueil?a=1", f"{HOME}fr/accueil?a=1"),
        ("http://autre.test/", "http://autre.test/"),
        (f"{BASE}20110902120000id_/http://autre.test/x", "http://autre.test/x"),
        (f"/web/20110902120000id_/{HOME}x", f"{HOME}x"),
        ("mailto:a@b.test", None),
        ("http://[", None),
        ("", None),
    ],
)
def test_the_original_target_of_an_archived_redirect(location: str, target: str | None) -> None:
    memento = Moment("20110902120000", f"{HOME}fr/index.html")
    assert redirect_of(memento, uri_m(BASE, memento), location) == target


def test_a_day_is_requested_at_noon() -> None:
    assert stamp_of(Period(date(2011, 9, 6)).noon) == "20110906120000"


def test_a_capture_beyond_the_maximum_drift_is_refused() -> None:
    period = Period(date(2011, 9, 6), max_drift_days=2)
    assert period.refusal(datetime(2011, 9, 8, 23, 59, tzinfo=UTC)) == ""
    refusal = period.refusal(datetime(2011, 9, 9, tzinfo=UTC))
    assert refusal == "the nearest capture is of 2011-09-09, 3 days off: --max-drift 3 would take it"


@pytest.mark.parametrize(
    ("url", "timegate"),
    [
        (BASE, BASE),
        ("http://127.0.0.1:8090/coll", "http://127.0.0.1:8090/coll/"),
        ("http://127.0.0.1:8090/coll//", "http://127.0.0.1:8090/coll/"),
        ("https://archive.test", "https://archive.test/"),
        ("web.archive.org/web/", None),
        ("ftp://archive.test/", None),
        ("https://archive.test/?url=", None),
        ("", None),
    ],
)
def test_timegate_of(url: str, timegate: str | None) -> None:
    assert timegate_of(url) == timegate


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("Fri, 02 Sep 2011 12:00:00 GMT", datetime(2011, 9, 2, 12, tzinfo=UTC)),
        ("Fri, 02 Sep 2011 08:00:00 -0400", datetime(2011, 9, 2, 12, tzinfo=UTC)),
        ("Fri, 02 Sep 2011 12:00:00", datetime(2011, 9, 2, 12, tzinfo=UTC)),
        ("", None),
        ("yesterday", None),
        ("Fri, 99 Sep 2011 12:00:00 GMT", None),
    ],
)
def test_read_mail_date(value: str, moment: datetime | None) -> None:
    assert read_mail_date(value) == moment


@pytest.mark.parametrize(
    ("captured_at", "days"),
    [
        (datetime(2011, 9, 6, 0, 0, tzinfo=UTC), 0),
        (datetime(2011, 9, 6, 23, 59, tzinfo=UTC), 0),
        (datetime(2011, 9, 7, 0, 0, tzinfo=UTC), 1),
        (datetime(2011, 9, 5, 23, 59, tzinfo=UTC), 1),
        (datetime(2011, 9, 6, 21, 0, tzinfo=timezone(timedelta(hours=-4))), 1),
        (datetime(2010, 9, 6, 12, 0, tzinfo=UTC), 365),
    ],
)
def test_drift_is_counted_in_calendar_days(captured_at: datetime, days: int) -> None:
    assert drift_days(date(2011, 9, 6), captured_at) == days
