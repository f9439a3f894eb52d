"""The documentation matches the code: commands, rules, numbers, links and sample output."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import readme_output
from commands import Done
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from readme_output import READMES, undated
from rows import every_row
from typer import Context
from typer.main import get_command
from typer.testing import CliRunner

from cegep_audit import __version__
from cegep_audit.cli import app
from cegep_audit.coding.decisions import OVERRIDE
from cegep_audit.detect.accounts.attribution import PERSONAL, RULES, SHARED
from cegep_audit.models import Limits
from cegep_audit.phrases import _sentences
from cegep_audit.registry.institutions import read_registry, select

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "cegep_audit"
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("tests/**/*.md")]
)
FRENCH = (
    "LISEZMOI.md",
    "docs/codage.md",
    "docs/guides.md",
    "docs/methode.md",
    "docs/observatoire.md",
    "docs/registre.md",
    "docs/tutoriel.md",
)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def read(page: str) -> str:
    return (ROOT / page).read_text("utf-8")


def prose(page: str) -> str:
    """Return the text of *page* without code."""
    return re.sub(r"```.*?```|`[^`\n]*`", "", read(page), flags=re.DOTALL)


# ------------------------------------------------------------------------------------------ commands


def commands(group: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    context = Context(group)
    for word in group.list_commands(context):
        command = group.get_command(context, word)
        yield f"{name}{word}", command
        if hasattr(command, "list_commands"):
            yield from commands(command, f"{name}{word} ")


COMMANDS = dict(commands(get_command(app)))


@every_row(COMMANDS.keys())
def test_every_command_is_documented_and_has_help(name: str) -> None:
    for page in READMES:
        assert read(page).count(f"| `cegep-audit {name}` |") == 1, f"{page}: exactly one row in the table of commands"
    assert re.search(rf"^##+ `cegep-audit {name}`$", read("docs/cli.md"), re.MULTILINE), "out of date: run make docs"
    told = CliRunner().invoke(app, [*name.split(), "--help"])
    assert told.exit_code == 0
    assert name.rsplit(maxsplit=1)[-1] in told.output


@pytest.mark.parametrize("page", READMES)
def test_readme_names_only_existing_commands(page: str) -> None:
    written = re.findall(r"cegep-audit ([a-z]+(?: check)?)\b", read(page))
    assert set(written) <= set(COMMANDS)


def test_every_help_text_is_in_the_phrases() -> None:
    said = {text for row in _sentences().values() for forms in row.values() for text in forms.values()}
    helps = {name: command.help for name, command in COMMANDS.items()}
    helps |= {
        f"{name} {option.name}": option.help
        for name, command in COMMANDS.items()
        for option in command.params
        if option.name != "help"
    }
    assert [name for name, text in helps.items() if text not in said] == []


def test_every_help_phrase_is_used() -> None:
    shown = {app.info.help, *(option.help for option in get_command(app).params)}
    shown |= {command.help for command in COMMANDS.values()}
    shown |= {option.help for command in COMMANDS.values() for option in command.params}
    helps = {key: row for key, row in _sentences().items() if key.startswith("help.")}
    assert [key for key, row in helps.items() if not shown & {*row["fr"].values(), *row["en"].values()}] == []


def test_the_command_reference_is_current() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "typer", "cegep_audit.cli", "utils", "docs", "--name", "cegep-audit"],
        env=os.environ | {"LC_ALL": "en_CA.UTF-8", "PYTHONUTF8": "1", "NO_COLOR": "1"},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=True,
    )
    assert made.stdout.strip() == read("docs/cli.md").strip(), "out of date: run make docs"


# ------------------------------------------------------------------------------------------ the README's output


def test_readme_output_matches_the_demo(demo_run: Done) -> None:
    printed = readme_output.printed(demo_run.folder / "demo" / "demo.db")
    output = {page: undated(text) for page, text in printed.items()}
    assert {page: undated(readme_output.shown(page)) for page in READMES} == output, "out of date: run make docs"


@pytest.mark.parametrize("page", READMES)
def test_readme_explains_the_share_that_its_output_shows(page: str) -> None:
    output = readme_output.shown(page)
    assessed, total = map(int, re.findall(r"^(\d+) .*? (\d+) \(", output, re.MULTILINE)[0])
    count, share, bounds = re.findall(r"^ +3 \S+ +(\d+) +(\S+ ?%) +(\S+ ?%)$", output, re.MULTILINE)[0]
    explained = prose(page).replace("\xa0", " ").partition(f" {count}, {share}, ")[2].partition("\n\n")[0]
    low, high = bounds.rstrip("% ").split("–")
    most = int(count) + total - assessed
    for told in (bounds, f" {assessed} ", f" {count} ", f"{count} of {total}|{count} sur {total}", low, high):
        assert re.search(told, explained), told
    assert re.search(rf"{most} (of|sur) {total}", explained)


# ------------------------------------------------------------------------------------------ the method


def rows_of(page: str, heading: str) -> list[list[str]]:
    """Return the cells of the table in *page* whose first column is *heading*, without its header row."""
    [table] = re.findall(rf"^\| {re.escape(heading)} \|.*\n\|[ -|]*\n((?:\|.*\n)+)", read(page), re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()]


@pytest.mark.parametrize(
    ("page", "heading", "left_out"),
    [
        ("docs/method.md", "rule (`reason`)", "not kept"),
        ("docs/methode.md", "règle (`reason`)", "non gardé"),
    ],
)
def test_method_lists_the_rules_in_order_with_their_roles(page: str, heading: str, left_out: str) -> None:
    told = [(row[0].strip("` "), row[1].strip("`")) for row in rows_of(page, heading)]
    assert told == [(name, left_out if name in PERSONAL else role.value) for name, _, role in RULES]


@pytest.mark.parametrize(
    ("page", "heading"), [("docs/method.md", "decision (`reason`)"), ("docs/methode.md", "décision (`reason`)")]
)
def test_method_lists_the_decisions_made_after_the_rules(page: str, heading: str) -> None:
    assert [row[0].strip("` ") for row in rows_of(page, heading)] == [SHARED, OVERRIDE]


@pytest.mark.parametrize(("page", "heading"), [("docs/method.md", "limit"), ("docs/methode.md", "limite")])
def test_method_gives_the_default_limits(page: str, heading: str) -> None:
    limits = Limits()
    numbers = [int(found[0]) for row in rows_of(page, heading) if (found := re.match(r"\d+", row[1]))]
    assert numbers[:8] == [
        limits.max_pages,
        limits.delay_s,
        limits.timeout_s,
        limits.max_bytes / 1_000_000,
        limits.max_redirects,
        limits.retries,
        limits.max_retry_after_s,
        limits.max_crawl_delay_s,
    ]


@pytest.mark.parametrize("page", READMES)
def test_readme_gives_the_size_of_the_registry(page: str) -> None:
    institutions = read_registry()
    for number in (len(institutions), len(select(institutions))):
        assert re.search(rf"\b{number}\b", prose(page))


# ------------------------------------------------------------------------------------------ versions and dependencies


def test_changelog_and_citation_have_the_current_version() -> None:
    version, day = re.findall(r"^## \[(\d[^\]]*)\] - (\S+)$", read("CHANGELOG.md"), re.MULTILINE)[0]
    citation = read("CITATION.cff")
    assert version == __version__
    assert f"\nversion: {version}\n" in citation
    assert f"\ndate-released: {date.fromisoformat(day)}\n" in citation


def test_every_dependency_is_documented_with_its_locked_version() -> None:
    locked = dict(line.split("==") for line in read("constraints.lock").split())
    locked = {canonicalize_name(name): version for name, version in locked.items()}
    for group, table in (
        (PROJECT["project"]["dependencies"], "At run time"),
        (PROJECT["project"]["optional-dependencies"]["dev"], "For development"),
    ):
        section = read("docs/decisions/dependencies.md").partition(f"## {table}\n")[2].partition("\n## ")[0]
        told = {
            canonicalize_name(name): version
            for name, version in re.findall(r"^\| ([\w-]+) \| (\d\S*) \|", section, re.MULTILINE)
        }
        names = {canonicalize_name(Requirement(line).name) for line in group}
        assert told == {name: locked[name] for name in names}


def test_every_extra_is_documented() -> None:
    extras = set(PROJECT["project"]["optional-dependencies"]) - {"dev"}
    assert [extra for extra in extras if f"`{extra}`" not in read("docs/decisions/dependencies.md")] == []


# ------------------------------------------------------------------------------------------ links and file names


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@every_row(PAGES)
def test_relative_links_resolve(page: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        place = (ROOT / page).parent / path if path else ROOT / page
        assert place.exists(), target
        assert not anchor or anchor in anchors(place), target


# A page names a file by its path from the root, the package or the page's own folder, or by its bare name.
_FILE = re.compile(r"`([\w./-]+\.(?:py|toml|sql|csv|md|lock|cff))`")
_WRITTEN_BY_USERS = re.compile(
    r"(site/.*|report|review|trend|evolution|changes).*\.csv|(list|liste|ma-liste|decisions|review|wikidata)\.csv"
)


@every_row([page for page in PAGES if page != "docs/data-dictionary.md"])  # it names output files
def test_named_files_exist(page: str) -> None:
    missing = [
        name
        for name in _FILE.findall(read(page))
        if not _WRITTEN_BY_USERS.fullmatch(name)
        and not any((place / name).exists() for place in (ROOT, SOURCE, (ROOT / page).parent))
        and not any(path.name == name for path in SOURCE.rglob(f"*{Path(name).suffix}"))
    ]
    assert missing == []


def test_named_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    named = {word for page in PAGES for word in re.findall(r"(?:`|^)make ([a-z]+)\b", read(page), re.MULTILINE)}
    assert named <= targets


def test_contributing_lists_the_packages_by_layer() -> None:
    text = read("CONTRIBUTING.md")
    packages = {
        path.name
        for path in SOURCE.iterdir()
        if (path / "__init__.py").exists() or (path.suffix == ".py" and not path.name.startswith("__"))
    }
    table = text.partition("## The packages")[2].partition("## ")[0]
    assert {name for name in packages if f"`{name}`" not in table} == set()
    layers = PROJECT["tool"]["importlinter"]["contracts"][0]["layers"]
    written = [re.findall(r"`(\w+)(?:\.py)?`", row[0]) for row in rows_of("CONTRIBUTING.md", "package")]
    assert written == [layer.split(" | ") for layer in layers]


# ------------------------------------------------------------------------------------------ style


@pytest.mark.parametrize("page", FRENCH)
def test_french_pages_use_french_spacing(page: str) -> None:
    text = prose(page)
    assert re.findall(r".{0,30} [:%»](?=\s|$)|« .{0,30}|.{0,30}[ \xa0][;!?](?=\s|$)", text) == []


# Assembled here so that this file does not match its own search.
_HOSTS = tuple(
    f"{name}.{top}" for name, top in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"))
)
_PLACES = tuple(f"/{name}/" for name in ("work", "root", "tmp", "Users"))
_OWN_FOLDERS = (".ci", "data", "docs", "src", "tests")


def test_no_file_names_a_local_path_or_a_package_registry() -> None:
    paths = [path for path in ROOT.iterdir() if path.is_file() and path.name != ".git"]  # in a worktree .git is a file
    paths += [path for folder in _OWN_FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()]
    found = [
        (path.relative_to(ROOT).as_posix(), word)
        for path in paths
        if "__pycache__" not in path.parts
        for text in [path.read_bytes().decode("utf-8", "replace")]
        for word in (*_HOSTS, *_PLACES)
        if word in text
    ]
    assert found == []
