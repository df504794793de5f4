"""`npinfer list`."""

import click

from npinfer.cli.options import verbose_option
from npinfer.cli.output import print_table
from npinfer.likelihood.describe import list_table


@click.command("list")
@verbose_option
def command() -> None:
    """The likelihoods that can be loaded by name."""
    print_table(list_table())
