"""The `npinfer` command and how it ends: 0, 2 for what cannot be done, 130 when interrupted."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click

from npinfer.errors import NpinferError, unknown

# One module a command, imported when the command runs: `npinfer --help` answers at once.
COMMANDS = {
    "list": "the likelihoods that can be loaded by name",
    "describe": "the data sheet of a likelihood",
    "fit": "maximise a likelihood, with errors",
    "profile": "the profile likelihood on a grid of one or more parameters",
    "interval": "the profile-likelihood interval of a parameter",
    "contour": "the joint regions of two parameters",
    "validate": "check a likelihood against pyhf, itself and the numbers it declares",
}


class _Verbs(click.Group):
    """Commands found by name, with the nearest one suggested."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = import_module(f"npinfer.cli.{name}")
        command: click.Command = module.command
        return command

    def resolve_command(self, context: click.Context, args: list[str]) -> Any:
        if args and args[0] not in COMMANDS:
            raise NpinferError(unknown("command", args[0], COMMANDS))
        return super().resolve_command(context, args)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="npinfer")
def group() -> None:
    """Statistical inference on likelihoods for new physics in neutrino scattering.

    Start with `npinfer list`, then `npinfer describe NAME` and `npinfer fit NAME`.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run a command and exit."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Run a command; gives the exit code, every fault said in one line."""
    from npinfer.inference.executor import Interrupted

    try:
        code = group.main(args=arguments, prog_name="npinfer", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as help_wanted:
        click.echo(help_wanted.format_message())
        return 0
    except click.ClickException as error:
        place = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "npinfer"
        click.echo(f"{place}: {error.format_message()} (see {place} --help)", err=True)
        return 2
    except Interrupted as error:
        click.echo(f"npinfer: {error}", err=True)
        return 130
    except (click.exceptions.Abort, KeyboardInterrupt):
        click.echo("npinfer: interrupted", err=True)
        return 130
    except NpinferError as error:
        click.echo(f"npinfer: {error}", err=True)
        return 2
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    return code if isinstance(code, int) else 0
