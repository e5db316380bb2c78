"""Names a folder of a model by what it holds; knows nothing of models."""

from __future__ import annotations

import hashlib
from pathlib import Path


def folder_digest(folder: Path) -> str:
    """Digest of a local model: name, size and up to 16 blocks of 1 MiB of every file that shapes its answers.

    Files up to 16 MiB count whole; of larger ones the blocks are spread evenly, so that retrained weights of
    the same shapes differ while a 5 GB folder takes a fraction of a second.
    """
    digest = hashlib.sha256()
    block, blocks = 1 << 20, 16
    files = sorted(p for p in folder.iterdir() if p.suffix in (".json", ".jinja", ".safetensors"))
    for path in files:
        size = path.stat().st_size
        digest.update(f"{path.name}\0{size}\0".encode())
        count = min(blocks, -(-size // block))
        with path.open("rb") as file:
            for n in range(count):
                file.seek(n * block if size <= block * blocks else n * (size - block) // (blocks - 1))
                digest.update(file.read(block))
    return digest.hexdigest()
