"""Build nnpdf31_nlo_luxqed.npz from an LHAPDF 6 member file: python build.py SOURCE_FOLDER [OUTPUT_FOLDER]."""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parent
SOURCE = "NNPDF31_nlo_as_0118_luxqed_0000.dat"
SOURCE_SHA256 = "bf2795712ada50f3761d6aaf32b94caffcd3f1ac48e33b49f8556dfd9364232f"
TABLE = "nnpdf31_nlo_luxqed.npz"


def main(arguments: list[str]) -> None:
    source = Path(arguments[0]) / SOURCE
    output = Path(arguments[1]) if len(arguments) > 1 else FOLDER
    content = source.read_bytes()
    if hashlib.sha256(content).hexdigest() != SOURCE_SHA256:
        raise SystemExit(f"{source}: its sha256 is not that of the file this table was built from")
    np.savez_compressed(output / TABLE, **tables(content.decode("ascii")))
    write_digest(output)


def tables(text: str) -> dict[str, np.ndarray]:
    """x, Q [GeV] of all blocks one after the other, flavours, and x f (x, Q, flavour) as the file has them."""
    blocks = []
    for block in text.split("---\n")[1:-1]:
        x, q, flavours, *rows = block.strip().splitlines()
        nodes = [np.array(line.split(), dtype=float) for line in (x, q)]
        values = np.array([row.split() for row in rows], dtype=float)
        blocks.append((*nodes, np.array(flavours.split(), dtype=int), values.reshape(*map(len, nodes), -1)))
    assert all(np.array_equal(b[0], blocks[0][0]) and np.array_equal(b[2], blocks[0][2]) for b in blocks)
    return {
        "x": blocks[0][0],
        "q_gev": np.concatenate([b[1] for b in blocks]),
        "block_starts": np.cumsum([0, *(b[1].size for b in blocks[:-1])]),
        "flavours": blocks[0][2],
        "values": np.concatenate([b[3] for b in blocks], axis=1).astype(np.float32),
    }


def write_digest(folder: Path) -> None:
    """Put the sha256 of the table into README.md."""
    readme = folder / "README.md"
    digest = hashlib.sha256((folder / TABLE).read_bytes()).hexdigest()
    if readme.is_file():
        readme.write_text(re.sub(rf"(?m)^\| {re.escape(TABLE)} \|.*$", f"| {TABLE} | {digest} |", readme.read_text()))


if __name__ == "__main__":
    main(sys.argv[1:])
