"""The whole command line, and the one place that turns an error into a line and an exit code."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand
from typer.main import get_group

from cegep_audit import __version__
from cegep_audit.cli.options import say
from cegep_audit.cli.usage import Group, ReaderLeftError, fault, speak
from cegep_audit.errors import CegepAuditError, RegistryError, StoreError, UsageError
from cegep_audit.text import plain

_NAME = "cegep-audit"
EXIT_USAGE = 2
EXIT_FILE = 3
EXIT_INTERRUPTED = 130

_EXIT_CODES: dict[type[CegepAuditError], int] = {
    UsageError: EXIT_USAGE,
    RegistryError: EXIT_USAGE,
    StoreError: EXIT_FILE,
}

# The commands in the order of the help: the module that has each, and the sentence that explains it.
_COMMANDS = {
    "scan": ("scanning", "help.scan"),
    "complete": ("completing", "complete.help"),
    "demo": ("demonstration", "help.demo"),
    "summary": ("scans", "help.summary"),
    "export": ("scans", "help.export"),
    "report": ("reporting", "help.report"),
    "sheet": ("reporting", "help.sheet"),
    "check": ("reporting", "help.check"),
    "compare": ("comparing", "compare.help"),
    "trend": ("comparing", "trend.help"),
    "classify": ("pages", "help.classify"),
    "detect": ("pages", "help.detect"),
    "networks": ("registries", "help.networks"),
    "scans": ("listing", "help.scans"),
    "institutions": ("registries", "help.institutions"),
    "review": ("review", "review.help"),
}


class _Program(Group):
    """All commands. A module is imported when one of its commands is called: listing them needs none."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002 - Typer's
        """Return the names of the commands, in the order of the help."""
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002 - Typer's
        """Return the command *cmd_name*, None where there is none of this name."""
        if cmd_name not in _COMMANDS:
            return None
        part = typer.Typer()
        import_module(f"cegep_audit.cli.{_COMMANDS[cmd_name][0]}").register(part)
        speak(part)
        return get_group(part).commands[cmd_name]

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - the classes have no public names
        """Write the help of the program, with the name and the help of each command."""
        named = [TyperCommand(name, help=say(key)) for name, (_, key) in _COMMANDS.items()]
        Group(name=self.name, commands=named, params=self.params, help=self.help).format_help(ctx, formatter)


app = typer.Typer(
    name=_NAME,
    cls=_Program,
    help=say("help.app"),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"cegep-audit {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help=say("help.version"), callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Take the options that come before any command."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with one of the codes of the contract; no traceback ever reaches a user."""
    sys.exit(_run(arguments))


def _run(arguments: list[str] | None) -> int:
    try:
        _open_closed_streams()
        words = sys.argv[1:] if arguments is None else arguments
        if words[:1] == ["complete"]:
            from cegep_audit.cli.completing import spell_out

            words = spell_out(words)
        code = app(words, prog_name=_NAME, standalone_mode=False)  # None where a command returned nothing
    except typer.TyperException as error:
        _print_error(fault(error))
        return EXIT_USAGE
    except CegepAuditError as error:
        _print_error(str(error))
        return next(code for kind, code in _EXIT_CODES.items() if isinstance(error, kind))
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except ReaderLeftError:  # silence what Python would say at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if os.environ.get("CEGEP_AUDIT_DEBUG"):
            raise
        is_full = isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}
        _print_error(
            say("error.output_full" if is_full else "error.internal", error=f"{type(error).__name__}: {error}")
        )
        return EXIT_FILE
    return code if isinstance(code, int) else 0


def _open_closed_streams() -> None:
    """Open the standard streams that whoever started us closed; what is written there is lost."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - open to the very end


def _print_error(text: str) -> None:
    """Print *text* on standard error, each line made safe to show; a stream that is closed is ignored."""
    with suppress(OSError):
        for line in text.splitlines():
            print(plain(line), file=sys.stderr, flush=True)
