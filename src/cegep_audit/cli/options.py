"""Options that several commands share, and the language that a call speaks."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated

import typer

from cegep_audit.errors import UsageError
from cegep_audit.phrases import catalogue
from cegep_audit.phrases.locales import Language, pick_language
from cegep_audit.text import excerpt

DEFAULT_DB = Path("cegep-audit.db")
DEFAULT_OUTPUT = Path("report.csv")


class Lang(StrEnum):
    """The languages spoken."""

    FR = "fr"
    EN = "en"


@cache
def asked_language() -> Language:
    """Return the language of this call, known before its options are parsed: help is spoken in it too."""
    words = sys.argv[1:]
    after = (words[place + 1] for place, word in enumerate(words[:-1]) if word == "--lang")
    joined = (word.removeprefix("--lang=") for word in words if word.startswith("--lang="))
    return pick_language(next((word for word in (*after, *joined) if word in set(Lang)), None), os.environ)


def say(key: str, **values: object) -> str:
    """Return the sentence *key* in the language of this call."""
    return catalogue.say(key, asked_language(), **values)


def resolve(lang: Lang | None) -> Language:
    """Return the language to print in: *lang* where it was given."""
    return "fr" if lang is Lang.FR else "en" if lang is Lang.EN else asked_language()


def _basket(name: str) -> str:
    from cegep_audit.analyze.presence import basket_names

    if name not in (names := basket_names()):
        raise UsageError(say("usage.choice", what="--basket", value=name, choices=", ".join(names)))
    return name


def _columns(names: list[str] | None) -> list[str] | None:
    """Return the columns of the registry that *names* stand for, in either language."""
    from cegep_audit.registry.headings import fold, registry_headings

    known = registry_headings().columns
    return [known.get(fold(name), name) for name in names] if names else names


def read_bins(text: str | None) -> tuple[float, ...]:
    """Return the starts of ranges that ``--bins`` gives; raise UsageError for anything but a list of numbers."""
    try:
        return tuple(sorted({float(part) for part in text.split(",")})) if text else ()
    except ValueError:
        raise UsageError(say("usage.bins", value=excerpt(text or ""))) from None


DbOption = Annotated[Path, typer.Option("--db", metavar="FILE", help=say("help.db"))]
LangOption = Annotated[Lang | None, typer.Option("--lang", help=say("help.lang"))]
JsonOption = Annotated[bool, typer.Option("--json", help=say("help.json"))]
ScanArgument = Annotated[str, typer.Argument(metavar="SCAN", help=say("help.scan_argument"), show_default=False)]
IdOption = Annotated[list[str] | None, typer.Option("--id", metavar="ID", help=say("help.id"))]
TypeOption = Annotated[list[str] | None, typer.Option("--type", metavar="TYPE", help=say("help.type"))]
RegionOption = Annotated[list[str] | None, typer.Option("--region", metavar="REGION", help=say("help.region"))]
LanguageOption = Annotated[list[str] | None, typer.Option("--language", metavar="LANGUAGE", help=say("help.language"))]
LimitOption = Annotated[int | None, typer.Option("--limit", metavar="N", help=say("help.limit"))]
PartsOption = Annotated[bool, typer.Option("--with-parts", help=say("help.with_parts"))]
ByOption = Annotated[list[str] | None, typer.Option("--by", metavar="COLUMN", help=say("help.by"), callback=_columns)]
BinsOption = Annotated[str | None, typer.Option("--bins", metavar="A,B,…", help=say("help.bins"))]
MinNetworksOption = Annotated[int, typer.Option("--min-networks", min=1, metavar="K", help=say("help.min_networks"))]
BasketOption = Annotated[str, typer.Option("--basket", metavar="NAME", help=say("help.basket"), callback=_basket)]
SampleOption = Annotated[int | None, typer.Option("--sample-of", min=1, metavar="N", help=say("help.sample_of"))]
ContactOption = Annotated[
    str | None,
    typer.Option(
        "--contact", metavar="TEXT", envvar="CEGEP_AUDIT_CONTACT", help=say("help.contact"), show_default=False
    ),
]
MaxPagesOption = Annotated[int, typer.Option("--max-pages", min=1, metavar="N", help=say("help.max_pages"))]
PrivateOption = Annotated[bool, typer.Option("--allow-private", help=say("help.allow_private"))]
OutputOption = Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help=say("help.output"))]
TimegateOption = Annotated[str, typer.Option("--timegate", metavar="URL", help=say("help.timegate"))]
DriftOption = Annotated[int, typer.Option("--max-drift", min=0, metavar="DAYS", help=say("help.max_drift"))]
SaveWarcOption = Annotated[Path | None, typer.Option("--save-warc", metavar="FILE", help=say("help.save_warc"))]
NoWarcOption = Annotated[bool, typer.Option("--no-warc", help=say("help.no_warc"))]
QuietOption = Annotated[bool, typer.Option("-q", "--quiet", help=say("help.quiet"))]
VerboseOption = Annotated[bool, typer.Option("-v", "--verbose", help=say("help.verbose"))]
