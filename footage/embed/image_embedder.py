"""Embedders of pictures and texts of sentence-transformers; knows nothing of videos or of the index.

One code path for models with two towers (CLIP, SigLIP) and for language models that see (Qwen3-VL-Embedding).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from footage.core.bundled import bundled_folder
from footage.core.errors import ModelUnavailableError, UsageError
from footage.core.folder_digest import folder_digest
from footage.embed.models import find_model, load_model

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

DEMO = "demo-clip"
"""The model that comes with the project, trained on drawn footage (data/demo-image-model)."""


@dataclass(frozen=True)
class KnownModel:
    """A model with a short name."""

    name: str
    """Name in settings and in the index."""
    about: str
    """One line for lists."""
    repository: str | None = None
    """Its name on the hub; None for the one that comes with the project."""
    revision: str | None = None
    """Commit on the hub; None where none is known that sentence-transformers loads as it is."""
    folder: Path | None = None
    """Its folder, for the one that comes with the project."""


KNOWN: tuple[KnownModel, ...] = (
    KnownModel(
        DEMO,
        "2.6 MB, of the project, for drawn footage alone",
        folder=bundled_folder("demo-image-model"),
    ),
    KnownModel(
        "siglip2-base",
        "375 M parameters, 768 numbers, many languages",
        repository="google/siglip2-base-patch16-224",
        revision="75de2d55ec2d0b4efc50b3e9ad70dba96a7b2fa2",
    ),
    KnownModel(
        "clip-base",
        "151 M parameters, 512 numbers, English",
        repository="openai/clip-vit-base-patch32",
        revision="c237dc49a33fc61debc9276459120b7eac67e7ef",  # the first one with safetensors
    ),
    KnownModel(
        "qwen3-vl-embedding-2b",
        "2 B parameters, 2,048 numbers, many languages, wants a GPU",
        repository="Qwen/Qwen3-VL-Embedding-2B",
    ),
)
"""Models with a short name; any other name is a folder, or a name on the hub."""

_PICTURES_AT_ONCE, _TEXTS_AT_ONCE = 16, 64
_LONGEST_SIDE = 1024
"""Longest side of a picture that is given to a model, pixels: more than all of the above see, and a bound for
those that see pictures as large as they are."""
_MOST_PICTURE_PIXELS = 640 * 360
"""Width times height of a picture of a video that is given to a model, at most: 220 tokens of Qwen3-VL."""
_WIDE = 16 / 9
"""Most models see a square; the short side of a picture of this form is to fill it."""
_SMALL_PARAMETERS = 10_000_000
"""Models up to this size run in one thread: several wait for each other most of the time, and wait by
spinning. On two cores with other work the demo model takes 2.3 ms of processor time a picture in one thread,
and 56 ms in two."""
_TEXT_PROMPTS, _PICTURE_PROMPTS = ("query",), ("document", "passage", "corpus")
_FIXED_LENGTH = ("siglip", "siglip2", "siglip_text_model", "siglip2_text_model")
"""Kinds of model whose text tower reads the last of a fixed number of tokens, and lower-case words alone."""


class SentenceImageEmbedder:
    """A sentence-transformers model as an ``ImageEmbedder``. Make it with ``load_image_embedder``."""

    def __init__(self, name: str, model: Any) -> None:
        self.name = name
        self._model = model
        self._lower_case = False
        self._is_small = _is_small(model)
        self._prepare_texts()
        self.dimension = int(self.embed_texts(["a"]).shape[1])
        self.picture_pixels = _picture_pixels(model)

    def _prepare_texts(self) -> None:
        """Set what the text tower needs and its files do not say."""
        first = self._model[0]
        config, tokenizer = getattr(first, "config", None), getattr(first, "tokenizer", None)
        longest = getattr(getattr(config, "text_config", config), "max_position_embeddings", None)
        if getattr(config, "model_type", "") in _FIXED_LENGTH:
            self._lower_case = True
            first.processing_kwargs = {
                **first.processing_kwargs,
                "text": {"padding": "max_length", "max_length": longest, "truncation": True},
            }
        elif longest and tokenizer is not None:
            tokenizer.model_max_length = min(tokenizer.model_max_length, longest)

    def embed_pictures(self, pictures: np.ndarray | Sequence[np.ndarray]) -> np.ndarray:
        """Embed pictures, those that are searched and those to search with alike.

        Args:
            pictures: uint8 RGB, one array of shape (count, height, width, 3) or a list of (height, width, 3).

        Returns:
            float32 array of shape (count, dimension), each row L2-normalised.

        Raises:
            UsageError: an array is of another shape or type.
        """
        ready = [{"image": _as_image(picture)} for picture in pictures]
        return self._encode(ready, self._prompt(_PICTURE_PROMPTS), _PICTURES_AT_ONCE)

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Embed texts to search pictures with.

        Returns:
            float32 array of shape (len(texts), dimension), each row L2-normalised.
        """
        clean = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        if self._lower_case:
            clean = [text.lower() for text in clean]
        # In a dictionary, so that a text that looks like the address of a picture is not fetched.
        return self._encode([{"text": text} for text in clean], self._prompt(_TEXT_PROMPTS), _TEXTS_AT_ONCE)

    def _encode(self, items: list[dict[str, Any]], prompt: str | None, at_once: int) -> np.ndarray:
        import numpy as np

        if not items:
            return np.zeros((0, self.dimension), dtype=np.float32)
        with _one_thread() if self._is_small else nullcontext():
            vectors = self._model.encode(
                items,
                prompt=prompt,
                batch_size=at_once,
                normalize_embeddings=True,
                convert_to_numpy=True,
                show_progress_bar=False,
            )
        exact = np.asarray(vectors, dtype=np.float32)
        lengths = np.linalg.norm(exact, axis=1, keepdims=True)  # 16-bit models are off by 0.1 %
        result: np.ndarray = exact / np.maximum(lengths, 1e-9)
        return result

    def _prompt(self, names: tuple[str, ...]) -> str:
        """The instruction that the model has for texts, or for pictures; empty for none."""
        default = self._model.default_prompt_name
        every = (*names, default) if default not in (*_TEXT_PROMPTS, *_PICTURE_PROMPTS) else names
        return next((self._model.prompts[name] for name in every if self._model.prompts.get(name)), "")


