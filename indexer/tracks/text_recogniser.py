"""Finds and reads text in one picture with PP-OCRv6 as it ships in rapidocr; knows neither videos nor tracks.

The two models lie inside the installed package and are opened by path: nothing is ever downloaded. They read
Chinese, Japanese, Greek and everything written in Latin letters; other scripts (Cyrillic, Hangul, Arabic,
Thai, Devanagari) are not among the 18,708 characters of the recogniser.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from footage.core.errors import DependencyError
from footage.core.plain_text import evened

ENGINE = "rapidocr"
MODEL = "PP-OCRv6-small"
_DETECTOR, _READER = "PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx"
_LINE_HEIGHT_PIXELS = 48
"""Height that lines are read at, given by the model."""
_WIDTH_STEP_PIXELS, _MOST_WIDTH_PIXELS = 32, 1600
_BATCH_LINES = 6
_TALL = 1.5
"""A box this many times as high as wide holds text that was turned; rapidocr's own value."""
_SMALL_PIXELS, _MOST_ENLARGED = 640, 2.0
"""Pictures with a smaller longer side are enlarged to it, by this much at most, before text is looked for."""
MOST_LETTERS = 300
"""Longest text of one line that is kept."""
_LEAST_SIDE_PIXELS = 5
"""Boxes with a shorter side hold no legible text."""

Corners = np.ndarray
"""float32 (4, 2): x and y in pixels of the corners of a line, clockwise from where reading starts."""


@dataclass(frozen=True, slots=True)
class ReadLine:
    """What one line says."""

    text: str
    """One line without control characters; may be empty."""
    score: float
    """Mean probability of its characters, 0 to 1."""


def check_engine() -> None:
    """Make sure that the recogniser can be loaded, without loading it.

    Raises:
        DependencyError: A package or a model is missing.
    """
    for name in ("rapidocr", "onnxruntime", "cv2"):
        if importlib.util.find_spec(name) is None:
            raise DependencyError(
                f"text in the picture cannot be read: the package {name} is not installed",
                hint="Install it with 'pip install rapidocr onnxruntime', or leave out screen-text of "
                "--tracks.",
            )
    for name in (_DETECTOR, _READER):
        if not (_models() / name).is_file():
            raise DependencyError(
                f"text in the picture cannot be read: {name} is missing in {_models()}",
                hint="Install rapidocr 3.10 or later again; the models are part of the package.",
            )


