"""Help and usage errors in the language of the call, where Typer would write English."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import command, inside, piped
from typer import Context
from typer.main import get_command

from cegep_audit import phrases
from cegep_audit.cli import app
from cegep_audit.cli.program import _MODULES
from cegep_audit.phrases.locales import LOCALES

ENGLISH = re.compile(
    r"usage|\bcommands|\[default|\[required|env var|show this|no such|missing|invalid|input should|\btry ",
    re.IGNORECASE,
)
COMMANDS = [(), ("scan",), ("classify",), ("compare",), ("export",), ("institutions",), ("review", "import")]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_is_entirely_in_french(words: tuple[str, ...], tmp_path: Path) -> None:
    done = command(*words, "--help", folder=tmp_path, COLUMNS="200")
    assert done.code == 0
    assert not done.err
    assert done.out.replace("\xa0", " ").strip().startswith(" ".join(("Utilisation : cegep-audit", *words)))
    assert not ENGLISH.search(done.out)
    assert "[[" not in done.out
    assert "<bool>" not in done.out


def test_help_is_in_english_when_asked(tmp_path: Path) -> None:
    done = command("scan", "--help", "--lang", "en", folder=tmp_path, COLUMNS="200")
    assert done.out.strip().startswith("Usage: cegep-audit scan [OPTIONS] [REGISTRY]")
    assert "Show this message and stop." in done.out
    assert "[default: report.csv]" in done.out


def test_program_help_loads_no_commands() -> None:
    code = """
import sys
from cegep_audit.cli import main
sys.argv = ["cegep-audit", "--help"]
try:
    main()
