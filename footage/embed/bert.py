"""Sentence embedders of the BERT kind, computed with numpy; knows neither torch nor kinds of texts.

Torch and transformers take seconds to import and half a gigabyte of memory, the bundled embedder takes
milliseconds a text. Folders that hold anything else are refused here, and are left to sentence-transformers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from tokenizers import Tokenizer

    from footage.embed.protocol import TextKind

    Weights = dict[str, np.ndarray]

_TOKENS_AT_ONCE = 1024
"""Tokens that are computed together, unless one text has more: enough for full speed, 30 MB."""
_VALUES_AT_ONCE = 1 << 15
"""Values of the activation function that are computed together: they stay in the cache of a core."""
_FLOATS = ("F32", "F16")
"""Number formats of weights that numpy knows."""
_ERF_ABOVE = (
    -2.72614225801306e-10,
    2.77068142495902e-08,
    -2.10102402082508e-06,
    -5.69250639462346e-05,
    -7.34990630326855e-04,
    -2.95459980854025e-03,
    -1.60960333262415e-02,
)
_ERF_BELOW = (
    -1.45660718464996e-05,
    -2.13374055278905e-04,
    -1.68282697438203e-03,
    -7.37332916720468e-03,
    -1.42647390514189e-02,
)
"""Factors of x in the error function: above and below the line, highest power first."""
_PIECES = "embeddings.word_embeddings.weight"
_PARTS_OF_A_LAYER = (
    *("attention.self.query", "attention.self.key", "attention.self.value"),
    *("attention.output.dense", "attention.output.LayerNorm"),
    *("intermediate.dense", "output.dense", "output.LayerNorm"),
)


@dataclass(frozen=True)
class BertConfig:
    """What the files of a folder say about its model."""

    layers: int
    """Number of layers."""
    heads: int
    """Attention heads of a layer."""
    epsilon: float
    """Added to variances before their root is taken."""
    most_tokens: int
    """Longest text, tokens; what is longer is cut off."""
    prompts: dict[str, str]
    """Prefixes of texts by name."""
    default_prompt: str | None
    """Name of the prefix of texts of no other kind."""


def read_config(folder: Path) -> BertConfig | None:
    """What the files of a folder say, or None where its model is not one that ``BertEncoder`` computes.

    Raises:
        OSError: a file cannot be read.
        ValueError: a file is not JSON.
    """
    if not all((folder / name).is_file() for name in ("modules.json", "tokenizer.json", "model.safetensors")):
        return None
    model, tokens = _read(folder / "config.json"), _read(folder / "tokenizer_config.json")
    limits = _read(folder / "sentence_bert_config.json")
    prompts = _read(folder / "config_sentence_transformers.json")
    if not (_is_plain_bert(model) and _is_mean_of_tokens(folder) and not limits.get("do_lower_case")):
        return None
    if not str(tokens.get("tokenizer_class", "")).startswith("BertTokenizer"):
        return None
    longest = (model["max_position_embeddings"], tokens.get("model_max_length"), limits.get("max_seq_length"))
    return BertConfig(
        layers=model["num_hidden_layers"],
        heads=model["num_attention_heads"],
        epsilon=model.get("layer_norm_eps", 1e-12),
        most_tokens=int(min(each for each in longest if each)),
        prompts=prompts.get("prompts") or {},
        default_prompt=prompts.get("default_prompt_name"),
    )


def _read(path: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    return values


def _is_plain_bert(model: dict[str, Any]) -> bool:
    return (
        model.get("model_type") == "bert"
        and model.get("hidden_act") == "gelu"
        and model.get("position_embedding_type", "absolute") == "absolute"
        and not model.get("is_decoder")
        and not model.get("quantization_config")
    )


def _is_mean_of_tokens(folder: Path) -> bool:
    """Whether a text's vector is the mean of those of all its tokens, its prefix included."""
    modules = json.loads((folder / "modules.json").read_text("utf-8"))
    names = [each["type"].rpartition(".")[2] for each in modules]
    if (
        names not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"])
        or modules[0]["path"]
    ):
        return False
    pooling = _read(folder / modules[1]["path"] / "config.json")
    chosen = [name for name, value in pooling.items() if name.startswith("pooling_mode_") and value]
    is_mean = pooling.get("pooling_mode") == "mean" or chosen == ["pooling_mode_mean_tokens"]
    return is_mean and bool(pooling.get("include_prompt", True))


