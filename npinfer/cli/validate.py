"""`npinfer validate`."""

from __future__ import annotations

from typing import Any

import click

from npinfer.cli.options import check_output, output_options, pairs
from npinfer.cli.output import finish
from npinfer.inference.validate import validate


@click.command("validate")
@click.argument("name")
@click.option("--with", "configuration", multiple=True, callback=pairs, metavar="KEY=VALUE", help="configuration")
@output_options
@click.pass_context
def command(context: click.Context, **options: Any) -> None:
    """Check the likelihood NAME against pyhf, itself and the numbers it declares; exit code 1 if a check fails."""
    check_output(options)
    result = validate(options["name"], **options["configuration"])
    finish(result, options, {})
    if not result.passed:
        context.exit(1)
