"""`npinfer validate`."""

from __future__ import annotations

from typing import Any

import click

from npinfer.cli.options import check_output, file_options, import_plugins, output_options
from npinfer.cli.output import finish
from npinfer.inference.validate import validate


@click.command("validate")
@file_options
@output_options
def command(**options: Any) -> None:
    """Check the likelihood NAME against pyhf, itself and the numbers it declares; exit code 1 if a check fails."""
    check_output(options)
    import_plugins(options["plugin"])
    result = validate(options["name"], **options["configuration"])
    finish(result, options, {})
    if not result.passed:
        click.get_current_context().exit(1)
