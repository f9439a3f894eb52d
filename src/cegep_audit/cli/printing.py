"""What commands print: messages and progress on standard error, results on standard output."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cegep_audit.cli.layers import load
from cegep_audit.cli.options import DB
from cegep_audit.cli.usage import say
from cegep_audit.collect.archive.uri_m import drift_days
from cegep_audit.collect.http.progress import FIRST_SITES, Connectivity
from cegep_audit.models import InstitutionResult, Scan
from cegep_audit.phrases.locales import Language
from cegep_audit.scan.concurrent import Observer
from cegep_audit.scan.plan import Plan, day_of
from cegep_audit.store import Store
from cegep_audit.text import plain
from cegep_audit.vocabulary import Detail, ReadBy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType

    from cegep_audit.coding.overrides import Use
    from cegep_audit.report.blocks import Block

EXIT_OK, EXIT_NOTHING_ASSESSED = 0, 1
_LAST_TIMEOUTS = 2  # that the last site of a scan may cost: one of robots.txt or of a page, and what came before it
SUMMARY_BASKETS = ("all", "classic")  # networks a reader of today, and of ten years ago, would count


@dataclass(frozen=True, slots=True)
class Shown:
    """Where a scan's report goes and what is printed of it."""

    output: Path
    lang: Language
    as_json: bool = False
    quiet: bool = False
    verbose: bool = False


def note(key: str, *, quiet: bool = False, **facts: object) -> None:
    """Print the sentence *key* on standard error, unless *quiet*."""
    if not quiet:
        print(plain(say(key, **facts)), file=sys.stderr)


def written(*files: Path, quiet: bool = False) -> None:
    """Say which *files* were written."""
    note("scan.written", quiet=quiet, files=", ".join(map(str, files)))


def result_line(text: str) -> None:
    """Print one line on standard output."""
    print(plain(text))


def show(table: RenderableType) -> None:
    """Print what Rich renders on standard output."""
    from cegep_audit.report.terminal.screen import console

    console(sys.stdout).print(table)


def show_blocks(blocks: Iterable[Block], *, is_wide: bool = False) -> None:
    """Print a document on standard output; *is_wide* lets it fill the window."""
    from cegep_audit.report.terminal.screen import WIDTH, view

    show(view(blocks, None if is_wide else WIDTH))


