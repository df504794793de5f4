"""Data files: found inside their folder alone, checked against their digest, read or refused in words."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import npinfer
from npinfer.core.axis import Axis
from npinfer.core.template import Channel
from npinfer.errors import DataError, NpinferError
from npinfer.likelihood.tables import DataFolder, read_observed, read_template

Write = Callable[..., Path]
LOW = Channel("low", (Axis("energy_gev", (1.0, 10.0, 100.0)), Axis("cos_zenith", (-1.0, 0.0, 1.0))))
HIGH = Channel("high", (Axis("energy_gev", (100.0, 1000.0)),))
HEADER = "channel,energy_gev_low,energy_gev_high,cos_zenith_low,cos_zenith_high,counts\n"
EVENTS = "# seen\nshape,energy_gev,cos_zenith\nround,2,-0.5\nround,20,0.5\nlong,2,0.5\nround,100,1\nround,5000,0\n"


@pytest.fixture
def folder(write: Write, tmp_path: Path) -> DataFolder:
    write(HEADER + "low,1,10,-1,0,1.5\nlow,10,100,0,1,4e0\nhigh,100,1000,0,0,2\n", "data/template.csv")
    write(EVENTS, "data/events.csv")
    return DataFolder({"folder": "data"}, tmp_path)


# ---- templates


def test_an_inline_template_leaves_channels_out(folder: DataFolder) -> None:
    found = read_template({"low": [1, 2, 3, 4]}, [LOW, HIGH], folder)
    assert found == pytest.approx([1, 2, 3, 4, 0])


def test_a_table_gives_the_edges_of_its_bins(folder: DataFolder) -> None:
    assert read_template("template.csv", [LOW, HIGH], folder) == pytest.approx([1.5, 0, 0, 4, 2])


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"lo": [1, 2, 3, 4]}, "unknown channel 'lo': did you mean 'low'"),
        ({"low": [1, 2, 3]}, "template of channel 'low': expected 4 bins"),
        ({"low": [1, 2, 3, -4]}, "bin 3 has a negative count"),
        ({"low": [1, 2, 3, float("nan")]}, "bin 3 is not a finite number"),
        (1.2, r"a template is a CSV file or {channel: \[counts\]}; found 1.2"),
    ],
)
def test_a_bad_inline_template_is_refused(folder: DataFolder, source: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_template(source, [LOW, HIGH], folder)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must name the columns"),
        ("# only a comment\n", "must name the columns"),
        ("channel,channel\nlow,low\n", "each once"),
        ("energy_gev_low,counts\n1,2\n", "expected a column 'channel'; found energy_gev_low, counts"),
        (HEADER + "lo,1,10,-1,0,1\n", "unknown channel 'lo': did you mean 'low'"),
        (HEADER + "low,1,10,-1,0\n", "row 1 does not have the 6 columns of the header"),
        (HEADER + "low,1,10,-1,0,1\nlow,1,10,-1,0,1,7\n", "row 2 does not have the 6 columns"),
        (HEADER + "low,1,10,-1,0,many\n", "row 1: counts is 'many', not a number"),
        (HEADER + "low,1,10,-1,0,nan\n", "not a finite number"),
        (HEADER + "low,1,10,-1,0,-3\n", "negative count"),
        (HEADER + "low,1,11,-1,0,1\n", r"row 1 of channel 'low': \[1, 11\] is not a bin of energy_gev"),
        (HEADER + "low,1,nan,-1,0,1\n", r"\[1, nan\] is not a bin"),
        (HEADER + "low,100,1000,-1,0,1\n", r"\[100, 1000\] is not a bin"),
        (
            HEADER.replace("energy", "enery") + "low,1,10,-1,0,1\n",
            "expected a column 'energy_gev_low'; found channel, enery_gev_low, .*: add it, or mend its name",
        ),
        (HEADER + '"low', "does not have the 6 columns"),
    ],
)
def test_a_bad_table_is_refused_with_its_file(folder: DataFolder, write: Write, text: str, said: str) -> None:
    path = write(text, "data/bad.csv")
    with pytest.raises(DataError, match=said) as caught:
        read_template("bad.csv", [LOW], folder)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("content", [b"channel,counts\n\xff,1\n", b"channel,counts\nlow," + b"1" * 200_000 + b"\n"])
def test_a_file_that_is_no_table_is_refused(folder: DataFolder, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "data" / "bad.csv").write_bytes(content)
    with pytest.raises(DataError, match=r"bad.csv: not a CSV table in UTF-8"):
        folder.rows("bad.csv")


# ---- observed counts


def test_events_are_binned_where_their_columns_say(folder: DataFolder) -> None:
    chosen = {"events": "events.csv", "where": {"shape": "round"}}
    assert read_observed(chosen, LOW, folder) == pytest.approx([1, 0, 0, 2])
    assert read_observed({"events": "events.csv"}, LOW, folder) == pytest.approx([1, 1, 0, 2])


SEEN = "low,1,10,-1,0,1\nlow,1,10,0,1,0\nlow,10,100,-1,0,3\n"


def test_observed_counts_as_a_list_or_a_table(folder: DataFolder, write: Write) -> None:
    assert read_observed([[1, 2], [3, 4]], LOW, folder) == pytest.approx([1, 2, 3, 4])
    spaced = HEADER.replace(",", ", ") + SEEN + "low,10,100,0,1,4\n"
    write("\ufeff" + spaced, "data/seen.csv")  # as spreadsheets write it
    assert read_observed("seen.csv", LOW, folder) == pytest.approx([1, 0, 3, 4])
    assert read_observed("template.csv", HIGH, folder) == pytest.approx([2])


def test_every_bin_is_observed_once(folder: DataFolder, write: Write) -> None:
    with pytest.raises(DataError, match="channel 'low' has 4 bins; found 2 rows: give one for each"):
        read_observed("template.csv", LOW, folder)
    write(HEADER + SEEN + "low,1,10,0,1,7\n", "data/seen.csv")
    with pytest.raises(DataError, match="row 4 of channel 'low' is the bin of row 2; give each once"):
        read_observed("seen.csv", LOW, folder)
    with pytest.raises(DataError, match="row 4 of channel 'low' is the bin of row 2; give each once"):
        read_template("seen.csv", [LOW], folder)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ([1, 2, 3], "observed counts of channel 'low': expected 4 bins"),
        ([1, 2, 3, "four"], "observed counts of channel 'low': counts must be numbers"),
        ([[1, 2], [3]], "counts must be numbers"),
        ([1, 2, 3, None], "bin 3 is not a finite number"),
        ([1, 2, 3, -1], "bin 3 has a negative count"),
        ({"events": "event.csv"}, "no file 'event.csv' here"),
        ({"events": "events.csv", "where": {"shap": "round"}}, "expected a column 'shap'; found"),
    ],
)
def test_bad_observed_counts_are_refused(folder: DataFolder, source: Any, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_observed(source, LOW, folder)


def test_a_channel_that_a_table_of_counts_lacks_is_refused(folder: DataFolder) -> None:
    other = Channel("hihg", HIGH.axes)
    with pytest.raises(DataError, match=r"template.csv: unknown channel 'hihg': did you mean 'high'"):
        read_observed("template.csv", other, folder)


def test_an_event_without_a_number_is_refused(folder: DataFolder, write: Write) -> None:
    write("energy_gev,cos_zenith\n2,0\nnan,0\n", "data/events.csv")
    with pytest.raises(DataError, match=r"events.csv: event 2: energy_gev is not a finite number"):
        read_observed({"events": "events.csv"}, LOW, folder)


# ---- folders and digests


@pytest.mark.parametrize(
    "name", ["../secret.csv", "/etc/passwd", "sub/../../secret.csv", "link.csv", "linked/secret.csv"]
)
def test_a_path_that_leaves_the_folder_is_refused(folder: DataFolder, write: Write, tmp_path: Path, name: str) -> None:
    secret = write("a\n1\n", "secret.csv")
    (tmp_path / "data" / "link.csv").symlink_to(secret)
    (tmp_path / "data" / "linked").symlink_to(tmp_path)
    with pytest.raises(DataError, match=r"leaves the data folder; give a file inside it"):
        folder.rows(name)


@pytest.mark.parametrize("name", ["none.csv", "", "."])
def test_a_missing_file_is_refused_with_the_way_out(folder: DataFolder, name: str) -> None:
    with pytest.raises(DataError, match=r"no file .* here; restore it, or name another"):
        folder.rows(name)


@pytest.mark.parametrize("name", ["..", "/etc", "../other", "data/../..", "link", "a\0b"])
def test_a_data_folder_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    beside = tmp_path / "here"
    beside.mkdir()
    (beside / "link").symlink_to("/etc")
    with pytest.raises(DataError, match=r"leaves the folder of the likelihood; give one inside it|not a path"):
        DataFolder({"folder": name}, beside)


def test_an_unknown_data_folder_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"unknown data folder 'icecube_hes': did you mean 'icecube_hese'\?"):
        DataFolder({"folder": "icecube_hes"}, tmp_path)


def test_a_file_without_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'x.csv' is named but no data folder is declared: add data: {folder: ...}"):
        DataFolder(None, tmp_path).rows("x.csv")


def test_digests_are_checked(write: Write, tmp_path: Path) -> None:
    path = write("a\n1\n", "data/a.csv")
    right = hashlib.sha256(path.read_bytes()).hexdigest()
    assert DataFolder({"folder": "data", "sha256": {"a.csv": right}}, tmp_path).rows("a.csv") == [{"a": "1"}]
    write("a\n2\n", "data/a.csv")
    with pytest.raises(
        DataError, match=r"a.csv: the file was altered: .*; restore the file, or declare its new digest"
    ):
        DataFolder({"folder": "data", "sha256": {"a.csv": right}}, tmp_path)
    path.unlink()
    with pytest.raises(DataError, match=r"no file 'a\.csv' here"):
        DataFolder({"folder": "data", "sha256": {"a.csv": right}}, tmp_path)


# ---- through a likelihood file

FILE = """\
schema: npinfer/likelihood/1
name: tabled
kind: real
status: illustrative
data: {{folder: data, sha256: {{template.csv: {digest}}}}}
channels:
  low:
    axes: {{energy_gev: {{edges: [1, 10, 100]}}, cos_zenith: {{edges: [-1, 0, 1]}}}}
    observed: {observed}