finally:
    ours = {name.split(".")[1] for name in sys.modules if name.startswith("cegep_audit.")}
    print(sorted(ours), sorted({"httpx", "pandas", "babel", "bs4", "sqlite3", "asyncio"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "['cli', 'errors', 'phrases', 'tables', 'text'] []"


def test_httpx_command_line_is_not_loaded() -> None:
    code = "import sys, cegep_audit.collect.http.live; print(sys.modules['httpx._main'], 'pygments' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["None", "False"]


def test_program_help_matches_the_help_of_each_command() -> None:
    program = get_command(app)
    context = Context(program)
    for name in _MODULES:
        texts = {phrases.say(f"help.{name}", lang) for lang in LOCALES}  # the module keeps the language of its import
        assert program.get_command(context, name).help in texts  # type: ignore[attr-defined] # the program is a group


EVERY_HELP = """
import sys
from typer.testing import CliRunner
from cegep_audit.cli import app

for name in sys.argv[1:]:
    print("\\f" + name + "\\n" + CliRunner().invoke(app, [*name.split(), "--help"]).output)
"""


@pytest.fixture(scope="module", params=["fr_CA.UTF-8", "en_CA.UTF-8"])
def every_help(request: pytest.FixtureRequest) -> dict[str, str]:
    """The help of every command in one language, at 80 columns."""
    environment = os.environ | {"LC_ALL": request.param, "COLUMNS": "80", "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-c", EVERY_HELP, *dict(every_command())],
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    pages = done.stdout.split("\f")[1:]
    return {page.partition("\n")[0]: page.partition("\n")[2] for page in pages}


def every_command(group: Any = None, *words: str) -> Iterator[tuple[str, Any]]:
    group = group or get_command(app)
    yield " ".join(words), group
    context = Context(group)
    for name in group.list_commands(context) if hasattr(group, "list_commands") else ():
        yield from every_command(group.get_command(context, name), *words, name)


def test_help_is_not_truncated_at_80_columns(every_help: dict[str, str]) -> None:
    commands = dict(every_command())
    assert set(every_help) == set(commands)
    for name, text in every_help.items():
        assert "…" not in text, name
        assert max(map(len, text.splitlines())) <= 80, name
        assert "FICHIER" not in text, "metavars are the same in both languages"
        lines = [line.strip("│ ").split() for line in text.splitlines() if line.startswith("│")]
        for param in commands[name].params:
            words = [*sorted(param.opts, key=len, reverse=True)] if param.param_type_name == "option" else []
            words += [] if getattr(param, "is_flag", False) else (param.metavar or "").split()
            assert any(line[: len(words)] == words or line[1 : len(words) + 1] == words for line in lines), (
                name,
                words,
            )


def test_options_are_grouped_in_panels(every_help: dict[str, str]) -> None:
    panels_of_options = {"scan": 5, "complete": 5, "check": 4, "summary": 3, "classify": 1}
    for name, count in panels_of_options.items():
        panels = re.findall(r"^╭─ (.+?) ─", every_help[name], re.MULTILINE)
        assert len(panels) == len(set(panels)) == count + 1  # plus the panel of arguments
        assert panels[-1] in {"Affichage", "Display"}
        assert "Options" not in panels


def test_misplaced_option_error_says_where_it_goes(tmp_path: Path) -> None:
    messages = {
        ("--lang", "en", "scans"): "--lang goes after the command: cegep-audit scans --lang fr|en;",
        ("--lang=fr", "scan"): "--lang se place après la commande : cegep-audit scan --lang fr|en;",
        ("--db", "x.db", "trend"): "--db se place après la commande : cegep-audit trend --db FILE;",
        ("-q", "demo"): "-q se place après la commande : cegep-audit demo -q;",
        ("--sample", "5"): "--sample : cette option n’existe pas",
        ("review", "--seed", "3"): "--seed se place après la commande : cegep-audit review export --seed S;",
    }
    for words, line in messages.items():
        done = inside(*words, folder=tmp_path)
        assert (done.code, done.out) == (2, "")
        assert done.err.replace("\xa0", " ").startswith(line), words


def test_shells_can_complete_commands(tmp_path: Path) -> None:
    given = {"_CEGEP_AUDIT_COMPLETE": "complete_bash", "COMP_WORDS": "cegep-audit su", "COMP_CWORD": "1"}
    assert command(folder=tmp_path, **given).out.split() == ["summary"]


USAGE_ERRORS = {
    "unknown option": (("scan", "--nonsense"), "--nonsense : cette option n’existe pas"),
    "misspelt option": (
        ("scan", "--max-page", "3"),
        "--max-page : cette option n’existe pas; essayez --language, --max-bytes, --max-pages",
    ),
    "unknown command": (("nonsense",), "nonsense : cette commande n’existe pas"),
    "misspelt command": (("scna",), "scna : cette commande n’existe pas; essayez scan, scans"),
    "unknown command in a group": (("review", "nonsense"), "nonsense : cette commande n’existe pas"),
    "missing argument": (("check",), "il manque URL"),
    "missing second argument": (("compare", "1"), "il manque NEW"),
    "missing option": (("export",), "il manque l’option -o / --output"),
    "extra argument": (("scan", "a.csv", "b.csv"), "b.csv : argument superflu"),
    "option without its value": (("scan", "--db"), "--db : il manque une valeur"),
    "value for a flag": (("scan", "--quiet=1"), "--quiet ne prend pas de valeur"),
    "not an integer": (("scan", "--limit", "x"), "--limit : donnez un nombre entier"),
    "not a number": (("scan", "--delay", "x"), "--delay : donnez un nombre de 0 à 3600"),
    "too small": (("scan", "--delay", "-1"), "--delay : donnez un nombre de 0 à 3600"),
    "too small, with no maximum": (("scan", "--max-pages", "0"), "--max-pages : donnez 1 ou plus"),
    "NaN": (("scan", "--delay", "nan"), "--delay : donnez un nombre de 0 à 3600"),
    "infinite delay": (("scan", "--delay", "inf"), "--delay : donnez un nombre de 0 à 3600"),
    "infinite timeout": (("scan", "--timeout", "inf"), "--timeout : donnez un nombre de 0.1 à 3600"),
    "too large": (("scan", "--concurrency", "9999"), "--concurrency : donnez un nombre de 1 à 1000"),
    "unknown choice": (("scan", "--lang", "de"), "--lang : choisissez parmi fr, en"),
    "unknown basket": (
        ("summary", "--basket", "nope"),
        "--basket : valeur non reconnue, « nope »; choisissez parmi all, classic, seed",
    ),
}


@pytest.mark.parametrize(("words", "message"), USAGE_ERRORS.values(), ids=USAGE_ERRORS.keys())
def test_usage_error_is_one_line(words: tuple[str, ...], message: str, tmp_path: Path) -> None:
    done = inside(*words, folder=tmp_path)
    assert done.code == 2
    assert not done.out
    assert len(done.err.splitlines()) == 1
    assert done.err.replace("\xa0", " ").startswith(message)
    assert not ENGLISH.search(done.err)
    assert not list(tmp_path.iterdir())


def test_usage_error_names_the_help_of_the_command(tmp_path: Path) -> None:
    assert "cegep-audit review import --help" in inside("review", "import", "--no", folder=tmp_path).err


def test_usage_error_is_in_english_when_asked(tmp_path: Path) -> None:
    done = inside("scan", "--delay", "-1", "--lang", "en", folder=tmp_path)
    assert done.err == "--delay: give a number from 0 to 3600; cegep-audit scan --help lists the options\n"


@pytest.mark.parametrize("words", [(), ("review",)], ids=["program", "group"])
def test_no_arguments_show_the_help(words: tuple[str, ...], tmp_path: Path) -> None:
    done = inside(*words, folder=tmp_path)
    assert done.code == 2
    assert "Utilisation" in done.out + done.err


@pytest.mark.parametrize("words", [("classify", "--json"), ("classify",)], ids=" ".join)
def test_closed_pipe_is_not_an_error(words: tuple[str, ...], tmp_path: Path) -> None:
    addresses = "".join(
        f"https://www.facebook.com/cegep{number}\n" for number in range(3_000)
    )  # more than a pipe buffers
    done = piped(*words, folder=tmp_path, given=addresses, lines=1)
    assert (done.code, done.err) == (0, "")
    assert len(done.out.splitlines()) == 1


STREAMS = {
    "full disk": ("networks > /dev/full", 3, "Écriture impossible"),
    "full disk, as JSON": ("networks --json > /dev/full", 3, "Écriture impossible"),
    "closed standard output": ("networks >&-", 0, ""),
    "closed standard error": ("nonsense 2>&-", 2, ""),
    "closed standard input": ("classify --json <&-", 0, ""),
}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize(("words", "code", "message"), STREAMS.values(), ids=STREAMS.keys())
def test_full_or_closed_stream_causes_no_traceback(words: str, code: int, message: str, tmp_path: Path) -> None:
    line = f"exec {sys.executable} -m cegep_audit {words}"
    inherited = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    environment = inherited | {"PYTHONUTF8": "1", "LC_ALL": "fr_CA.UTF-8"}
    done = subprocess.run(
        ["/bin/sh", "-c", line], cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == code
    assert done.stderr.replace("\xa0", " ").startswith(message)
    assert len(done.stderr.splitlines()) == bool(message)
