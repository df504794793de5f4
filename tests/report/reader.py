"""A page as its reader sees it."""

from __future__ import annotations

import base64
import csv
import io
import json
from html.parser import HTMLParser

VOID = {"meta", "img", "br", "hr", "link", "input"}


class Reader(HTMLParser):
    """Checks that tags balance; gathers texts, attributes and pictures."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open, self.attributes, self.tags, self.texts, self.scripts = [], [], [], [], []
        self.feed(page)
        self.close()
        assert self.open == []
        self.text = " ".join(" ".join(self.texts).split())

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, key, value) for key, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        elif self.open and self.open[-1] != "style":
            self.texts.append(data)

    def values(self, tag, key):
        return [value for t, k, value in self.attributes if (t, k) == (tag, key)]

    @property
    def charts(self):
        """What each interactive figure draws."""
        return [json.loads(text) for text in self.scripts if text.startswith("{")]

    def downloads(self):
        """{file: rows of its CSV}."""
        links = [v for v in self.values("a", "href") if v.startswith("data:")]
        rows = [list(csv.reader(io.StringIO(base64.b64decode(v.partition("base64,")[2]).decode()))) for v in links]
        return dict(zip(self.values("a", "download"), rows, strict=True))
