"""How the vendor of the model asks: for every prompt a window is decoded, seen and read; for comparison."""

from __future__ import annotations

from pathlib import Path

import torch

from footage.core.types import Frames, Span, Video
from footage.media.video import sample
from footage.vlm import contract
from footage.vlm.backends.qwen35 import Qwen35Model
from footage.vlm.backends.qwen_stamps import VIDEO_TOKEN_TYPE
from footage.vlm.profile import Profile
from footage.vlm.protocol import Prepared, Prompt

OWN_CLIP_PIXELS = 25_165_824
"""The processor's own budget for a whole clip, from the processor configuration of NemoStation/Marlin-2B."""


def decode(path: Path, video: Video, span: Span, profile: Profile) -> Frames:
    """A window's frames, as the product samples them."""
    return sample(
        path,
        span,
        **profile.frame_budget,
        video=video,
    )


@torch.inference_mode()
def answer(model: Qwen35Model, prepared: Prepared, prompt: Prompt) -> str:
    """What the model says: transformers' own ``generate`` on the whole prompt and the pixels.

    Args:
        model: The model.
        prepared: A window that ``run`` was never asked about.
        prompt: The question.
    """
    clip = prepared.payload
    ids = torch.tensor([[*clip.ids.tolist(), *model._ids(prompt)]])
    device = model._model.device
    out = model._model.generate(
        input_ids=ids.to(device),
        attention_mask=torch.ones_like(ids).to(device),
        pixel_values_videos=clip.pixels.to(device),
        video_grid_thw=clip.grid.to(device),
        mm_token_type_ids=((ids == model._model.config.video_token_id).int() * VIDEO_TOKEN_TYPE).to(device),
        max_new_tokens=prompt.max_new_tokens,
        do_sample=False,
        use_cache=True,
        eos_token_id=model._end_ids,
        pad_token_id=model._pad_id,
    )
    return until_whole(model, prompt, out[0, ids.shape[1] :].tolist())


def until_whole(model: Qwen35Model, prompt: Prompt, tokens: list[int]) -> str:
    """What tokens spell up to where the product stops: what is said after that is not read."""
    for n in range(1, len(tokens)):
        text = model._spell(tokens[:n])
        if contract.is_whole(prompt, text):
            return text
    return model._spell(tokens)
