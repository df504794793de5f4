"""The `npinfer` command and how it ends: 0, 2 for what cannot be done, 130 when interrupted."""

from __future__ import annotations

import logging
import os
import re
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

import click

from npinfer.errors import NpinferError, unknown

# One module a command, imported when the command runs: `npinfer --help` answers at once.
COMMANDS = {
    "list": "the likelihoods that can be loaded by name",
    "describe": "the data sheet of a likelihood",
    "fit": "maximise a likelihood, with errors",
    "profile": "the profile likelihood on a grid",
    "interval": "the profile-likelihood interval of a parameter",
    "contour": "the joint regions of two parameters",
    "calibrate": "critical values by toys (Feldman–Cousins)",
    "limit": "the upper limit of a parameter, observed and expected",
    "exclusion": "excluded ranges of a parameter, observed and expected",
    "significance": "how significant a signal is",
    "compare": "discrete models told apart, with toys",
    "gof": "goodness of fit, asymptotic and by toys",
    "impacts": "what each nuisance parameter does to a parameter",
    "toys": "data drawn from a likelihood and fitted again",
    "coverage": "how often intervals contain the truth",
    "sample": "the posterior density by ensembles of walkers",
    "export": "a likelihood as a pyhf workspace",
    "validate": "check a likelihood against pyhf and itself",
    "report": "one self-contained page about the results of a folder",
    "data": "published data, fetched or imported",
}
LOG = logging.getLogger("npinfer")


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

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        # --asimov alone is --asimov= with nothing: click would take the next word, a likelihood, for its value
        return super().parse_args(context, [f"{a}=" if a == "--asimov" else a for a in args])

    def resolve_command(self, context: click.Context, args: list[str]) -> Any:
        if args and args[0] not in COMMANDS:
            later = next((a for a in args if a in COMMANDS), None)
            remedy = f"; the command comes first: npinfer {later} ..." if later else ""
            raise NpinferError(unknown("command", args[0], COMMANDS) + remedy)
        return super().resolve_command(context, args)

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except KeyboardInterrupt:
            raise click.Abort from None

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _version(context: click.Context, parameter: click.Parameter, given: bool) -> None:
    if given:
        from npinfer.core.provenance import versions

        click.echo(", ".join(f"{name} {number}" for name, number in sorted(versions().items())))
        context.exit()


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show versions and exit."
)
def group() -> None:
    """Statistical inference on likelihoods for new physics in neutrino scattering.

    \b
    npinfer list                                 what there is
    npinfer describe icecube_hese                parameters, configuration, data
    npinfer fit icecube_hese --fix f_nuebar=1/6  best fit, one parameter held
    npinfer profile icecube_hese --out results   curve, table, plot in a folder

    A likelihood is a name that `npinfer list` shows, or a YAML file. Every
    command explains its options: npinfer fit --help.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run a command and exit."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command; gives the exit code, every fault said in one line."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("npinfer: %(relativeCreated).0f ms: %(message)s"))
    LOG.addHandler(handler)
    LOG.setLevel(logging.WARNING)
    try:
        code = group.main(args=arguments, prog_name="npinfer", standalone_mode=False, obj=arguments)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.exceptions.NoArgsIsHelpError as help_wanted:
        click.echo(help_wanted.format_message())
        return 0
    except (BrokenPipeError, SystemExit):  # nobody reads on, which click and rich report as SystemExit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (Exception, KeyboardInterrupt) as error:
        LOG.debug("traceback", exc_info=True)
        code, message = _ending(error, arguments)
        with suppress(BrokenPipeError):
            click.echo(" ".join(message.split()), err=True)
        return code
    finally:
        LOG.removeHandler(handler)


def _remedy(error: click.ClickException, command: str) -> str:
    """What to do about an option before the command, or a parameter that is not named as one."""
    if isinstance(error, click.NoSuchOption) and not command:
        return "options follow the command; "
    context = error.ctx if isinstance(error, click.UsageError) else None
    options = {flag for p in context.command.params for flag in p.opts} if context else set()
    extra = re.search(r"unexpected extra arguments? \((\w+)", error.format_message())
    return f"a parameter is named by --poi {extra[1]}; " if extra and "--poi" in options else ""


def _ending(error: BaseException, arguments: Sequence[str]) -> tuple[int, str]:
    """Exit code and message for what went wrong."""
    from npinfer.inference.executor import Interrupted

    if isinstance(error, click.Abort | KeyboardInterrupt):
        return 130, "npinfer: interrupted"
    if isinstance(error, NpinferError):
        return 130 if isinstance(error, Interrupted) else 2, f"npinfer: {error}"
    if isinstance(error, click.ClickException):
        command = arguments[0] if arguments and arguments[0] in COMMANDS else ""
        place = f"npinfer {command}".strip()
        return 2, f"{place}: {error.format_message().rstrip('.')} ({_remedy(error, command)}see {place} --help)"
    if isinstance(error, OSError):
        return 2, f"npinfer: {error.filename or 'output'}: {error.strerror or error}"
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{os.path.basename(last.filename)}:{last.lineno}"
    return 2, f"npinfer: unexpected {type(error).__name__} in {where}: {error} (run again with --verbose to see where)"
