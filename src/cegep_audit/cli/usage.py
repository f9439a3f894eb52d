"""The frame of help, and what is wrong with a command line, in the language of the call.

Typer speaks English, so its exceptions are told apart by what they carry (an option's name, a parameter with its
bounds), never by their sentences.
"""

from __future__ import annotations

import sys
from difflib import get_close_matches
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from cegep_audit.cli.options import say
from cegep_audit.errors import UsageError

_HELP_IN = {
    "DEFAULT_STRING": "default",
    "ENVVAR_STRING": "variable",
    "REQUIRED_LONG_STRING": "required",
    "ARGUMENTS_PANEL_TITLE": "arguments",
    "OPTIONS_PANEL_TITLE": "options",
    "COMMANDS_PANEL_TITLE": "commands",
}


def speak(app: typer.Typer) -> None:
    """Have every command of *app*, and of its groups, frame its help in the language of the call."""
    for command in app.registered_commands:
        command.cls = _Command
    for group in app.registered_groups:
        if group.typer_instance is not None:
            group.cls = Group
            speak(group.typer_instance)


def fault(error: typer.TyperException) -> str:
    """Return in one line what is wrong with a command line, and which help tells more; "" where help was shown."""
    said = error.format_message()
    return _with_help(_in_words(error, said), getattr(error, "ctx", None)) if said else ""


def _with_help(text: str, context: typer.Context | None) -> str:
    command = context.command_path if context is not None else "cegep-audit"
    return say("usage.fault", fault=text, help=f"{command} --help")


def _in_words(error: Any, said: str) -> str:  # noqa: ANN401 - Typer's exceptions have no public names
    param = getattr(error, "param", None)
    if hasattr(error, "possibilities"):
        near = sorted(error.possibilities or ())
        key = "usage.no_option_near" if near else "usage.no_option"
        return say(key, what=error.option_name, near=", ".join(near))
    if hasattr(error, "option_name"):
        has_value = any(word.startswith(f"{error.option_name}=") for word in sys.argv)
        return say("usage.no_value" if has_value else "usage.value_wanted", what=error.option_name)
    if param is None:
        return said
    if hasattr(error, "param_type"):
        key = "no_argument" if param.param_type_name == "argument" else "option_wanted"
        return say(f"usage.{key}", what=_name_of(param))
    return _value_wanted(param)


def _value_wanted(param: Any) -> str:  # noqa: ANN401 - Typer's parameters have no public names
    """Return which values *param* takes."""
    what, kind = _name_of(param), param.type_descriptor
    low, high = getattr(param, "min", None), getattr(param, "max", None)
    if low is not None and high is not None:
        return say("usage.between", what=what, low=str(low), high=str(high))
    if low is not None:
        return say("usage.at_least", what=what, low=str(low))
    if kind.choices:
        return say("usage.one_of", what=what, choices=", ".join(map(str, kind.choices)))
    is_whole = int in {kind.annotation, *getattr(kind.annotation, "__args__", ())}
    return say("usage.whole_number" if is_whole else "usage.number", what=what)


def _name_of(param: Any) -> str:  # noqa: ANN401 - Typer's parameters have no public names
    is_argument = param.param_type_name == "argument"
    return str(param.metavar or param.name) if is_argument else " / ".join(param.opts)


class _Spoken:
    """What commands and groups have in common. Typer's own classes come after it, and are reached by ``super``."""

    def get_usage(self, ctx: Any) -> str:  # noqa: ANN401 - the class has no public name
        """Return the line that shows how the command is written."""
        line: str = super().get_usage(ctx)  # type: ignore[misc] # Typer's
        return line.replace("Usage:", say("usage.usage"), 1)

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401 - the class has no public name
        """Return the parameters, ``--help`` with them; a switch shows no type, for it takes no value."""
        params: list[Any] = super().get_params(ctx)  # type: ignore[misc] # Typer's
        for param in params:
            if getattr(param, "is_flag", False):
                param.metavar = ""
            if "--help" in param.opts:
                param.help = say("usage.help")
        return params

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - the classes have no public names
        """Write the help; what frames it is said in our words."""
        from typer import rich_utils  # only help needs it: it costs as much as the rest of Typer

        for name, key in _HELP_IN.items():
            setattr(rich_utils, name, say(f"usage.{key}", place="{}"))
        super().format_help(ctx, formatter)  # type: ignore[misc] # Typer's


class _Command(_Spoken, TyperCommand):
    """One command."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override] # the public name
        """Parse the words of the command; words too many are said in our words."""
        ctx.allow_extra_args = True
        rest = super().parse_args(ctx, args)
        if rest:
            raise UsageError(_with_help(say("usage.too_many", what=" ".join(rest)), ctx))
        return rest


class Group(_Spoken, TyperGroup):
    """A group of commands."""

    def resolve_command(self, ctx: typer.Context, args: list[str]) -> Any:  # type: ignore[override] # noqa: ANN401
        """Find the command that is named; one that is not there is said in our words."""
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            near = get_close_matches(args[0], self.list_commands(ctx))
            key = "usage.no_command_near" if near else "usage.no_command"
            raise UsageError(_with_help(say(key, what=args[0], near=", ".join(near)), ctx))
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override] # the public name
        """Run the command; where whoever reads our output has left (``head``, ``less``), be done."""
        try:
            result: object = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError as error:
            raise ReaderLeftError from error
        return result


class ReaderLeftError(Exception):
    """Nobody reads standard output any more. Typer would end with 1, which is the code of a scan that failed."""