class BertEncoder:
    """Computes the vectors of texts. Make it with ``load_bert``."""

    def __init__(self, config: BertConfig, tokenizer: Tokenizer, weights: Weights) -> None:
        import numpy as np

        self.prompts, self.default_prompt_name = config.prompts, config.default_prompt
        self._config, self._tokenizer = config, tokenizer
        self.word_pieces: np.ndarray | None = weights[_PIECES]
        """Input vectors of word pieces, float32 (pieces, dimension)."""
        self.dimension = int(weights[_PIECES].shape[1])
        self._weights = dict(weights)
        for layer in range(config.layers):  # one product for all three is faster
            parts = [f"encoder.layer.{layer}.attention.self.{part}" for part in ("query", "key", "value")]
            for kind in ("weight", "bias"):
                three = np.concatenate([self._weights.pop(f"{part}.{kind}") for part in parts])
                self._weights[f"encoder.layer.{layer}.attention.self.{kind}"] = three

    def piece_ids(self, words: Sequence[str]) -> list[list[int]]:
        """Numbers of the word pieces of each text, without those that mark its ends."""
        return [each.ids for each in self._tokenizer.encode_batch(list(words), add_special_tokens=False)]

    def encode(self, texts: Sequence[str], *, prompt: str = "", kind: TextKind = "document") -> np.ndarray:
        """Embed texts, each with a prefix; texts of all kinds are computed alike.

        Returns:
            float32 array of shape (len(texts), dimension), each row L2-normalised.
        """
        import numpy as np

        ids = [self._tokenizer.encode(prompt + text).ids for text in texts]
        result = np.zeros((len(texts), self.dimension), np.float32)
        for batch in _batches([len(each) for each in ids]):
            result[batch] = self._vectors([ids[number] for number in batch])
        unit: np.ndarray = result / np.maximum(np.linalg.norm(result, axis=1, keepdims=True), 1e-12)
        return unit

    def _vectors(self, texts: list[list[int]]) -> np.ndarray:
        """The mean of the token vectors of each text; the texts are in the order of their lengths.

        All tokens lie in one array without padding; only attention, which looks at one text at a time, takes
        texts of one length together.
        """
        import numpy as np

        lengths = np.array([len(each) for each in texts])
        starts = np.concatenate([[0], np.cumsum(lengths)])
        groups = [
            (slice(starts[first], starts[first + count]), int(length))
            for length, first, count in zip(
                *np.unique(lengths, return_index=True, return_counts=True), strict=True
            )
        ]
        positions = np.concatenate([np.arange(length) for length in lengths])
        hidden = self._weights[_PIECES][np.concatenate(texts)]
        hidden += self._weights["embeddings.token_type_embeddings.weight"][0]
        hidden += self._weights["embeddings.position_embeddings.weight"][positions]
        hidden = self._norm(hidden, "embeddings.LayerNorm")
        for layer in range(self._config.layers):
            name = f"encoder.layer.{layer}"
            seen = self._attention(self._linear(hidden, f"{name}.attention.self"), groups)
            seen = self._linear(seen, f"{name}.attention.output.dense")
            hidden = self._norm(hidden + seen, f"{name}.attention.output.LayerNorm")
            wide = _gelu(self._linear(hidden, f"{name}.intermediate.dense"))
            hidden = self._norm(
                hidden + self._linear(wide, f"{name}.output.dense"), f"{name}.output.LayerNorm"
            )
        means: np.ndarray = np.add.reduceat(hidden, starts[:-1], axis=0) / lengths[:, None]
        return means

    def _attention(self, projected: np.ndarray, groups: list[tuple[slice, int]]) -> np.ndarray:
        """What the tokens of each text take from each other, (tokens, dimension).

        Args:
            projected: Query, key and value of each token, (tokens, 3 * dimension).
            groups: Tokens of the texts of one length, and that length.
        """
        import numpy as np

        heads, size = self._config.heads, self.dimension // self._config.heads
        result = np.empty((len(projected), self.dimension), np.float32)
        for tokens, length in groups:
            parts = projected[tokens].reshape(-1, length, 3, heads, size).transpose(2, 0, 3, 1, 4)
            query, key, value = parts
            scores = query @ key.swapaxes(-1, -2)
            scores *= size**-0.5
            scores -= scores.max(axis=-1, keepdims=True)
            np.exp(scores, out=scores)
            scores /= scores.sum(axis=-1, keepdims=True)
            result[tokens] = (scores @ value).swapaxes(1, 2).reshape(-1, self.dimension)
        return result

    def _linear(self, values: np.ndarray, name: str) -> np.ndarray:
        result: np.ndarray = values @ self._weights[f"{name}.weight"].T
        result += self._weights[f"{name}.bias"]
        return result

    def _norm(self, values: np.ndarray, name: str) -> np.ndarray:
        """Layer normalisation, in place."""
        import numpy as np

        values -= values.mean(axis=-1, keepdims=True)
        spread = np.einsum("ij,ij->i", values, values)[:, None] / values.shape[1]
        values *= 1 / np.sqrt(spread + np.float32(self._config.epsilon))
        values *= self._weights[f"{name}.weight"]
        values += self._weights[f"{name}.bias"]
        return values


