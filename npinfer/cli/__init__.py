"""The command line: one command a verb, the same words as in Python."""

from npinfer.cli.main import main

__all__ = ["main"]
