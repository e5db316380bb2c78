"""Base of the Qwen models whose processor writes the time of each pair of frames into the prompt.

The processor is that of Qwen3-VL. It gets the contract's pixel budget for a whole clip, and stamps in
milliseconds: it is from these alone that a model reads time. No code from a checkpoint is ever executed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from torch import Tensor
from transformers import Qwen3VLProcessor

from footage.core import frame_budget
from footage.core.errors import ModelError
from footage.vlm import contract
from footage.vlm.backends.qwen import QwenModel

VIDEO_TOKEN_TYPE = 2
"""Type of a video token in ``mm_token_type_ids``; text is 0."""
PATCH_PIXELS = 16
"""Side of the square patches that the vision tower's grid counts."""


class StampedQwenModel(QwenModel):
    """A Qwen checkpoint with time stamps in its prompt."""

    processor_class = Qwen3VLProcessor

    def _size(self, frames: int) -> dict[str, int]:
        shortest = frames * contract.least_frame_pixels(self.profile, frames)
        longest = frames * contract.frame_pixels(self.profile, frames)
        return {"shortest_edge": max(frame_budget.SHORTEST_EDGE, shortest), "longest_edge": longest}

    def _places(self, ids: Tensor, grid: Tensor, milliseconds: Sequence[int]) -> Tensor:
        self._check_stamps(ids, grid, milliseconds)
        kinds = (ids == self._model.config.video_token_id).int() * VIDEO_TOKEN_TYPE
        positions: Tensor
        positions, _ = self._model.model.get_rope_index(
            ids[None], video_grid_thw=grid, mm_token_type_ids=kinds[None]
        )
        return positions[:, 0]

    def _check_stamps(self, ids: Tensor, grid: Tensor, milliseconds: Sequence[int]) -> None:
        """Checks that the prompt has the times of the frames."""
        pairs, rows, columns = grid[0].tolist()
        video = self._model.config.video_token_id
        text = self._tokenizer.decode(ids[ids != video])
        written = [
            re.sub(r"\s*seconds", " seconds", stamp) for stamp in re.findall(r"<[-0-9.]+\s*seconds>", text)
        ]
        wanted = contract.pair_stamps(milliseconds)
        tokens = frame_budget.video_tokens(2 * pairs, rows * PATCH_PIXELS, columns * PATCH_PIXELS)
        if written != wanted or int((ids == video).sum()) != tokens:
            raise ModelError(
                f"the processor stamped {len(written)} frame pairs up to {written[-1:]}, "
                f"not {len(wanted)} up to {wanted[-1]}",
                hint="Install the transformers version of the lock file: make setup.",
            )
