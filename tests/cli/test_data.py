"""`npinfer data`: releases imported from a folder, and fetched from a server that behaves, or not."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shlex
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from npinfer.cli.download import Wanted, fetch
from npinfer.errors import DataError

ROOT = Path(__file__).parent.parent.parent
CONTENT = bytes(range(256)) * 40
SHA1 = hashlib.sha1(f"blob {len(CONTENT)}".encode() + b"\0" + CONTENT).hexdigest()


class Server:
    """Files over HTTP from memory; faults: cut (bytes after which a connection ends), plain (no ranges), status."""

    def __init__(self, port: int) -> None:
        self.url, self.files = f"http://127.0.0.1:{port}", {}
        self.cut: int | None = None
        self.plain, self.status = False, 0
        self.asked: list[tuple[str, str]] = []


@pytest.fixture
def server() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range", "")
            state.asked.append((self.path, asked))
            content = state.files.get(self.path.partition("?")[0])
            if content is None or state.status:
                self.send_error(state.status or 404)
                return
            start = int(asked[6:-1]) if asked and not state.plain else 0
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            self.wfile.write(content[start:] if state.cut is None else content[start : start + state.cut])

        def log_message(self, *given: Any) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state = Server(httpd.server_port)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield state
    httpd.shutdown()
    thread.join()
    httpd.server_close()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NPINFER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "icecube_hese_mc"


@pytest.fixture
def wanted(server: Server) -> Wanted:
    server.files["/x.bin"] = CONTENT
    return Wanted("x.bin", f"{server.url}/x.bin", len(CONTENT), f"git:{SHA1}")


@pytest.fixture
def published(server: Server, tmp_path: Path, hese_release: Any, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A release on the server, listed as a git host does, one of its files kept by git-lfs."""
    folder = hese_release.write_release(tmp_path / "upstream", 400)
    tree = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        content, name = path.read_bytes(), path.relative_to(folder).as_posix()
        server.files[f"/media/{name}" if path.name == "HESE_mc_flux.json" else f"/raw/{name}"] = content
        if path.name == "HESE_mc_flux.json":
            digest = hashlib.sha256(content).hexdigest()
            pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(content)}\n"
            server.files[f"/raw/{name}"] = content = pointer.encode()
        sha = hashlib.sha1(f"blob {len(content)}".encode() + b"\0" + content).hexdigest()
        tree.append({"path": name, "type": "blob", "sha": sha, "size": len(content)})
    server.files["/tree"] = json.dumps({"tree": tree}).encode()
    source = {"tree": f"{server.url}/tree?recursive=1", "raw": f"{server.url}/raw", "media": f"{server.url}/media"}
    (tmp_path / "root" / "data" / "icecube_hese_mc").mkdir(parents=True)
    (tmp_path / "root" / "data" / "icecube_hese_mc" / "release.json").write_text(json.dumps(source))
    monkeypatch.setenv("NPINFER_PATH", str(tmp_path / "root"))
    return server


# ---- one file


def test_a_file_is_fetched_once(wanted: Wanted, server: Server, tmp_path: Path) -> None:
    came: list[int] = []
    assert fetch(wanted, tmp_path, came.append).read_bytes() == CONTENT
    assert sum(came) == len(CONTENT)
    assert not (tmp_path / "x.bin.part").exists()


def test_what_was_cut_off_is_continued(wanted: Wanted, server: Server, tmp_path: Path) -> None:
    server.cut = 1000
    with pytest.raises(DataError, match=f"stopped after 1000 of {len(CONTENT)} bytes; the same command continues"):
        fetch(wanted, tmp_path, lambda n: None)
    assert not (tmp_path / "x.bin").exists()
    server.cut = None
    assert fetch(wanted, tmp_path, lambda n: None).read_bytes() == CONTENT
    assert server.asked[-1] == ("/x.bin", "bytes=1000-")


def test_a_server_without_ranges_starts_again(wanted: Wanted, server: Server, tmp_path: Path) -> None:
    (tmp_path / "x.bin.part").write_bytes(b"something else")
    server.plain = True
    assert fetch(wanted, tmp_path, lambda n: None).read_bytes() == CONTENT


def test_a_file_of_another_digest_is_discarded(wanted: Wanted, server: Server, tmp_path: Path) -> None:
    server.files["/x.bin"] = CONTENT[:-1] + b"!"
    with pytest.raises(DataError, match="discarded: its digest is git:"):
        fetch(wanted, tmp_path, lambda n: None)
    assert not list(tmp_path.glob("x.bin*"))


