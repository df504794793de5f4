"""The page in a browser: it draws, answers the mouse, saves its numbers, loads nothing, and shows any label as text."""

from __future__ import annotations

import csv
import io
import json
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import npinfer
from npinfer.report import Marks, write_report

webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium: pip install 'npinfer[test]'")
PLACES = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
pytestmark = pytest.mark.skipif(
    not all(PLACES.values()), reason="needs Chromium and its driver: apt-get install chromium chromium-driver"
)
ATTACK = """<script>document.title='taken'</script><img src=x onerror="document.title='taken'"> "'🦆 $x^2$ %{x} <b>"""
CHANNEL = "a_channel_with_a_name_that_no_telephone_has_the_room_for"
LABEL = ATTACK.replace("$", "")  # what has a dollar sign is mathematics
SPEC = f"""\
schema: npinfer/likelihood/1
name: hostile
kind: real
status: illustrative
title: {json.dumps(ATTACK, ensure_ascii=False)}
poi: mu
channels:
  {CHANNEL}:
    axes: {{energy_gev: {{log: [1, 100, 3]}}}}
    observed: [12, 7, 1]
samples:
  signal: {{template: {{{CHANNEL}: [2, 3, 1]}}, scale: mu}}
  background:
    template: {{{CHANNEL}: [9, 4, 0.5]}}
    systematics: [{{name: luminosity, kind: normsys, up: 1.05}}]
parameters:
  mu: {{init: 1, bounds: [0, 10], latex: {json.dumps(LABEL, ensure_ascii=False)}, unit: GeV^-1}}
"""
DRAWN = "return document.querySelectorAll('.plot .main-svg').length"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """A page about a likelihood with hostile labels, and what it was made from."""
    folder = tmp_path_factory.mktemp("results")
    (folder / "hostile.yaml").write_text(SPEC, encoding="utf-8")
    likelihood = npinfer.load(folder / "hostile.yaml")
    fit = npinfer.fit(likelihood)
    scan = npinfer.profile(likelihood, {"mu": np.linspace(0, 4, 17)})
    scan = replace(scan, quantities={name: replace(q, label=LABEL) for name, q in scan.quantities.items()})
    other = replace(scan, description=replace(scan.description, name=ATTACK), delta_twice_nll=scan.delta_twice_nll / 2)
    plane = npinfer.profile(likelihood, {"mu": np.linspace(0, 4, 9), "luminosity": np.linspace(-3, 3, 9)})
    found = {
        "fit": fit,
        "profile": scan,
        "profile_other": other,
        "interval": npinfer.interval(likelihood, "mu", cl=0.9),
        "contour": npinfer.contour(plane),
        "limit": npinfer.upper_limit(likelihood, "mu"),
        "impacts": npinfer.impacts(likelihood, "mu"),
    }
    for name, result in found.items():
        result.save(folder / "saved" / f"{name}.json")
    marks = Marks({scan.names[0]: {ATTACK: (1.0, 0.9, 1.2)}}, ATTACK)
    return SimpleNamespace(page=write_report(folder / "saved", marks=marks), folder=folder, **found)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Chromium without a screen, which writes down what it is asked for and what it complains of."""
    options = webdriver.ChromeOptions()
    options.binary_location = PLACES["chromium"]
    profile = tmp_path_factory.mktemp("browser")
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(PLACES["chromedriver"]))
    yield driver
    driver.quit()


@pytest.fixture
def shown(browser: Any, results: SimpleNamespace) -> Callable[..., Any]:
    """A function that opens the page in a window of a width, light or dark, and gives the browser."""

    def show(width: int = 1280, scheme: str = "light") -> Any:
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme_wanted = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme_wanted})
        for kind in ("browser", "performance"):
            browser.get_log(kind)
        browser.get(results.page.as_uri())
        count = browser.execute_script("return document.querySelectorAll('figure.chart').length")
        wait(lambda: browser.execute_script(DRAWN) >= count)
        return browser

    return show


def wait(until: Callable[[], Any], seconds: float = 10.0) -> Any:
    """What `until` gives once that is true."""
    end = time.monotonic() + seconds
    while not (found := until()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
    return found


def plot(driver: Any, alt: str) -> Any:
    """The figure whose description begins with `alt`, in view."""
    found = driver.find_element("css selector", f'.plot[aria-label^="{alt}"]')
    driver.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", found)
    return found


def figure_of(found: Any) -> Any:
    return found.find_element("xpath", "./ancestor::figure")


def traces(driver: Any, found: Any, what: str) -> list[Any]:
    """A property of every trace of a figure."""
    return driver.execute_script(f"return arguments[0].data.map(t => t.{what} ?? null)", found)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_it_opens_without_complaint_or_request(
    shown: Callable, results: SimpleNamespace, width: int, scheme: str
) -> None:
    driver = shown(width, scheme)
    assert driver.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    asked = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    own = ("data:", "chrome:")  # inside the page, and of the browser's first window
    assert [url for url in asked if not url.startswith(own)] == [results.page.as_uri()]
    assert driver.execute_script("return document.documentElement.scrollWidth") <= width
    style = "const {color, backgroundColor} = getComputedStyle(document.body); return [color, backgroundColor]"
    text, paper = driver.execute_script(style)
    shades = [np.mean([int(v) for v in colour[4:-1].split(",")]) for colour in (text, paper)]
    assert (shades[0] < 100 and shades[1] > 200) if scheme == "light" else (shades[0] > 200 and shades[1] < 60)
    axis = plot(driver, "profile").find_element("css selector", ".xtick text")
    assert axis.value_of_css_property("fill") == text


def test_a_hostile_label_is_text(shown: Callable) -> None:
    driver = shown()
    assert driver.title == ATTACK
    found = plot(driver, "profile")
    legend = [e.get_attribute("textContent") for e in found.find_elements("css selector", ".legendtext")]
    assert legend.count(ATTACK) == 2  # a likelihood of that name, and a model
    assert "hostile" in legend
    title = found.find_element("css selector", ".xtitle").get_attribute("textContent")
    assert title == f"{LABEL} [GeV⁻¹]"
    assert driver.find_elements("css selector", "img[src=x], b, main script:not([type])") == []


def test_the_mouse_reads_values(shown: Callable, results: SimpleNamespace) -> None:
    driver = shown()
    found = plot(driver, "profile")
    x, y = results.profile.grid[results.profile.names[0]], results.profile.delta_twice_nll
    place = """
        const [gd, x, y] = arguments, {xaxis, yaxis} = gd._fullLayout, box = gd.getBoundingClientRect();
        return [xaxis.l2p(x) + xaxis._offset - box.width / 2, yaxis.l2p(y) + yaxis._offset - box.height / 2];
    """
    for i in (8, 10):
        across, down = driver.execute_script(place, found, x[i], y[i])
        webdriver.ActionChains(driver).move_to_element_with_offset(found, round(across), round(down)).perform()
        said = wait(lambda: [e.text for e in found.find_elements("css selector", ".hovertext")])[0]
        assert f"{x[i]:.4g}: {y[i]:.4g}".replace("-", "−") in said
        assert "hostile" in said


def test_members_toggle(shown: Callable) -> None:
    driver = shown()
    found = plot(driver, "profile")
    names = traces(driver, found, "name")
    assert traces(driver, found, "visible") == [None] * len(names)
    legend = found.find_elements("css selector", ".legendtoggle")
    legend[names.index("hostile")].click()
    wait(lambda: traces(driver, found, "visible")[names.index("hostile")] == "legendonly")
    left = [n for n, v in zip(names, traces(driver, found, "visible"), strict=True) if v != "legendonly"]
    assert left == [n for n in names if n != "hostile"]  # gone are the curve and its best fit, nothing else


def test_axes_become_logarithmic_and_back(shown: Callable) -> None:
    driver = shown()
    found = plot(driver, "profile")
    kind = "return [arguments[0]._fullLayout.yaxis.type, arguments[0]._fullLayout.yaxis.range]"
    before = driver.execute_script(kind, found)
    assert before[0] == "linear"
    button = figure_of(found).find_element("css selector", 'button[data-axis="y"]')
    button.click()
    wait(lambda: driver.execute_script(kind, found)[0] == "log")
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    wait(lambda: driver.execute_script(kind, found) == before)
    assert figure_of(found).find_elements("css selector", 'button[data-axis="x"]') == []  # its grid begins at 0


def test_templates_before_and_after_the_fit(shown: Callable, results: SimpleNamespace) -> None:
    driver = shown()
    found = plot(driver, "counts of a channel")

    def heights() -> np.ndarray:
        bars = "return arguments[0].data.filter(t => t.type === 'bar' && t.visible).map(t => t.y)"
        return np.sum(driver.execute_script(bars, found), axis=0)

    after, before = results.fit.channels[CHANNEL].total, results.fit.prefit[CHANNEL].total
    np.testing.assert_allclose(heights(), after, rtol=1e-6)
    figure_of(found).find_elements("css selector", "button[data-view]")[1].click()
    wait(lambda: np.allclose(heights(), before, rtol=1e-6))
    assert not np.allclose(after, before)


def test_curves_are_saved(shown: Callable, results: SimpleNamespace, tmp_path: Path) -> None:
    driver = shown()
    driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    wanted = {
        ("profile", "profile.csv"): results.profile.table(),
        ("profile", "profile_other.csv"): results.profile_other.table(),
        ("regions", "contour.csv"): results.contour.table(),
        ("90 %", "limit_scan.csv"): results.limit.curves()["scan"],
        ("impacts", "impacts.csv"): results.impacts.table(),
    }
    for (alt, file), table in wanted.items():
        figure_of(plot(driver, alt)).find_element("link text", file).click()
        wait((tmp_path / file).is_file)
        saved = list(csv.reader(io.StringIO((tmp_path / file).read_text(encoding="utf-8"))))
        assert saved == list(csv.reader(io.StringIO(table.csv())))


def test_no_other_script_runs_and_nothing_is_sent(shown: Callable) -> None:
    driver = shown()
    driver.execute_script(
        "const s = document.createElement('script'); s.textContent = 'window.ran = true'; document.body.append(s)"
    )
    sent = driver.execute_async_script(
        "const done = arguments[0]; fetch('http://127.0.0.1:9/').then(() => done('sent'), e => done(e.name))"
    )
    assert driver.execute_script("return window.ran ?? null") is None
    assert sent == "TypeError"
    refused = [entry["message"] for entry in driver.get_log("browser")]
    assert len(refused) >= 2
    assert all("Content Security Policy" in message for message in refused)
    assert driver.find_elements("css selector", '.modebar-btn[data-title*="loud"]') == []