def print_json(value: object, *, indent: int | None = 2) -> None:
    """Print *value* as JSON on standard output, with each character that could drive a terminal escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, default=_as_json)
    if not text.isprintable():
        text = "".join(char if char.isprintable() or char in "\n\xa0" else json.dumps(char)[1:-1] for char in text)
    sys.stdout.write(f"{text}\n")


def _as_json(value: object) -> str | None:
    from cegep_audit.analyze.findings import timestamp

    if not isinstance(value, date):
        raise TypeError(f"{type(value).__name__} has no form in JSON")
    return timestamp(value) if isinstance(value, datetime) else value.isoformat()


def fields(item: object, *names: str) -> dict[str, object]:
    """Return the attributes *names* of *item* by name."""
    return {name: getattr(item, name) for name in names}


@contextmanager
def progress(plan: Plan, shown: Shown) -> Iterator[Observer]:
    """Show how far the scan is, on standard error; nothing where the user wants quiet."""
    if shown.quiet:
        yield Observer()
        return
    from cegep_audit.report.terminal.progress import Progress

    limits = plan.limits
    with Progress(
        len(plan.institutions),
        shown.lang,
        done=len(plan.institutions) - len(plan.waiting),
        slots=min(limits.concurrency, len(plan.waiting)),
        tail_s=0.0 if plan.request.warcs else _LAST_TIMEOUTS * limits.timeout_s,  # a file never has us wait
        explains=shown.verbose,
    ) as observer:
        yield observer


def tell(result: InstitutionResult, plan: Plan, shown: Shown, observer: Observer) -> None:
    """Say that an error of this program befell one institution; with ``--verbose``, what every page brought."""
    if result.detail == Detail.INTERNAL_ERROR:
        lines = result.message.splitlines()
        after_calls = max((place for place, line in enumerate(lines) if line.startswith("  ")), default=-1) + 1
        note("scan.internal_fault", institution=result.institution.id, error=" ".join(lines[after_calls:]))
    elif shown.verbose:
        past = plan.request.past
        is_captured = plan.base and past and result.read_by is ReadBy.ARCHIVE
        asked = past.days[0] if past and is_captured else day_of(plan.settings)
        for line in _explain(result, asked):
            observer.note(line)


def tell_cut_off(connectivity: Connectivity, lang: Language) -> None:
    """Say that none of the first sites gave an answer, and the commonest reason."""
    from cegep_audit.report.text.words import detail_words

    note("scan.cut_off", count=FIRST_SITES, reason=detail_words(connectivity.commonest, lang))


def _explain(result: InstitutionResult, asked: date | None) -> Iterator[str]:
    """Yield why each page of a site was read and what it brought, and what failed.

    *asked* is the day in the past that the pages were asked for: then it is said how far off each is.
    """
    site: dict[str, Any] = {"institution": result.institution.id}
    for page in result.pages:
        facts = site | {"url": page.url, "why": page.why, "brought": page.brought}
        if asked is None:
            yield say("scan.page_read", **facts)
        else:
            drift = say("scan.drift", count=drift_days(asked, page.captured_at))
            yield say("scan.page_captured", **facts, day=page.captured_at.date().isoformat(), drift=drift)
        if page.rendering:
            needs = ", ".join(say(f"need.{need}") for need in page.rendering.needs)
            yield say("scan.page_rendered", **site, browser=page.rendering.browser, needs=needs)
    for failure in result.failures:
        reason = failure.message.strip().rpartition("\n")[2]
        yield say("scan.page_failed", **site, url=failure.url, detail=failure.detail, reason=reason)


def results(store: Store, scan_id: int | None, shown: Shown) -> int:
    """Write the report, print the summary, and return the exit code."""
    from cegep_audit.analyze.findings import facts_of, to_json
    from cegep_audit.report.files.export import write

    scan, uses = load(store, scan_id)
    _tell_overrides(scan, uses, quiet=shown.quiet)
    if rendered := facts_of(scan).rendered:
        note("scan.rendered", quiet=shown.quiet, count=len(rendered), sites=", ".join(rendered))
    files = write(scan, shown.output, shown.lang)
    if shown.as_json:
        from cegep_audit.analyze.stats import summary  # with numpy, which a quiet scan does without

        print_json(to_json(summary(scan)))
    elif not shown.quiet:
        print_summary(scan, shown.lang)
        written(*files)
        _say_next(scan, store.path)
    if not any(result.status.is_assessed for result in scan.results):
        key = "scan.nothing_captured" if scan.mode == "as_of" else "scan.nothing_assessed"
        note(key, count=len(scan.institutions))
        return EXIT_NOTHING_ASSESSED
    return EXIT_OK


def print_summary(scan: Scan, lang: Language) -> None:
    """Print the summary table on standard output."""
    from cegep_audit.analyze.stats import summary
    from cegep_audit.report.text.overview import summary_blocks

    show_blocks(summary_blocks(scan, [summary(scan, basket) for basket in SUMMARY_BASKETS], lang))


def completing_command(scan: Scan, db: Path) -> str:
    """Return the command that reads again what *scan* could not assess, ready to copy."""
    from cegep_audit.analyze.completion import helpful_modes
    from cegep_audit.analyze.presence import causes

    helpful = {mode for cause in causes(scan) for mode in helpful_modes(cause.detail)}
    modes = [f"--{mode}" for mode in ("retry", "render", "archive") if mode in helpful]
    return _to_copy("complete", str(scan.id), *modes, db=db)


def _to_copy(*words: str, db: Path) -> str:
    return shlex.join(["cegep-audit", *words, *(["--db", str(db)] if db != DB else [])])


def _say_next(scan: Scan, db: Path) -> None:
    """Say what a user would do next: complete the scan, or look at it."""
    if any(result.detail == Detail.PRIVATE_ADDRESS for result in scan.results):
        note("complete.private")
    left = sum(not result.status.is_assessed for result in scan.results)
    if left and scan.mode != "as_of":
        note("complete.left", scan=scan.id, count=left, total=len(scan.institutions))
        note("complete.command", command=completing_command(scan, db))
    note("complete.next_report", command=_to_copy("report", str(scan.id), "-o", "report.html", db=db))


def _tell_overrides(scan: Scan, uses: Sequence[Use], *, quiet: bool) -> None:
    """Say each use of an override, and which met no account."""
    from cegep_audit.coding.overrides import overrides_of

    used = [use.override for use in uses]
    for each in overrides_of(scan):
        facts = {"institution": each.institution_id, "url": each.account_url, "decision": each.decision}
        note("scan.override_used" if each in used else "scan.override_unused", quiet=quiet, **facts)
