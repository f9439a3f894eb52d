"""The program: its commands, its help and errors in the language of the call, and its exit codes.

Typer writes English, so its exceptions are distinguished by their attributes (an option's name, a parameter with its
bounds), never by their messages.
"""

import atexit
import errno
import gc
import os
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from cegep_audit import __version__, phrases
from cegep_audit.errors import CegepAuditError, StoreError, UsageError
from cegep_audit.phrases.locales import Language, pick_language
from cegep_audit.text import plain

EXIT_OK, EXIT_NOTHING_ASSESSED, EXIT_USAGE, EXIT_FILE, EXIT_INTERRUPTED = 0, 1, 2, 3, 130

# Thresholds of the garbage collector. Every command makes hundreds of thousands of records and few cycles; with its own
# 700, 10, 10 the collector takes a sixth of a scan.
_COLLECTED = 50_000, 10, 10
_OF_TYPER = {"help", "install_completion", "show_completion"}  # options that Typer adds
_LAST = {"lang": 1, "help": 2}  # parameters that help shows after the others
_FRAME = {
    "DEFAULT_STRING": "default",
    "ENVVAR_STRING": "variable",
    "REQUIRED_LONG_STRING": "required",
    "ARGUMENTS_PANEL_TITLE": "arguments",
    "COMMANDS_PANEL_TITLE": "commands",
}
_MODULES = {  # the module of each command, in the order of the help
    "scan": "scanning",
    "complete": "scanning",
    "summary": "results",
    "report": "results",
    "sheet": "sites",
    "check": "sites",
    "export": "results",
    "compare": "results",
    "trend": "results",
    "scans": "listing",
    "review": "review",
    "classify": "listing",
    "detect": "sites",
    "institutions": "listing",
    "networks": "listing",
    "demo": "scanning",
}

Function = TypeVar("Function", bound=Callable[..., Any])


@cache
def asked_language() -> Language:
    """Return the language of this call; help needs it before Typer parses the options."""
    asked = re.search(r"\0--lang[\0=](fr|en)\0", "\0".join(["", *sys.argv[1:], ""]))
    return pick_language(asked and asked[1], os.environ)


def say(key: str, **values: object) -> str:
    """Return the sentence *key* in the language of this call."""
    return phrases.say(key, asked_language(), **values)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with one of the codes of the contract; no traceback ever reaches a user."""
    gc.set_threshold(*_COLLECTED)
    atexit.register(gc.freeze)  # else the interpreter looks for cycles in all that is left at exit: 5 % of a replay
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # the caller closed it: what is written to it is lost
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - open to the very end
    code, said = _run(sys.argv[1:] if arguments is None else arguments)
    with suppress(OSError):  # standard error may be closed too
        for line in said.splitlines():
            print(plain(line), file=sys.stderr, flush=True)
    sys.exit(code)


def _run(words: list[str]) -> tuple[int, str]:
    """Run the command that *words* name; return its exit code and what went wrong, "" for nothing."""
    try:
        code = app(words, prog_name=app.info.name, standalone_mode=False)  # None where a command returned nothing
    except typer.TyperException as error:
        return EXIT_USAGE, _fault(error)
    except CegepAuditError as error:
        return EXIT_FILE if isinstance(error, StoreError) else EXIT_USAGE, str(error)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED, ""
    except Exception as error:
        if os.environ.get("CEGEP_AUDIT_DEBUG"):
            raise
        is_full = isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}
        key = "error.output_full" if is_full else "error.internal"
        return EXIT_FILE, say(key, error=f"{type(error).__name__}: {error}")
    return code or EXIT_OK, ""


def _fault(error: Any) -> str:  # noqa: ANN401 - Typer's exceptions have no public names
    """Return what is wrong with a command line and where to find help, in one line; "" if help was shown."""
    said, param = error.format_message(), getattr(error, "param", None)
    if not said:
        return ""
    if hasattr(error, "possibilities"):
        near = ", ".join(sorted(error.possibilities or ()))
        key = "usage.no_option_near" if near else "usage.no_option"
        said = _of_a_command(error) or say(key, what=error.option_name, near=near)
    elif hasattr(error, "option_name"):
        has_value = any(word.startswith(f"{error.option_name}=") for word in sys.argv)
        said = say("usage.no_value" if has_value else "usage.value_wanted", what=error.option_name)
    elif param is not None:
        is_argument = param.param_type_name == "argument"
        low, high, choices = getattr(param, "min", None), getattr(param, "max", None), param.type_descriptor.choices
        if hasattr(error, "param_type"):  # of a parameter that is missing
            key = "no_argument" if is_argument else "option_wanted"
        elif low is not None:
            key = "at_least" if high is None else "between"
        else:
            key = "one_of" if choices else "whole_number"
        what = param.metavar if is_argument else " / ".join(param.opts)
        values = ", ".join(map(str, choices or ()))
        said = say(f"usage.{key}", what=what, low=str(low), high=str(high), choices=values)
    return _with_help(said, getattr(error, "ctx", None))


def _with_help(text: str, context: typer.Context | None) -> str:
    command = context.command_path if context is not None else "cegep-audit"
    return say("usage.fault", fault=text, help=f"{command} --help")


def _of_a_command(error: Any) -> str:  # noqa: ANN401 - as above
    """Return where to write an option that was given before its command; "" if no command has it."""
    group = error.ctx.command
    names = group.list_commands(error.ctx) if isinstance(group, TyperGroup) else []
    for name in sorted(names, key=lambda each: each not in sys.argv):  # first the command that was named
        for param in group.get_command(error.ctx, name).params:
            if error.option_name in param.opts and param.param_type_name == "option":
                value = param.metavar or "|".join(map(str, param.type_descriptor.choices or ()))
                example = f"{error.ctx.command_path} {name} {error.option_name} {value}".rstrip()
                return say("usage.after_command", what=error.option_name, example=example)
    return ""


class _Localized:
    """A mixin for Typer's commands and groups: help in the language of the call."""

    def get_usage(self, ctx: Any) -> str:  # noqa: ANN401 - the class has no public name
        line: str = super().get_usage(ctx)  # type: ignore[misc] # Typer's
        return line.replace("Usage:", say("usage.usage"), 1)

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401 - the class has no public name
        """Return the parameters, Typer's own and the language last; help shows no type for switches and arguments."""
        params: list[Any] = super().get_params(ctx)  # type: ignore[misc] # Typer's
        for param in params:
            if param.param_type_name == "argument":
                param.display_type_rich = lambda **_: None
            elif param.is_flag:
                param.metavar = ""
            if param.name in _OF_TYPER:
                param.help, param.rich_help_panel = say(f"usage.{param.name}"), say("panel.display")
        return sorted(params, key=lambda param: _LAST.get(param.name, 0))

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - the classes have no public names
        """Write the help, with Typer's own words translated."""
        from typer import rich_utils  # slow to import, and only help needs it

        for name, key in _FRAME.items():
            setattr(rich_utils, name, say(f"usage.{key}", place="{}"))
        super().format_help(ctx, formatter)  # type: ignore[misc] # Typer's


