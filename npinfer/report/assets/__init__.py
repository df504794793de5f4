"""What runs and styles a page: plotly.js, what draws with it, and the style sheet; README.md says their sources."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from npinfer.report.blocks import Page

SCRIPTS = ("plotly-basic.min.js", "page.js")


@dataclass(frozen=True)
class Assets:
    """The style sheet, the scripts in their order, and the policy by which a browser runs these and nothing else."""

    style: str
    scripts: tuple[str, ...]

    @property
    def policy(self) -> str:
        """A Content-Security-Policy: no address to load from, and the digest of every script that may run."""
        allowed = " ".join(f"'sha256-{_digest(script)}'" for script in self.scripts) or "'none'"
        rest = "img-src data: blob:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
        return f"default-src 'none'; script-src {allowed}; {rest}"


def assets(page: Page) -> Assets:
    """Those that a page needs: without a chart, no script."""
    drawn = any(section.charts for section in page.sections)
    return Assets(_read("page.css"), tuple(map(_read, SCRIPTS)) if drawn else ())


@cache
def _read(name: str) -> str:
    return resources.files("npinfer.report.assets").joinpath(name).read_text(encoding="utf-8")


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
