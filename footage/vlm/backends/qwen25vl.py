"""Runs Qwen2.5-VL and TimeLens-7B on transformers' native class.

Qwen2.5-VL reads time off its positions: no stamp is written into the prompt. Of the three positions that a
video token has, the first is its time, so many steps a second (``tokens_per_second`` of the checkpoint, 2 in
Qwen/Qwen2.5-VL-7B-Instruct). Two things are other than in transformers 5.23, whose ``get_rope_index`` is
therefore not asked:

- each pair of frames gets the time of its own first frame, to the nearest step, so that frames at uneven
  intervals keep theirs; there one interval holds for a whole video;
- what follows the video begins after its last time, as when the model was published (transformers 4.49 to
  5.2, see huggingface/transformers#45381); there it begins after the picture's width, amid the video's time.

TimeLens-7B reads time as text (``video_form`` "stamped"). Its repository writes it with a processor of its
own that is loaded as remote code, which is not executed and was not seen here. What is known: the prompt says
"The numbers before each video frame indicate its sampling timestamp (in seconds)"; the paper (arXiv
2512.14698, sections 5.1 and C.2) puts raw timestamps with one decimal, "10.2s", before the tokens of each
frame, instead of in the positions of one video; the vision tower takes two frames as one. The most literal
reading is taken: for each pair of frames the time of its first one, then the pair as a video by itself,
between its own vision_start and vision_end. In doubt are the spelling ("10.2s" or "10.2 seconds"), a
separator after it, and whether the first frame or the middle of a pair is timed.

No code from a checkpoint is ever executed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import Qwen2_5_VLForConditionalGeneration, Qwen2_5_VLProcessor

from footage.core.errors import ModelError
from footage.vlm import contract
from footage.vlm.backends.qwen import MERGED_SIDE, QwenModel
from footage.vlm.backends.qwen_stamps import VIDEO_TOKEN_TYPE
from footage.vlm.backends.qwen_window import VISION_END, VISION_START
from footage.vlm.protocol import Precision
from footage.vlm.weights import Weights


class Qwen25VLModel(QwenModel):
    """A Qwen2.5-VL checkpoint."""

    model_class = Qwen2_5_VLForConditionalGeneration
    processor_class = Qwen2_5_VLProcessor

    def _size(self, frames: int) -> dict[str, int]:
        # This processor's budget is that of a frame, not of the clip.
        return {
            "shortest_edge": contract.least_frame_pixels(self.profile, frames),
            "longest_edge": contract.frame_pixels(self.profile, frames),
        }

    def _window_ids(self, ids: Tensor, grid: Tensor, milliseconds: Sequence[int]) -> Tensor:
        if self.profile.video_form != "stamped":
            return ids
        pad = self._processor.video_token
        pair = VISION_START + pad * (math.prod(grid[0, 1:].tolist()) // MERGED_SIDE**2) + VISION_END
        video = "".join(f"{stamp}{pair}" for stamp in contract.frame_stamps(milliseconds))
        text = self._head.replace(pad, video)
        return torch.tensor(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def _places(self, ids: Tensor, grid: Tensor, milliseconds: Sequence[int]) -> Tensor:
        pairs, rows, columns = grid[0].tolist()
        shape = (pairs, rows // MERGED_SIDE, columns // MERGED_SIDE)
        video = (ids == self._model.config.video_token_id).nonzero()
        if len(milliseconds) != 2 * pairs or len(video) != math.prod(shape):
            raise ModelError(
                f"the processor made {len(video)} tokens of {len(milliseconds)} frames and a grid of {shape}",
                hint="Install the transformers version of the lock file: make setup.",
            )
        if self.profile.video_form == "stamped":
            return self._places_of_pairs(ids, grid)
        return video_places(
            int(video[0]),
            shape,
            milliseconds[::2],
            steps_per_second=self._model.config.vision_config.tokens_per_second,
            length=len(ids),
        )

    def _places_of_pairs(self, ids: Tensor, grid: Tensor) -> Tensor:
        """Positions where each pair of frames is a video by itself, as ``_places``."""
        positions: Tensor
        positions, _ = self._model.model.get_rope_index(
            ids[None],
            video_grid_thw=pair_grids(grid),
            mm_token_type_ids=(ids == self._model.config.video_token_id)[None].int() * VIDEO_TOKEN_TYPE,
        )
        return positions[:, 0]


def pair_grids(grid: Tensor) -> Tensor:
    """The grid of a video, int64, (1, 3), as one of each of its pairs of frames, (pairs, 3)."""
    pairs = int(grid[0, 0])
    return torch.tensor([[1, *grid[0, 1:].tolist()]] * pairs)


def video_places(
    start: int,
    shape: tuple[int, int, int],
    milliseconds: Sequence[int],
    *,
    steps_per_second: int,
    length: int,
) -> Tensor:
    """Where the tokens of a prompt with one video stand in time, height and width.

    Args:
        start: Number of the video's first token.
        shape: Pairs of frames, and rows and columns of tokens in each.
        milliseconds: Time of each pair from the window's start.
        steps_per_second: Positions of time in a second.
        length: Tokens of the prompt, those of the video among them.

    Returns:
        int64, (3, length).
    """
    _, rows, columns = shape
    times = torch.tensor([(each * steps_per_second + 500) // 1000 for each in milliseconds])
    grid = torch.meshgrid(times, torch.arange(rows), torch.arange(columns), indexing="ij")
    video = torch.stack(grid).reshape(3, -1) + start
    before = torch.arange(start).expand(3, -1)
    after = torch.arange(length - start - video.shape[1]).expand(3, -1) + int(video.max()) + 1
    return torch.cat([before, video, after], dim=1)


def load(weights: Weights, *, device: str = "auto", dtype: Precision | None = None) -> Qwen25VLModel:
    """Loads a checked folder.

    Raises:
        UsageError: there is no such device.
        WrongCheckpointError: the weights do not fill the model.
        ModelMemoryError: the weights alone do not fit.
    """
    return Qwen25VLModel.open(weights, device=device, dtype=dtype)