class _Command(_Localized, TyperCommand):
    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override] # the public name
        """Parse the words of the command; raise UsageError if there are too many."""
        # An option whose metavar is in brackets may come without its value, which is a day.
        bare = {param.opts[-1] for param in self.params if (param.metavar or "").startswith("[")}
        has_day = [re.match(r"\d.*-", word) for word in (*args, "")[1:]]
        args = [f"{word}=" if word in bare and not day else word for word, day in zip(args, has_day, strict=True)]
        ctx.allow_extra_args = True
        if rest := super().parse_args(ctx, args):
            raise UsageError(_with_help(say("usage.too_many", what=" ".join(rest)), ctx))
        return rest


class _Group(_Localized, TyperGroup):
    def resolve_command(self, ctx: typer.Context, args: list[str]) -> Any:  # type: ignore[override] # noqa: ANN401
        """Find a command by its name; raise UsageError, with similar names, if there is none."""
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            near = ", ".join(get_close_matches(args[0], self.list_commands(ctx)))
            said = say("usage.no_command_near" if near else "usage.no_command", what=args[0], near=near)
            raise UsageError(_with_help(said, ctx))
        return super().resolve_command(ctx, args)


class _Program(_Group):
    """All commands; a module is imported when one of its commands is called."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002 - Typer's
        return list(_MODULES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002 - Typer's
        if cmd_name not in _MODULES:
            return None
        import_module(f"cegep_audit.cli.{_MODULES[cmd_name]}")
        return get_group(app).commands[cmd_name]

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - the classes have no public names
        """Write the help of the program: the name and the help of each command."""
        named = [TyperCommand(name, help=say(f"help.{name}")) for name in _MODULES]
        _Group(name=self.name, commands=named, params=self.params, help=self.help).format_help(ctx, formatter)

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override] # the public name
        """Run the command. A reader of our output who leaves early (``head``, ``less``) is no failure."""
        try:
            result: object = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:  # Typer would exit with 1, and Python would complain at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit from None
        return result


app = typer.Typer(
    name="cegep-audit", help=say("help.app"), cls=_Program, no_args_is_help=True, pretty_exceptions_enable=False
)


def command(name: str, of: typer.Typer = app) -> Callable[[Function], Function]:
    """Return a decorator that makes a function the command *name*, in the group *of* if it is given."""
    key = name if of is app else f"{of.info.name}_{name}"
    return of.command(name, help=say(f"help.{key}"), cls=_Command)


def group(name: str, **settings: Any) -> typer.Typer:  # noqa: ANN401 - Typer's settings
    """Return a new group of commands; with ``invoke_without_command`` it is a command too."""
    made = typer.Typer(name=name, help=say(f"help.{name}"), cls=_Group, add_completion=False, **settings)
    app.add_typer(made)
    return made


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