def load_image_embedder(name: str = DEMO, *, device: str | None = "cpu") -> SentenceImageEmbedder:
    """Load an embedder of pictures and texts: one of KNOWN, a folder, or one by its hub name.

    No code of a model is run, and only weights in safetensors are read. The hub is asked only for what is not
    on this machine.

    Raises:
        UsageError: the name is empty.
        DependencyError: sentence-transformers is missing.
        ModelUnavailableError: the folder holds no such model, the hub does not give it, or the model does not
            embed pictures and texts in one space.
    """
    if not name.strip():
        names = ", ".join(known.name for known in KNOWN)
        raise UsageError("the image embedder has no name", hint=f"Use {names}, a folder, or a hub name.")
    known, hint = _known(name), _hint(name)
    model = load_model(
        "image embedder",
        name,
        device=device,
        hint=hint,
        folder=known.folder,
        repository=known.repository,
        revision=known.revision,
    )
    _check(name, model, hint)
    return SentenceImageEmbedder(name, model)


def find_image_embedder(name: str, *, offline: bool = False) -> None:
    """Make sure that an image embedder can be loaded, without loading or fetching it.

    Args:
        name: As for ``load_image_embedder``.
        offline: Whether only what is on this machine counts.

    Raises:
        DependencyError: sentence-transformers is missing.
        ModelUnavailableError: neither this machine nor the hub has it.
    """
    known = _known(name)
    find_model(
        "image embedder",
        name,
        hint=_hint(name),
        folder=known.folder,
        repository=known.repository,
        revision=known.revision,
        offline=offline,
    )


def revision_of(name: str) -> str:
    """What tells the weights of an image embedder from others of its name: a commit, or a folder's digest.

    Empty where no commit is known; nothing is loaded.
    """
    known = _known(name)
    folder = known.folder or Path(name).expanduser()
    if known.repository is None and folder.is_dir():
        return f"sha256:{folder_digest(folder)}"
    return known.revision or ""


def _known(name: str) -> KnownModel:
    return next((each for each in KNOWN if each.name == name), KnownModel(name, ""))


def _hint(name: str) -> str:
    if _known(name).folder is not None:
        return "Train it with: python data/train_image_model.py"
    return f"Use the one of the project (--image-embedder {DEMO}), or a folder with such a model."


def _is_small(model: Any) -> bool:
    """Whether a model is so small, and on a CPU, that one thread is as fast as several."""
    parameters = list(model.parameters())
    on_cpu = all(parameter.device.type == "cpu" for parameter in parameters)
    return on_cpu and sum(parameter.numel() for parameter in parameters) <= _SMALL_PARAMETERS


@contextmanager
def _one_thread() -> Iterator[None]:
    """Run torch in the calling thread alone."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _picture_pixels(model: Any) -> int:
    """Of how many pixels a wide picture is worth giving to a model, by what its processor shrinks it to."""
    processor = getattr(model[0], "processor", None)
    size = getattr(getattr(processor, "image_processor", None), "size", None) or {}
    sides = [side for name in ("height", "width", "shortest_edge") if (side := size.get(name))]
    # Processors of models that see any size name numbers of pixels here, not sides.
    wanted = round(max(sides) ** 2 * _WIDE) if sides else _MOST_PICTURE_PIXELS
    return min(wanted, _MOST_PICTURE_PIXELS)


def _check(name: str, model: Any, hint: str) -> None:
    """Refuse a model that does not embed both."""
    lacking = [kind for kind in ("image", "text") if not model.supports(kind)]
    if lacking:
        raise ModelUnavailableError(
            f"{name!r} does not embed pictures and texts: it takes no {' and no '.join(lacking)}", hint=hint
        )


def _as_image(picture: np.ndarray) -> Image.Image:
    """A picture for the model's processor, shrunk by a whole number where it is very large."""
    import numpy as np
    from PIL import Image

    shape = np.shape(picture)
    if len(shape) != 3 or shape[2] != 3 or 0 in shape or getattr(picture, "dtype", None) != np.uint8:
        kind = getattr(picture, "dtype", type(picture).__name__)
        raise UsageError(f"a picture is uint8 of shape (height, width, 3), not {kind} of shape {shape}")
    image = Image.fromarray(np.ascontiguousarray(picture))
    return image.reduce(-(-max(shape[:2]) // _LONGEST_SIDE)) if max(shape[:2]) > _LONGEST_SIDE else image
