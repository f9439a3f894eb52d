"""What commands share: arguments, options, and how they print results, and messages on standard error."""

import json
import shlex
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cegep_audit import phrases
from cegep_audit.cli.program import asked_language, say
from cegep_audit.errors import UsageError
from cegep_audit.models import Limits
from cegep_audit.phrases.locales import LOCALES, Language
from cegep_audit.text import excerpt, plain, slug

if TYPE_CHECKING:  # --help does without
    from cegep_audit.report.blocks import Block

DB = Path("cegep-audit.db")
OUTPUT = Path("report.csv")
LIMITS = Limits()
PAGE_ENDINGS = (".html", ".htm")
_LONGEST_S = 3600  # longest delay or time-out that a user may ask for


def argument(metavar: str, key: str, **settings: Any) -> Any:  # noqa: ANN401 - what Typer returns
    """Declare an argument; its help is the sentence ``help.`` *key*."""
    return typer.Argument(metavar=metavar, help=say(f"help.{key}"), show_default=False, **settings)


def option(*names: str, panel: str, key: str = "", **settings: Any) -> Any:  # noqa: ANN401 - what Typer returns
    """Declare an option, shown in a *panel* of the help; its help is the sentence ``help.`` *key*, or of its name."""
    key = key or names[-1].lstrip("-").replace("-", "_")
    return typer.Option(*names, help=say(f"help.{key}"), rich_help_panel=say(f"panel.{panel}"), **settings)


what, how, where, count, writes, display = (
    partial(option, panel=panel) for panel in ("what", "how", "where", "count", "write", "display")
)


def scan_number(text: str) -> int | None:
    """Return the number of the scan that a user names, None for the latest; raise UsageError for anything else."""
    if text == "latest":
        return None
    if text.isascii() and text.isdigit() and len(text) < 10:  # noqa: PLR2004 - no database holds a billion scans
        return int(text)
    raise UsageError(say("error.bad_scan", scan=text))


def _basket(text: str) -> str:
    """Return the basket that a user names, by its name or its title in either language; raise UsageError."""
    from cegep_audit.analyze.presence import basket_names

    names = basket_names()
    titles = {slug(phrases.say(f"basket.{name}", lang)): name for name in names for lang in LOCALES}
    if slug(text) not in {*names, *titles}:
        raise UsageError(say("usage.choice", what="--basket", value=text, choices=", ".join(names)))
    return titles.get(slug(text), slug(text))


def column(name: str) -> str:
    """Return the column of the registry that a user names by its heading, or as reports call it, in either language."""
    from cegep_audit.phrases import called
    from cegep_audit.registry.institutions import registry_headings

    columns = registry_headings()
    shown = (each for each in columns.values() if slug(name) in map(slug, called("column", each)))
    return columns.get(slug(name)) or next(shown, name)


def _bins(text: str) -> tuple[float, ...]:
    """Return the starts of ranges that ``--bins`` gives; raise UsageError for anything but a list of numbers."""
    try:
        return tuple(sorted({float(part) for part in text.split(",")})) if text else ()
    except ValueError:
        raise UsageError(say("usage.bins", value=excerpt(text))) from None


def criteria(context: typer.Context) -> dict[str, Any]:
    """Return the criteria of :func:`~cegep_audit.registry.institutions.select` that this call gives."""
    given = context.params
    chosen = {name: given[name] or () for name in ("ids", "types", "regions", "languages")}
    return {**chosen, "limit": given["limit"], "with_parts": given["with_parts"]}


Scan = Annotated[int | None, argument("SCAN", "scan_argument", parser=scan_number)]
OneScan = Annotated[str, argument("SCAN", "scan_argument")]  # required, and Typer takes None for missing

