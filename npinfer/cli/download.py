"""Files of a published release, fetched over HTTP: checked against its digests, continued where they were cut off."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

from npinfer.errors import DataError

TIMEOUT_S = 60.0
_CHUNK = 1 << 20
_POINTER = re.compile(rb"version https://git-lfs\S*\noid sha256:([0-9a-f]{64})\nsize (\d+)\n")
_LARGEST_POINTER = 1000  # bytes


@dataclass(frozen=True)
class Wanted:
    """A file: its name, where it is, its size in bytes and its digest, as "sha256:…" or "git:…" (of a git blob)."""

    name: str
    url: str
    size: int
    digest: str


def list_release(source: Mapping[str, str], names: Sequence[str]) -> list[Wanted]:
    """The files of these names in a release, with what is known of them; raises DataError.

    source: of a git host, the addresses `tree` of its listing (JSON with path, sha and size of each file), `raw` of its
    files and `media` of those that it keeps by git-lfs, below which are their paths.
    """
    listing = _read_json(source["tree"])
    there: dict[str, Mapping[str, Any]] = {}
    for entry in listing.get("tree", []):
        if isinstance(entry, Mapping) and entry.get("type") == "blob":
            there.setdefault(str(entry.get("path", "")).rpartition("/")[2], entry)
    found = []
    for name in names:
        entry = there.get(name, {})
        if not (isinstance(entry.get("size"), int) and re.fullmatch("[0-9a-f]{40}", str(entry.get("sha")))):
            raise DataError(f"{source['tree']}: no {name} with its size and digest is listed there")
        path = urllib.parse.quote(str(entry["path"]))
        wanted = Wanted(name, f"{source['raw']}/{path}", entry["size"], f"git:{entry['sha']}")
        if wanted.size <= _LARGEST_POINTER:
            wanted = _followed(wanted, f"{source['media']}/{path}")
        found.append(wanted)
    return found


def _followed(pointer: Wanted, url: str) -> Wanted:
    """The file that a pointer of git-lfs stands for; a small file itself."""
    content = _read(pointer.url, _LARGEST_POINTER + 1)
    match = _POINTER.match(content)
    if match is None:
        return pointer
    if _git_digest(content) != pointer.digest:
        raise DataError(f"{pointer.url}: not the file that is listed: its digest is {_git_digest(content)}")
    return Wanted(pointer.name, url, int(match.group(2)), f"sha256:{match.group(1).decode()}")


def is_there(wanted: Wanted, folder: Path) -> bool:
    """Whether the whole file is in the folder."""
    path = folder / wanted.name
    return path.is_file() and path.stat().st_size == wanted.size and _digest(path, wanted) == wanted.digest


def fetch(wanted: Wanted, folder: Path, say: Callable[[int], None]) -> Path:
    """Get a file into a folder; say: is called with the number of bytes that came. Raises DataError.

    What came before is continued; a file of another digest is discarded.
    """
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{wanted.name}.part"
    have = part.stat().st_size if part.is_file() else 0
    if have > wanted.size:
        part.unlink()
        have = 0
    if have < wanted.size:
        _append(wanted, part, have, say)
    size = part.stat().st_size
    if size < wanted.size:
        raise DataError(f"{wanted.url}: stopped after {size} of {wanted.size} bytes; the same command continues")
    found = _digest(part, wanted)
    if found != wanted.digest:
        part.unlink()
        raise DataError(f"{wanted.url}: discarded: its digest is {found}, expected {wanted.digest}; fetch it again")
    return part.replace(folder / wanted.name)


def _append(wanted: Wanted, part: Path, have: int, say: Callable[[int], None]) -> None:
    """Read on from byte `have`, or from the start where the server does not do that."""
    with _open(wanted.url, have) as answer:
        continued = answer.status == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        with part.open("ab" if continued else "wb") as out:
            say(have if continued else 0)
            left = wanted.size - (have if continued else 0)
            while left > 0 and (read := _next(answer, min(_CHUNK, left))):
                out.write(read)
                left -= len(read)
                say(len(read))


def _next(answer: Any, most: int) -> bytes:
    """The next bytes of an answer, none where it is cut off: what came is kept, and seen to be short."""
    try:
        content: bytes = answer.read(most)
    except (OSError, HTTPException):
        return b""
    return content


def _open(url: str, start: int) -> Any:
    """An answer to a request for a file from byte `start` on; raises DataError."""
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise DataError(f"{url}: expected an address that begins with https://")
    headers = {"User-Agent": "npinfer"} | ({"Range": f"bytes={start}-"} if start else {})
    try:
        return urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        error.close()
        raise DataError(f"{url}: the server answers {error.code} {error.reason}") from None
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        remedy = "try again with a network, or fetch elsewhere and use npinfer data import"
        raise DataError(f"{url}: cannot be reached: {reason}; {remedy}") from None


def _read(url: str, most: int = -1) -> bytes:
    """What is at an address, up to `most` bytes; raises DataError."""
    with _open(url, 0) as answer:
        try:
            content: bytes = answer.read(most)
        except (OSError, HTTPException) as error:
            raise DataError(f"{url}: cut off: {error}; try again") from None
    return content


def _read_json(url: str) -> Mapping[str, Any]:
    try:
        content = json.loads(_read(url))
    except ValueError as error:
        raise DataError(f"{url}: no listing of files: {error}") from None
    if not isinstance(content, Mapping):
        raise DataError(f"{url}: no listing of files: found {type(content).__name__}")
    return content


def _digest(path: Path, wanted: Wanted) -> str:
    """The digest of a file, of the kind that is wanted."""
    kind = wanted.digest.partition(":")[0]
    total = hashlib.sha256() if kind == "sha256" else hashlib.sha1(f"blob {path.stat().st_size}\0".encode())
    with path.open("rb") as stream:
        while read := stream.read(_CHUNK):
            total.update(read)
    return f"{kind}:{total.hexdigest()}"


def _git_digest(content: bytes) -> str:
    return f"git:{hashlib.sha1(f'blob {len(content)}'.encode() + bytes(1) + content).hexdigest()}"


def room(folder: Path) -> int:
    """Free bytes where a folder is or would be."""
    while not folder.is_dir():
        folder = folder.parent
    return shutil.disk_usage(folder).free