class TextRecogniser:
    """The two models, loaded when first used, on one thread (two are a third dearer in processor time)."""

    @cached_property
    def revision(self) -> str:
        """Digest of both models, 16 hexadecimal digits."""
        check_engine()
        digest = hashlib.sha256()
        for name in (_DETECTOR, _READER):
            digest.update((_models() / name).read_bytes())
        return digest.hexdigest()[:16]

    @property
    def engine(self) -> str:
        """Name and version of the engine."""
        return f"{ENGINE} {version(ENGINE)}"

    def find(self, picture: np.ndarray, *, side_pixels: int) -> list[Corners]:
        """Where lines of text are in a picture.

        Args:
            picture: uint8 (height, width, 3), RGB.
            side_pixels: What the longer side is resized to, which decides how small a text is found.

        Returns:
            Corners in pixels of the picture, in the order of reading.
        """
        import cv2

        height, width = picture.shape[:2]
        side_pixels = min(side_pixels, max(height, width, _SMALL_PIXELS))
        scale = min(side_pixels / max(height, width), _MOST_ENLARGED)
        size = [max(32, round(side * scale / 32) * 32) for side in (width, height)]
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        planes = small[..., ::-1].transpose(2, 0, 1)[None].astype(np.float32) / 127.5 - 1
        found = self._detector.run(None, {self._detector.get_inputs()[0].name: np.ascontiguousarray(planes)})
        boxes, _ = self._postprocess(found[0], (height, width))
        lines = [np.asarray(box, np.float32) for box in boxes if _shorter_side(box) >= _LEAST_SIDE_PIXELS]
        return sorted(
            lines, key=lambda corners: (round(float(corners[:, 1].min()) / 10), corners[:, 0].min())
        )

    def read(self, picture: np.ndarray, lines: Sequence[Corners]) -> list[ReadLine]:
        """What some lines of a picture say; a turned line is read both ways and the surer reading is taken.

        Args:
            picture: uint8 (height, width, 3), RGB.
            lines: As ``find`` brings them.
        """
        crops: list[tuple[int, np.ndarray]] = []
        for number, corners in enumerate(lines):
            crop = _cut_out(picture, corners)
            if crop.shape[0] >= crop.shape[1] * _TALL:
                crops += [(number, np.rot90(crop)), (number, np.rot90(crop, -1))]
            else:
                crops.append((number, crop))
        best = [ReadLine("", 0.0)] * len(lines)
        crops.sort(key=lambda pair: pair[1].shape[1] / pair[1].shape[0])
        for begin in range(0, len(crops), _BATCH_LINES):
            batch = crops[begin : begin + _BATCH_LINES]
            for (number, _), read in zip(batch, self._read_batch([crop for _, crop in batch]), strict=True):
                if read.score > best[number].score:
                    best[number] = read
        return best

    def _read_batch(self, crops: list[np.ndarray]) -> list[ReadLine]:
        import cv2

        widths = [
            min(_MOST_WIDTH_PIXELS, max(16, round(crop.shape[1] / crop.shape[0] * _LINE_HEIGHT_PIXELS)))
            for crop in crops
        ]
        most = -(-max(widths) // _WIDTH_STEP_PIXELS) * _WIDTH_STEP_PIXELS
        planes = np.zeros((len(crops), 3, _LINE_HEIGHT_PIXELS, most), np.float32)
        for number, (crop, width) in enumerate(zip(crops, widths, strict=True)):
            small = cv2.resize(np.ascontiguousarray(crop), (width, _LINE_HEIGHT_PIXELS))
            planes[number, :, :, :width] = small[..., ::-1].transpose(2, 0, 1).astype(np.float32) / 127.5 - 1
        (likely,) = self._reader.run(None, {self._reader.get_inputs()[0].name: planes})
        return [self._decoded(each) for each in likely]

    def _decoded(self, likely: np.ndarray) -> ReadLine:
        """The characters of one line: (steps, characters) of probabilities, as CTC has them."""
        best, sure = likely.argmax(axis=1), likely.max(axis=1)
        kept = best != 0
        kept[1:] &= best[1:] != best[:-1]
        if not kept.any():
            return ReadLine("", 0.0)
        text = "".join(self._characters[index] for index in best[kept].tolist())
        return ReadLine(evened(text)[:MOST_LETTERS], round(float(sure[kept].mean()), 4))

    @cached_property
    def _detector(self) -> Any:
        return _session(_DETECTOR)

    @cached_property
    def _reader(self) -> Any:
        return _session(_READER)

    @cached_property
    def _characters(self) -> list[str]:
        known = self._reader.get_modelmeta().custom_metadata_map["character"].splitlines()
        return ["", *known, " "]

    @cached_property
    def _postprocess(self) -> Any:
        level = logging.getLogger("RapidOCR").level
        from rapidocr.ch_ppocr_det.utils import DBPostProcess

        logging.getLogger("RapidOCR").setLevel(max(level, logging.ERROR))  # it writes to stderr by itself
        return DBPostProcess(
            thresh=0.3, box_thresh=0.5, max_candidates=1000, unclip_ratio=1.6, use_dilation=True
        )


def _models() -> Path:
    found = importlib.util.find_spec("rapidocr")
    return Path(found.origin or "").parent / "models" if found else Path("rapidocr/models")


def _session(name: str) -> Any:
    """One model, on one thread that does not spin while it waits."""
    import onnxruntime

    check_engine()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        str(_models() / name), sess_options=options, providers=["CPUExecutionProvider"]
    )


def _shorter_side(corners: Any) -> float:
    sides = np.linalg.norm(np.diff(np.asarray(corners, float)[:3], axis=0), axis=1)
    return float(sides.min())


def _cut_out(picture: np.ndarray, corners: Corners) -> np.ndarray:
    """A line cut out of a picture, straightened."""
    import cv2

    across = max(np.linalg.norm(corners[0] - corners[1]), np.linalg.norm(corners[3] - corners[2]))
    down = max(np.linalg.norm(corners[0] - corners[3]), np.linalg.norm(corners[1] - corners[2]))
    width, height = max(1, round(float(across))), max(1, round(float(down)))
    goal = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    turn = cv2.getPerspectiveTransform(corners.astype(np.float32), goal)
    cut: np.ndarray = cv2.warpPerspective(
        picture, turn, (width, height), borderMode=cv2.BORDER_REPLICATE, flags=cv2.INTER_CUBIC
    )
    return cut
