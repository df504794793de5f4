"""`npinfer describe`."""

from __future__ import annotations

from typing import Any

import click

from npinfer.cli.options import likelihood_options, open_likelihood, verbose_option
from npinfer.cli.output import print_table
from npinfer.likelihood.describe import describe


@click.command("describe")
@likelihood_options
@verbose_option
def command(**options: Any) -> None:
    """The data sheet of the likelihood NAME (a name from `npinfer list`, or a YAML file)."""
    likelihood = open_likelihood(options)
    for table in describe(likelihood):
        print_table(table, likelihood.parameters.names)
