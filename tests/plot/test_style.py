"""Style: the small print, saving, labels, and no trace left behind."""

import dataclasses
import sys

import matplotlib
import numpy as np
import pytest

from npinfer.core.result import Quantity, Status
from npinfer.errors import OutputError
from npinfer.plot import (
    plot_contour,
    plot_correlations,
    plot_profile,
    plot_pulls,
    plot_templates,
    plot_triangle,
    save_figure,
)
from npinfer.plot.labels import quantity_label, typeset, typeset_unit

X = np.linspace(0.0, 3.0, 7)
FIGURES = {
    "templates": lambda make: plot_templates(make.fit()),
    "profile": lambda make: plot_profile(make.scan(X, X)),
    "contour": lambda make: plot_contour(make.contour()),
    "triangle": lambda make: plot_triangle(make.contour()),
    "pulls": lambda make: plot_pulls(make.fit()),
    "correlations": lambda make: plot_correlations(make.fit()),
}


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_says_what_it_is_made_of(make, printed, name):
    figure, _ = FIGURES[name](make)
    text = printed(figure)
    for said in (
        "kind real",
        "status approximate",
        "arxiv:0000.00000",
        "observed data",
        "npinfer 9.8.7",
        "spec abababab",
        "seed 4",
    ):
        assert said in text
    assert figure.get_suptitle() == "A toy, 3 years"


@pytest.mark.parametrize("name", FIGURES)
def test_nothing_is_cropped_or_overlaps_the_small_print(make, name):
    figure, _ = FIGURES[name](make)
    figure.draw_without_rendering()
    renderer = figure._get_renderer()
    (small,) = [t for t in figure.texts if t.get_gid() == "small print"]
    frame = small.get_window_extent(renderer)
    assert frame.x0 >= 0
    assert frame.y0 >= 0
    assert frame.x1 <= figure.bbox.x1
    for axes in figure.axes:
        tight = axes.get_tightbbox(renderer)
        assert tight.y0 >= frame.y1
        assert tight.x0 >= -1
        assert tight.x1 <= figure.bbox.x1 + 1


def test_long_small_print_is_wrapped(make, printed):
    figure, _ = plot_profile(make.scan(X, X, message="word " * 200))
    assert printed(figure).count("word") == 200
    (small,) = [t for t in figure.texts if t.get_gid() == "small print"]
    assert small.get_window_extent().x1 <= figure.bbox.x1


def test_endless_words_leave_room_for_the_plot(make, printed):
    scan = make.scan(X, X, message="word " * 3000)
    title = "x" * 5000
    figure, _ = plot_profile(dataclasses.replace(scan, description=dataclasses.replace(scan.description, title=title)))
    figure.draw_without_rendering()  # a layout that does not fit is a warning
    assert printed(figure).endswith("…") or "word …" in printed(figure)


def test_a_fit_that_did_not_converge_is_said(make, printed):
    figure, _ = plot_pulls(make.fit(status=Status.NOT_CONVERGED, message="try other $tart values"))
    assert r"not converged: try other \$tart values" in printed(figure)


def test_a_source_tree_has_no_version(make, printed):
    provenance = dataclasses.replace(make.provenance, versions={"npinfer": "not installed"}, digests={}, seed=None)
    figure, _ = plot_profile(make.scan(X, X, provenance=provenance))
    assert "observed data · npinfer from a source tree dashed" in printed(figure)


@pytest.mark.parametrize("name", FIGURES)
def test_global_state_is_left_alone(make, name):
    before = dict(matplotlib.rcParams)
    FIGURES[name](make)
    assert dict(matplotlib.rcParams) == before
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()


@pytest.mark.parametrize(("suffix", "magic"), [("PNG", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")])
def test_save_writes_the_format_of_the_suffix(make, tmp_path, suffix, magic):
    figure, _ = plot_profile(make.scan(X, X))
    path = save_figure(figure, tmp_path / "new" / f"figure.{suffix}")
    assert path.read_bytes().startswith(magic)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_the_same_figure_is_the_same_file(make, tmp_path, suffix):
    saved = [save_figure(plot_profile(make.scan(X, X))[0], tmp_path / f"{i}.{suffix}").read_bytes() for i in range(2)]
    assert saved[0] == saved[1]


def test_save_has_200_dots_an_inch(make, tmp_path):
    figure, _ = plot_profile(make.scan(X, X))
    image = matplotlib.image.imread(save_figure(figure, tmp_path / "a.png"))
    assert image.shape[1] == round(200 * figure.get_figwidth())


def test_save_refuses_what_it_cannot_write(make, tmp_path):
    figure, _ = plot_profile(make.scan(X, X))
    for name in ("figure", "figure.docx"):
        with pytest.raises(OutputError, match=r"saved as \.png, \.pdf, \.svg"):
            save_figure(figure, tmp_path / name)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        save_figure(figure, tmp_path / "file" / "a.png")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        save_figure(figure, tmp_path / "folder.png")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder.png"]


def test_a_failed_write_leaves_the_old_file(make, tmp_path, monkeypatch):
    figure, _ = plot_profile(make.scan(X, X))
    path = save_figure(figure, tmp_path / "a.png")
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("npinfer.core.files.os.fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        save_figure(figure, path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize(
    ("unit", "said"),
    [
        (
            "1e-18 GeV^-1 cm^-2 s^-1 sr^-1",
            r"$10^{-18}\,\mathrm{GeV}^{-1}\,\mathrm{cm}^{-2}\,\mathrm{s}^{-1}\,\mathrm{sr}^{-1}$",
        ),
        ("2.5e3 m", r"$2.5\times 10^{3}\,\mathrm{m}$"),
        ("100 km", r"$100\,\mathrm{km}$"),
        ("GeV", r"$\mathrm{GeV}$"),
        ("log10(E/GeV)", "log10(E/GeV)"),
        ("US$", r"US\$"),
        ("", ""),
    ],
)
def test_units_are_typeset(unit, said):
    assert typeset_unit(unit) == said


@pytest.mark.parametrize("label", ["", "owner.f_x", r"$\nonsense_x$", "$f_{x$"])
def test_a_label_that_cannot_be_set_is_said_in_words(label):
    assert typeset(label, "owner.f_x") == "f x"


def test_a_label_that_can_be_set_is_kept():
    assert typeset(r"$f_{\bar\nu_e}$", "f_nuebar") == r"$f_{\bar\nu_e}$"
    assert typeset("words", "f_nuebar") == "words"


def test_labels_carry_units():
    assert quantity_label(Quantity("a_b")) == "a b"
    assert quantity_label(Quantity("a_b", "GeV", "$M$")) == r"$M$ [$\mathrm{GeV}$]"
