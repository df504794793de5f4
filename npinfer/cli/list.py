"""`npinfer list`."""

import click

from npinfer.cli.output import print_table
from npinfer.likelihood.describe import list_table


@click.command("list")
def command() -> None:
    """The likelihoods that can be loaded by name."""
    print_table(list_table())