samples:
  s:
    template: template.csv
"""


@pytest.mark.parametrize(
    ("observed", "digest", "line", "said"),
    [
        ("{events: events.csv}", None, None, ""),
        ("{events: events.csv}", "a" * 64, 5, "the file was altered"),
        ("none.csv", None, 9, "no file 'none.csv' here"),
        ("../secret.csv", None, 9, "leaves the data folder"),
        ("[1, 2, 3]", None, 9, "expected 4 bins"),
        ("[1, 2, 3, four]", None, 9, "counts must be numbers"),
        ("{events: template.csv}", None, 9, "expected a column 'energy_gev'; found channel, energy_gev_low"),
    ],
)
def test_a_fault_of_the_data_is_told_with_its_line(
    write: Write, observed: str, digest: str | None, line: int | None, said: str
) -> None:
    table = write(HEADER + "low,1,10,-1,0,1.5\n", "data/template.csv")
    write(EVENTS, "data/events.csv")
    right = hashlib.sha256(table.read_bytes()).hexdigest()
    path = write(FILE.format(observed=observed, digest=digest or right), "tabled.yaml")
    if line is None:
        assert np.ravel(npinfer.load(path).data.counts["low"]) == pytest.approx([1, 1, 0, 2])
        return
    with pytest.raises(NpinferError) as caught:
        npinfer.load(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert said in str(caught.value)


def test_the_shipped_digests_are_those_of_the_files(hese: Any) -> None:
    declared: Mapping[str, str] = hese.description.digests
    assert set(declared) == {"spec", "data", "configuration"}
    assert all(len(d) == 64 for d in declared.values())
