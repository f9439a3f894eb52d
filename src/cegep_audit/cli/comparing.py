"""Commands that set scans side by side: ``compare`` and ``trend``."""

from __future__ import annotations

import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cegep_audit.cli import printing
from cegep_audit.cli.options import DEFAULT_DB, DbOption, JsonOption, LangOption, resolve, say
from cegep_audit.cli.scans import finished_scans, scan_number
from cegep_audit.errors import UsageError
from cegep_audit.models import Scan
from cegep_audit.scan.plan import warc_path
from cegep_audit.store import Store

if TYPE_CHECKING:
    from cegep_audit.analyze.change.compare import Comparison


SameModeOption = Annotated[bool, typer.Option("--same-mode", help=say("complete.same_mode"))]


def register(app: typer.Typer) -> None:
    """Add the commands of this module to *app*."""
    app.command("compare", help=say("compare.help"))(compare)
    app.command("trend", help=say("trend.help"))(trend)


def compare(
    old: Annotated[str, typer.Argument(metavar="OLD", help=say("compare.old"))],
    new: Annotated[str, typer.Argument(metavar="NEW", help=say("compare.new"))],
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help=say("compare.output"))] = None,
    same_mode: SameModeOption = False,
    db: DbOption = DEFAULT_DB,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Say what was gained, lost and renamed between two scans, who entered or left, and how the shares moved."""
    from cegep_audit.analyze.change.compare import compare as set_side_by_side
    from cegep_audit.report.files import changes

    language = resolve(lang)
    if output:
        changes.check(output, language, (".csv", ".atom"))
    with Store.open(db, create=False, lang=language) as store:
        scans = [printing.load(store, scan_number(each))[0] for each in (old, new)]
    if scans[0].id == scans[1].id:
        raise UsageError(say("compare.same", scan=scans[0].id))
    scans = _by_mode(scans, same_mode=same_mode)
    comparison = set_side_by_side(*scans)
    if output:
        written = changes.write_comparison(comparison, output, language)
        printing.message(say("scan.written", files=", ".join(map(str, written))), quiet=False)
    if as_json:
        printing.print_json(_as_record(comparison))
        return
    from cegep_audit.report.terminal.screen import console, view
    from cegep_audit.report.text.comparison import comparison_blocks

    console(sys.stdout).print(view(comparison_blocks(comparison, language, _advice(scans[0], db))))


def _advice(scan: Scan, db: Path) -> str:
    """Return how *scan* could be judged by the rules of today."""
    kept_in = scan.settings.get("warc")
    path = warc_path(str(kept_in or ""), db, scan.id)
    if path is None or not path.exists():
        return say("compare.ask_again")
    registry = scan.settings.get("registry")
    words = ["cegep-audit", "scan", *([str(registry)] if registry else []), "--from-warc", str(path), "--db", str(db)]
    if asked := scan.settings.get("as_of"):
        words += ["--as-of", str(asked), "--max-drift", str(scan.settings["max_drift_days"])]
    return say("compare.replay", command=shlex.join(words))


def _as_record(comparison: Comparison) -> dict[str, object]:
    """Return *comparison* as JSON values: the two scans, who is comparable, each change and each share."""
    from cegep_audit.analyze.change.compare import Change
    from cegep_audit.analyze.findings import facts_to_json

    missing = [each.institution.id for each in comparison.changes if each.change is Change.NOT_COMPARABLE]
    return {
        "old": facts_to_json(comparison.old),
        "new": facts_to_json(comparison.new),
        "same_rules": comparison.has_same_rules,
        "compared": len(comparison.compared),
        "not_comparable": list(dict.fromkeys(missing)),
        "entered": [each.id for each in comparison.entered],
        "left": [each.id for each in comparison.left],
        "merged": [{"institution_id": was.id, "into": heir.id} for was, heir in comparison.merged],
        "renamed_institutions": [
            {"institution_id": new.id, "old": [old.name, old.type], "new": [new.name, new.type]}
            for old, new in comparison.renamed
        ],
        "counts": {change.value: comparison.count(change) for change in Change},
        "changes": [
            {
                "institution_id": each.institution.id,
                "network": each.network or None,
                "change": each.change.value,
                "old_account_url": each.old_url,
                "new_account_url": each.new_url,
            }
            for each in comparison.changes
        ],
        "networks_open_both_days": list(comparison.common),
        "test": {"name": "McNemar, exact, two-sided", "descriptive": True},
        "shares": [
            asdict(each) | {"old_share": each.old_share, "new_share": each.new_share, "points": each.points}
            for each in comparison.shares
        ],
    }


def trend(
    scans: Annotated[list[str] | None, typer.Argument(metavar="SCAN", help=say("trend.scans"))] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE.csv", help=say("trend.output"))] = None,
    same_mode: SameModeOption = False,
    db: DbOption = DEFAULT_DB,
    lang: LangOption = None,
) -> None:
    """Set scans side by side by date of capture: the shares, and who entered or left."""
    from cegep_audit.analyze.change.trend import trend as set_in_order
    from cegep_audit.report.files import changes
    from cegep_audit.report.terminal.screen import console, view
    from cegep_audit.report.text.trend import trend_blocks

    language = resolve(lang)
    if output:
        changes.check(output, language)
    with Store.open(db, create=False, lang=language) as store:
        numbers = [scan_number(each) for each in scans] if scans else finished_scans(store)
        loaded = {scan.id: scan for scan, _ in (printing.load(store, number) for number in numbers)}
    found = set_in_order(_by_mode(list(loaded.values()), same_mode=same_mode))
    if output:
        written = changes.write(changes.trend_of(found), changes.moves_of(found), output, language)
        printing.message(say("scan.written", files=", ".join(map(str, written))), quiet=False)
    console(sys.stdout).print(view(trend_blocks(found, language)))


def _by_mode(scans: list[Scan], *, same_mode: bool) -> list[Scan]:
    """Say which institutions the scans read by different modes; with *same_mode*, leave them out."""
    from cegep_audit.analyze.completion import read_differently
    from cegep_audit.analyze.presence import without_institutions

    ids = read_differently(scans)
    if not ids:
        return scans
    key = "complete.modes_left_out" if same_mode else "complete.modes_differ"
    printing.message(say(key, count=len(ids), ids=", ".join(ids)), quiet=False)
    return [without_institutions(scan, set(ids)) for scan in scans] if same_mode else scans