# what to audit
Ids = Annotated[list[str] | None, what("--id", metavar="ID")]
Types = Annotated[list[str] | None, what("--type", metavar="TYPE")]
Regions = Annotated[list[str] | None, what("--region", metavar="REGION")]
Languages = Annotated[list[str] | None, what("--language", metavar="LANGUAGE")]
Limit = Annotated[int | None, what("--limit", metavar="N")]
WithParts = Annotated[bool, what("--with-parts")]

# where from
Db = Annotated[Path, where("--db", metavar="FILE")]
Timegate = Annotated[str, where("--timegate", metavar="URL")]
MaxDrift = Annotated[int, where("--max-drift", min=0, metavar="DAYS")]

# how to collect
Contact = Annotated[str | None, how("--contact", metavar="TEXT", envvar="CEGEP_AUDIT_CONTACT", show_default=False)]
MaxPages = Annotated[int, how("--max-pages", min=1, metavar="N")]
DELAY = how("--delay", min=0, max=_LONGEST_S, metavar="S")
CONCURRENCY = how("--concurrency", min=1, max=1000, metavar="N")
TIMEOUT = how("--timeout", min=0.1, max=_LONGEST_S, metavar="S")
AllowPrivate = Annotated[bool, how("--allow-private")]

# what to count
By = Annotated[list[str] | None, count("--by", metavar="COLUMN", parser=column)]
Bins = Annotated[Any, count("--bins", metavar="A,B", parser=_bins, show_default=False)]
MinNetworks = Annotated[int, count("--min-networks", min=1, metavar="K")]
Basket = Annotated[str, count("--basket", metavar="NAME", callback=_basket)]
SampleOf = Annotated[int | None, count("--sample-of", min=1, metavar="N")]
Layer = Annotated[Literal["detected", "coded"], count("--layer")]

# what to write
KeptIn = Annotated[Path, writes("--db", metavar="FILE")]
Output = Annotated[Path, writes("-o", "--output", metavar="FILE")]
SaveWarc = Annotated[Path | None, writes("--save-warc", metavar="FILE", resolve_path=True)]
NoWarc = Annotated[bool, writes("--no-warc")]

# display
Lang = Annotated[Language, display("--lang", default_factory=asked_language, show_default=False)]
Json = Annotated[bool, display("--json")]
Quiet = Annotated[bool, display("-q", "--quiet")]
Verbose = Annotated[bool, display("-v", "--verbose")]


def note(key: str, *, quiet: bool = False, **facts: object) -> None:
    """Print the sentence *key* on standard error, unless *quiet*."""
    if not quiet:
        print(plain(say(key, **facts)), file=sys.stderr)


def written(*files: Path) -> None:
    """Say which *files* were written."""
    note("scan.written", files=", ".join(map(str, files)))


def to_copy(*words: object, db: Path = DB) -> str:
    """Return the command of *words* for a person to copy; it names the database *db* unless it is the usual one."""
    return shlex.join(map(str, ["cegep-audit", *words, *(["--db", db] if db != DB else [])]))


def result_line(text: str) -> None:
    """Print one line on standard output."""
    print(plain(text))


def show_blocks(blocks: "Iterable[Block]", *, is_wide: bool = False) -> None:
    """Print a document on standard output; *is_wide* lets it fill the window."""
    from cegep_audit.report.terminal.screen import WIDTH, console, view

    console(sys.stdout).print(view(blocks, None if is_wide else WIDTH))


def print_json(value: object, *, indent: int | None = 2) -> None:
    """Print *value* as JSON on standard output; characters that could control a terminal are escaped."""
    from cegep_audit.analyze.findings import json_values

    text = json.dumps(value, ensure_ascii=False, indent=indent, default=json_values)
    if not text.isprintable():
        text = "".join(char if char.isprintable() or char in "\n\xa0" else json.dumps(char)[1:-1] for char in text)
    sys.stdout.write(f"{text}\n")


def fields(item: object, *names: str) -> dict[str, object]:
    """Return the attributes *names* of *item* by name."""
    return {name: getattr(item, name) for name in names}
