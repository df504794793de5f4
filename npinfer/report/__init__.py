"""A self-contained page about the results of a folder."""

from npinfer.report.folder import read_folder
from npinfer.report.marks import Marks
from npinfer.report.page import write_report

__all__ = ["Marks", "read_folder", "write_report"]
