"""What Typer says by itself, in the language of the call: the frame of help, and what is wrong with a command line."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import typer
from typer import rich_utils
from typer.core import TyperCommand, TyperGroup

from cegep_audit.cli.options import say

if TYPE_CHECKING:
    from typer._click import Context  # what Typer's own classes take: it has no public name

# What Typer says of a command line, by the phrase that says the same. A sentence that it words anew some day
# passes as it is, in English: the tests have an example of each.
_SAID = {
    "no_option_near": r"No such option: (?P<what>\S+) \(Possible options: (?P<near>.+)\)",
    "no_option": r"No such option: (?P<what>\S+)",
    "no_command_near": r"No such command '(?P<what>.*)'\. Did you mean (?P<near>.+)\?",
    "no_command": r"No such command '(?P<what>.*)'\.",
    "no_argument": r"Missing argument '(?P<what>.+)'\.",
    "option_wanted": r"Missing option (?P<what>.+)\.",
    "too_many": r"Got unexpected extra argument\(s\) \((?P<what>.*)\)",
    "value_wanted": r"Option '(?P<what>.+)' requires an argument\.",
    "no_value": r"Option '(?P<what>.+)' does not take a value\.",
    "too_small": r"Invalid value for (?P<what>.+): Input should be greater than or equal to (?P<bound>\S+)",
    "too_large": r"Invalid value for (?P<what>.+): Input should be less than or equal to (?P<bound>\S+)",
    "whole_number": r"Invalid value for (?P<what>.+): Input should be a valid integer.*",
    "number": r"Invalid value for (?P<what>.+): Input should be a valid number.*",
    "choice": r"Invalid value for (?P<what>.+): Value error, '(?P<value>.*)' is not one of (?P<choices>.+)\.",
}
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
    for name, key in _HELP_IN.items():
        setattr(rich_utils, name, say(f"usage.{key}", place="{}"))
    app.info.cls = _Group
    for command in app.registered_commands:
        command.cls = _Command
    for group in app.registered_groups:
        if group.typer_instance is not None:
            group.cls = _Group
            speak(group.typer_instance)


def fault(error: typer.TyperException) -> str:
    """Return in one line what is wrong with a command line, and which help says what goes; "" where help was shown."""
    if type(error).__name__ == "NoArgsIsHelpError":  # Typer's sign of that, which has no public name
        return ""
    context = getattr(error, "ctx", None)
    help_of = context.command_path if context is not None else "cegep-audit"
    return say("usage.fault", fault=_in_words(error.format_message()), help=f"{help_of} --help")


def _in_words(said: str) -> str:
    for key, pattern in _SAID.items():
        if found := re.fullmatch(pattern, said):
            return say(f"usage.{key}", **{name: text.replace("'", "") for name, text in found.groupdict().items()})
    return said


class _Spoken:
    """What commands and groups have in common. Typer's own classes come after it, and are reached by ``super``."""

    def get_usage(self, ctx: Context) -> str:
        """Return the line that shows how the command is written."""
        line: str = super().get_usage(ctx)  # type: ignore[misc] # Typer's
        return line.replace("Usage:", say("usage.usage"), 1)

    def get_params(self, ctx: Context) -> list[Any]:
        """Return the parameters, ``--help`` with them; a switch shows no type, for it takes no value."""
        params: list[Any] = super().get_params(ctx)  # type: ignore[misc] # Typer's
        for param in params:
            if getattr(param, "is_flag", False):
                param.metavar = ""
            if "--help" in param.opts:
                param.help = say("usage.help")
        return params


class _Command(_Spoken, TyperCommand):
    """One command."""


class _Group(_Spoken, TyperGroup):
    """A group of commands."""

    def invoke(self, ctx: Context) -> object:
        """Run the command; where whoever reads our output has left (``head``, ``less``), be done."""
        try:
            result: object = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError as error:
            raise ReaderLeftError from error
        return result


class ReaderLeftError(Exception):
    """Nobody reads standard output any more. Typer would end with 1, which is the code of a scan that failed."""
