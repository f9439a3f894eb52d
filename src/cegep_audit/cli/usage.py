"""The language of a call, the frame of its help, and errors on its command line.

Typer writes English, so its exceptions are told apart by their attributes (an option's name, a parameter with its
bounds), never by their messages.
"""

import os
import sys
from collections.abc import Callable
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from typing import Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from cegep_audit.errors import UsageError
from cegep_audit.phrases import catalogue
from cegep_audit.phrases.locales import Language, pick_language

_SWITCHES = {  # Typer's own options, and what their help is called
    "--help": "help",
    "--install-completion": "install_completion",
    "--show-completion": "show_completion",
}

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
    "summary": "scans",
    "report": "reporting",
    "sheet": "sheets",
    "check": "sheets",
    "export": "scans",
    "compare": "reporting",
    "trend": "reporting",
    "scans": "listing",
    "review": "review",
    "classify": "listing",
    "detect": "sheets",
    "institutions": "listing",
    "networks": "listing",
    "demo": "demonstration",
}

Function = TypeVar("Function", bound=Callable[..., Any])


@cache
def asked_language() -> Language:
    """Return the language of this call; help needs it before Typer parses the options."""
    words = sys.argv[1:]
    after = (words[place + 1] for place, word in enumerate(words[:-1]) if word == "--lang")
    joined = (word.removeprefix("--lang=") for word in words if word.startswith("--lang="))
    return pick_language(next((word for word in (*after, *joined) if word in {"fr", "en"}), None), os.environ)


def say(key: str, **values: object) -> str:
    """Return the sentence *key* in the language of this call."""
    return catalogue.say(key, asked_language(), **values)


def fault(error: typer.TyperException) -> str:
    """Return what is wrong with a command line and where to find help, in one line; "" if help was shown."""
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
        return _of_a_command(error) or say(key, what=error.option_name, near=", ".join(near))
    if hasattr(error, "option_name"):
        has_value = any(word.startswith(f"{error.option_name}=") for word in sys.argv)
        return say("usage.no_value" if has_value else "usage.value_wanted", what=error.option_name)
    if param is None:
        return said
    if hasattr(error, "param_type"):
        key = "no_argument" if param.param_type_name == "argument" else "option_wanted"
        return say(f"usage.{key}", what=_name_of(param))
    return _value_wanted(param)


def _of_a_command(error: Any) -> str:  # noqa: ANN401 - as above
    """Return where to write an option that was given before its command; "" if no command has it."""
    group = error.ctx.command
    having = {
        name: param
        for name in (group.list_commands(error.ctx) if isinstance(group, TyperGroup) else ())
        for param in group.get_command(error.ctx, name).params
        if error.option_name in param.opts and param.param_type_name == "option"
    }
    if not having:
        return ""
    name = next((word for word in sys.argv if word in having), next(iter(having)))
    value = having[name].metavar or "|".join(map(str, having[name].type_descriptor.choices or ()))
    example = f"{error.ctx.command_path} {name} {error.option_name} {value}".rstrip()
    return say("usage.after_command", what=error.option_name, example=example)


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
    """A mixin for Typer's commands and groups: help in the language of the call."""

    def get_usage(self, ctx: Any) -> str:  # noqa: ANN401 - the class has no public name
        """Return the line that shows how the command is written."""
        line: str = super().get_usage(ctx)  # type: ignore[misc] # Typer's
        return line.replace("Usage:", say("usage.usage"), 1)

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401 - the class has no public name
        """Return the parameters, including Typer's own; help shows no type for switches and arguments."""
        params: list[Any] = super().get_params(ctx)  # type: ignore[misc] # Typer's
        for param in params:
            if param.param_type_name == "argument":
                param.display_type_rich = lambda **_: None
            elif param.is_flag:
                param.metavar = ""
            if key := next((key for option, key in _SWITCHES.items() if option in param.opts), None):
                param.help, param.rich_help_panel = say(f"usage.{key}"), say("panel.display")
        return params

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - the classes have no public names
        """Write the help, with Typer's own words translated."""
        from typer import rich_utils  # slow to import, and only help needs it

        for name, key in _FRAME.items():
            setattr(rich_utils, name, say(f"usage.{key}", place="{}"))
        super().format_help(ctx, formatter)  # type: ignore[misc] # Typer's


class Command(_Spoken, TyperCommand):
    """One command."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override] # the public name
        """Parse the words of the command; raise UsageError if there are too many."""
        ctx.allow_extra_args = True
        rest = super().parse_args(ctx, args)
        if rest:
            raise UsageError(_with_help(say("usage.too_many", what=" ".join(rest)), ctx))
        return rest


class Group(_Spoken, TyperGroup):
    """A group of commands."""

    def resolve_command(self, ctx: typer.Context, args: list[str]) -> Any:  # type: ignore[override] # noqa: ANN401
        """Find a command by its name; raise UsageError, with similar names, if there is none."""
        if self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            near = get_close_matches(args[0], self.list_commands(ctx))
            key = "usage.no_command_near" if near else "usage.no_command"
            raise UsageError(_with_help(say(key, what=args[0], near=", ".join(near)), ctx))
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: typer.Context) -> object:  # type: ignore[override] # the public name
        """Run the command; raise ReaderLeftError if the reader of our output is gone (``head``, ``less``)."""
        try:
            result: object = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError as error:
            raise ReaderLeftError from error
        return result


class _Program(Group):
    """All commands; a module is imported when one of its commands is called."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002 - Typer's
        """Return the names of the commands, in the order of the help."""
        return list(_MODULES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002 - Typer's
        """Return the command *cmd_name*, None if there is none."""
        if cmd_name not in _MODULES:
            return None
        import_module(f"cegep_audit.cli.{_MODULES[cmd_name]}")
        return get_group(app).commands[cmd_name]

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - the classes have no public names
        """Write the help of the program: the name and the help of each command."""
        named = [TyperCommand(name, help=say(f"help.{name}")) for name in _MODULES]
        Group(name=self.name, commands=named, params=self.params, help=self.help).format_help(ctx, formatter)


app = typer.Typer(
    name="cegep-audit", help=say("help.app"), cls=_Program, no_args_is_help=True, pretty_exceptions_enable=False
)


def command(name: str, of: typer.Typer = app) -> Callable[[Function], Function]:
    """Return a decorator that makes a function the command *name*, in the group *of* if it is given."""
    key = name if of is app else f"{of.info.name}_{name}"
    return of.command(name, help=say(f"help.{key}"), cls=Command)


def group(name: str, **settings: Any) -> typer.Typer:  # noqa: ANN401 - Typer's settings
    """Return a new group of commands; with ``invoke_without_command`` it is a command too."""
    made = typer.Typer(name=name, help=say(f"help.{name}"), cls=Group, add_completion=False, **settings)
    app.add_typer(made)
    return made


class ReaderLeftError(Exception):
    """The reader of standard output is gone. Typer would exit with 1, the code of a scan that assessed nothing."""