def test_a_part_that_is_too_long_or_wrong_is_not_used(wanted: Wanted, tmp_path: Path) -> None:
    part = tmp_path / "x.bin.part"
    part.write_bytes(b"!" * (len(CONTENT) + 1))
    assert fetch(wanted, tmp_path, lambda n: None).read_bytes() == CONTENT
    part.write_bytes(b"!" * 100)
    with pytest.raises(DataError, match="discarded"):
        fetch(wanted, tmp_path, lambda n: None)
    assert not part.exists()


def test_addresses_that_do_not_answer(wanted: Wanted, server: Server, tmp_path: Path) -> None:
    server.status = 503
    with pytest.raises(DataError, match=r"x.bin: the server answers 503"):
        fetch(wanted, tmp_path, lambda n: None)
    for url, message in (
        ("http://127.0.0.1:1/x", r"cannot be reached: \[Errno \d+\] .*; try again with a network"),
        ("file:///etc/passwd", "begins with https"),
    ):
        with pytest.raises(DataError, match=message):
            fetch(Wanted("x", url, 1, "git:0"), tmp_path, lambda n: None)


# ---- the commands


def test_fetch_shows_the_size_and_asks(
    published: Server, npi: Callable, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    done = npi("data fetch icecube_hese_mc")
    assert done.code == 130
    assert re.search(r"48 files, \d+\.\d MB, from http://127", done.out)
    assert not (cache / "release").exists()


def test_fetch_imports_what_it_gets(published: Server, npi: Callable, cache: Path) -> None:
    said = npi("data fetch icecube_hese_mc --yes").done()
    assert "of 400 simulated events lie in the analysis" in said
    assert len(list((cache / "release").iterdir())) == 48
    before = len(published.asked)
    again = npi("data fetch icecube_hese_mc").done()
    assert "to get: 0 files" in again
    assert "was imported before" in again
    assert len(published.asked) == before + 2  # the listing, and the pointer of git-lfs


def test_fetch_continues_after_a_fault(published: Server, npi: Callable, cache: Path) -> None:
    published.cut = 20_000
    assert "the same command continues" in npi("data fetch icecube_hese_mc --yes").err
    assert not list(cache.glob("*.npz"))
    published.cut = None
    npi("data fetch icecube_hese_mc --yes").done()


def test_fetch_refuses_a_release_that_was_changed(published: Server, npi: Callable, cache: Path) -> None:
    published.files["/media/HESE_mc_flux.json"] = published.files["/media/HESE_mc_flux.json"].replace(b"1", b"2")
    assert "discarded: its digest is sha256:" in npi("data fetch icecube_hese_mc --yes").err
    assert not list(cache.glob("*.npz"))


@pytest.mark.parametrize(
    ("listing", "message"),
    [
        (b"no json", "no listing of files"),
        (b"[]", "no listing of files: found list"),
        (b'{"tree": []}', "no HESE_mc_truth.json with its size and digest is listed there"),
    ],
)
def test_fetch_refuses_a_listing_without_the_files(
    published: Server, npi: Callable, listing: bytes, message: str
) -> None:
    published.files["/tree"] = listing
    assert message in npi("data fetch icecube_hese_mc --yes").err


def test_import_of_a_folder(npi: Callable, tmp_path: Path, hese_release: Any) -> None:
    folder = hese_release.write_release(tmp_path / "here", 400)
    assert "imported: " in npi(f"data import icecube_hese_mc {folder}").done()
    assert "no HESE_mc_truth.json" in npi(f"data import icecube_hese_mc {tmp_path / 'nowhere'}").err
    assert "did you mean 'icecube_hese_mc'?" in npi(f"data import icecube_hese {folder}").err


def test_the_commands_of_the_readme(published: Server, npi: Callable) -> None:
    """What the README types for this release, with fewer points and an answer to the question."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = [line[2:].split("#")[0].strip() for line in text.splitlines() if line.startswith("$ npinfer ")]
    mine = [line for line in lines if "icecube_hese_mc" in line]
    assert len(mine) == 3
    assert mine[0] == "npinfer data fetch icecube_hese_mc"
    for line in mine:
        words = shlex.split(line.replace("fetch icecube_hese_mc", "fetch icecube_hese_mc --yes"))[1:]
        npi(" ".join(re.sub(r":(\d+)$", ":2", word) for word in words)).done()
