"""Plans of scans: the request is stored with the scan, and read back to resume it."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from cegep_audit.clock import now
from cegep_audit.collect.browser import VARIABLE
from cegep_audit.errors import UsageError
from cegep_audit.models import Limits
from cegep_audit.scan.plan import Plan, begin, begin_completion, check_sources, draft, resume
from cegep_audit.scan.request import Completion, Mode, Render, Request, output_of, read_past
from cegep_audit.store import Store

DAYS = ["2011-09-06", "2016-09-06"]
GATE = "https://archive.test/web/"


@pytest.fixture
def request_(tmp_path: Path) -> Request:
    registry = tmp_path / "registry.csv"
    registry.write_text("id,name,website\na,A,http://a.test/\nb,B,http://b.test/\n", "utf-8")
    return Request(tmp_path / "audit.db", "en", registry, limits=Limits(concurrency=2), contact="c@a.test")


def begin_scans(request: Request) -> list[Plan]:
    """Begin the scans of *request* and leave them unfinished, as a killed process does."""
    with Store(request.db, create=True) as store:
        return [begin(store, request, *each) for each in draft(request)]


def resume_scans(request: Request) -> list[Plan]:
    with Store(request.db, create=False) as store:
        return resume(Request(request.db, request.lang), store)


REQUESTS = {
    "defaults": {},
    "rendering": {"render": Render.AUTO},
    "one day": {"past": read_past(DAYS[:1], GATE, 9, "en")},
    "several days": {"past": read_past(DAYS, GATE, 9, "en")},
    "no WARC": {"no_warc": True},
    "one institution": {"selection": {"ids": ["b"]}},
}


@pytest.mark.parametrize("case", REQUESTS)
def test_resumed_scan_has_the_same_plan(case: str, request_: Request) -> None:
    plans = begin_scans(replace(request_, **REQUESTS[case]))  # type: ignore[arg-type] # fields of a request
    resumed = resume_scans(request_)
    assert [plan.scan for plan in resumed] == [plan.scan for plan in plans]
    assert [plan.waiting for plan in resumed] == [plan.waiting for plan in plans]
    assert [plan.warc for plan in resumed] == [plan.warc for plan in plans]
    for name in ("past", "render", "limits", "contact"):
        assert [getattr(plan.request, name) for plan in resumed] == [getattr(plan.request, name) for plan in plans]


def test_scans_of_several_days_have_separate_output_files(request_: Request) -> None:
    plans = begin_scans(
        replace(request_, past=read_past(DAYS, GATE, 9, "en"), save_warc=request_.db.with_name("w.warc.gz"))
    )
    assert [plan.request.past and plan.request.past.as_of for plan in plans] == list(map(date.fromisoformat, DAYS))
    outputs = [output_of(Path("report.csv"), plan.request.past) for plan in plans]
    assert outputs == [Path(f"report-{day}.csv") for day in DAYS]
    assert [plan.warc and plan.warc.name for plan in plans] == [f"w-{day}.warc.gz" for day in DAYS]


def test_resumed_completion_asks_the_archive_for_its_own_day(request_: Request) -> None:
    """The completion asks for another day than the scan that it completes, which is one of several."""
    plan = begin_scans(replace(request_, past=read_past(DAYS, GATE, 9, "en")))[1]
    completion = Completion((Mode.ARCHIVE, Mode.SAVED), ("pages",), archive_refused=True)
    request = replace(request_, past=read_past(["2016-10-01"], GATE, 60, "en"), completion=completion)
    with Store(request_.db, create=False) as store:
        store.finish_scan(1, now())
        store.finish_scan(2, now())
        first = begin_completion(request, store, store.load(plan.scan.id))
    (resumed,) = resume_scans(request_)
    assert (resumed.request.past, resumed.request.completion) == (request.past, completion)
    assert resumed.base == first.base
    assert output_of(Path("report.csv"), resumed.request.past) == Path("report.csv")


@pytest.mark.parametrize("of_scan", Render)
@pytest.mark.parametrize("modes", [(Mode.RETRY,), (Mode.RETRY, Mode.RENDER), (Mode.RENDER,), (Mode.CODED, Mode.SAVED)])
def test_resumed_completion_needs_a_browser_only_if_its_modes_render(
    modes: tuple[Mode, ...], of_scan: Render, request_: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the scan that it completes rendered pages makes no difference."""
    monkeypatch.setenv(VARIABLE, "no-such-browser")
    begin_scans(replace(request_, render=of_scan))
    with Store(request_.db, create=False) as store:
        store.finish_scan(1, now())
        begin_completion(replace(request_, completion=Completion(modes)), store, store.load(1))
    (resumed,) = resume_scans(request_)
    assert resumed.request.render is (Render.ALWAYS if Mode.RENDER in modes else Render.NEVER)
    if Mode.RENDER not in modes:
        check_sources(resumed.request)
        return
    with pytest.raises(UsageError):
        check_sources(resumed.request)
