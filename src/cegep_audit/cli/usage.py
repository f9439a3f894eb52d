"""The language that a call speaks, the frame of its help, and what is wrong with its command line.

Typer speaks English, so its exceptions are told apart by what they carry (an option's name, a parameter with its
bounds), never by their sentences.
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
    """Return the language of this call, known before its options are parsed because help is in it too."""
    words = sys.argv[1:]
    after = (words[place + 1] for place, word in enumerate(words[:-1]) if word == "--lang")
    joined = (word.removeprefix("--lang=") for word in words if word.startswith("--lang="))
    return pick_language(next((word for word in (*after, *joined) if word in {"fr", "en"}), None), os.environ)


def say(key: str, **values: object) -> str:
    """Return the sentence *key* in the language of this call."""
    return catalogue.say(key, asked_language(), **values)


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
    """Return where an option goes that stands before its command; "" where no command has it."""
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
    """What commands and groups have in common. Typer's own classes come after it, and are reached by ``super``."""

    def get_usage(self, ctx: Any) -> str:  # noqa: ANN401 - the class has no public name
        """Return the line that shows how the command is written."""
        line: str = super().get_usage(ctx)  # type: ignore[misc] # Typer's
        return line.replace("Usage:", say("usage.usage"), 1)

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401 - the class has no public name
        """Return the parameters, Typer's own with them; switches and arguments show no type."""
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
        """Write the help; what frames it is said in our words."""
        from typer import rich_utils  # only help needs it: it costs as much as the rest of Typer

        for name, key in _FRAME.items():
            setattr(rich_utils, name, say(f"usage.{key}", place="{}"))
        super().format_help(ctx, formatter)  # type: ignore[misc] # Typer's


class Command(_Spoken, TyperCommand):
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


class _Program(Group):
    """All commands. A module is imported when one of its commands is called: listing them needs none."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002 - Typer's
        """Return the names of the commands, in the order of the help."""
        return list(_MODULES)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002 - Typer's
        """Return the command *cmd_name*, None where there is none of this name."""
        if cmd_name not in _MODULES:
            return None
        import_module(f"cegep_audit.cli.{_MODULES[cmd_name]}")
        return get_group(app).commands[cmd_name]

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - the classes have no public names
        """Write the help of the program, with the name and the help of each command."""
        named = [TyperCommand(name, help=say(f"help.{name}")) for name in _MODULES]
        Group(name=self.name, commands=named, params=self.params, help=self.help).format_help(ctx, formatter)


app = typer.Typer(
    name="cegep-audit", help=say("help.app"), cls=_Program, no_args_is_help=True, pretty_exceptions_enable=False
)


def command(name: str, of: typer.Typer = app) -> Callable[[Function], Function]:
    """Return what makes a function the command *name*, or one of the group *of*."""
    key = name if of is app else f"{of.info.name}_{name}"
    return of.command(name, help=say(f"help.{key}"), cls=Command)


def group(name: str, **settings: Any) -> typer.Typer:  # noqa: ANN401 - Typer's settings
    """Return a new group of commands, a command itself where *settings* let it be called alone."""
    made = typer.Typer(name=name, help=say(f"help.{name}"), cls=Group, add_completion=False, **settings)
    app.add_typer(made)
    return made


class ReaderLeftError(Exception):
    """Nobody reads standard output any more. Typer would end with 1, which is the code of a scan that failed."""
