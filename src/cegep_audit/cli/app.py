"""The program itself: the one place that turns an error into a line and an exit code."""

import errno
import gc
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from cegep_audit import __version__
from cegep_audit.cli.usage import ReaderLeftError, app, fault, say
from cegep_audit.errors import CegepAuditError, StoreError
from cegep_audit.text import plain

EXIT_USAGE = 2
EXIT_FILE = 3
EXIT_INTERRUPTED = 130

# Thresholds of the garbage collector. Every command makes hundreds of thousands of records and few cycles; with its own
# 700, 10, 10 the collector takes a sixth of a scan.
_COLLECTED = 50_000, 10, 10


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
    """Read the options that come before any command."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with one of the codes of the contract; no traceback ever reaches a user."""
    gc.set_threshold(*_COLLECTED)
    sys.exit(_run(arguments))


def _run(arguments: list[str] | None) -> int:
    try:
        _open_closed_streams()
        words = sys.argv[1:] if arguments is None else arguments
        if words[:1] == ["complete"]:
            from cegep_audit.cli.scanning import spell_out

            words = spell_out(words)
        code = app(words, prog_name=app.info.name, standalone_mode=False)  # None where a command returned nothing
    except typer.TyperException as error:
        _print_error(fault(error))
        return EXIT_USAGE
    except CegepAuditError as error:
        _print_error(str(error))
        return EXIT_FILE if isinstance(error, StoreError) else EXIT_USAGE
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except ReaderLeftError:  # Python would complain at exit
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
    """Open the standard streams that the caller closed; what is written to them is lost."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - open to the very end


def _print_error(text: str) -> None:
    """Print *text* on standard error, each line made safe to show; a stream that is closed is ignored."""
    with suppress(OSError):
        for line in text.splitlines():
            print(plain(line), file=sys.stderr, flush=True)