def load_bert(folder: Path) -> BertEncoder | None:
    """Load the model of a folder, or None where it is not one that ``BertEncoder`` computes.

    Raises:
        OSError: a file cannot be read.
        ValueError: a file is not what its name says.
    """
    import numpy as np
    from safetensors import safe_open
    from tokenizers import Tokenizer

    config = read_config(folder)
    if config is None:
        return None
    with safe_open(folder / "model.safetensors", framework="numpy") as file:
        held, names = set(file.keys()), list(_weight_names(config.layers))
        if not held.issuperset(names) or any(file.get_slice(n).get_dtype() not in _FLOATS for n in names):
            return None
        weights = {name: np.asarray(file.get_tensor(name), np.float32) for name in names}
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(config.most_tokens)
    return BertEncoder(config, tokenizer, weights)


def _weight_names(layers: int) -> Iterator[str]:
    for part in ("word_embeddings", "position_embeddings", "token_type_embeddings"):
        yield f"embeddings.{part}.weight"
    parts = ["embeddings.LayerNorm"]
    for layer in range(layers):
        parts += [f"encoder.layer.{layer}.{part}" for part in _PARTS_OF_A_LAYER]
    for part in parts:
        yield from (f"{part}.weight", f"{part}.bias")


def _batches(lengths: list[int]) -> Iterator[list[int]]:
    """Numbers of texts that are computed together, shortest first."""
    batch: list[int] = []
    tokens = 0
    for number in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and tokens + lengths[number] > _TOKENS_AT_ONCE:
            yield batch
            batch, tokens = [], 0
        batch.append(number)
        tokens += lengths[number]
    if batch:
        yield batch


def _gelu(values: np.ndarray) -> np.ndarray:
    """Gaussian error linear units, in place: half of x, times 1 + erf(x / sqrt(2)).

    The error function is the usual rational approximation for single precision, as in Eigen and XLA.
    """
    import numpy as np

    flat = values.reshape(-1)
    for first in range(0, len(flat), _VALUES_AT_ONCE):
        part = flat[first : first + _VALUES_AT_ONCE]
        root = np.clip(part * np.float32(0.5**0.5), -4, 4)
        square = root * root
        error = _polynomial(square, _ERF_ABOVE)
        error *= root
        error /= _polynomial(square, _ERF_BELOW)
        error += 1
        error *= 0.5
        part *= error
    return values


def _polynomial(values: np.ndarray, factors: tuple[float, ...]) -> np.ndarray:
    import numpy as np

    total = np.full_like(values, factors[0])
    for factor in factors[1:]:
        total *= values
        total += np.float32(factor)
    return total
