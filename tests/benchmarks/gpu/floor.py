"""Times that no program can go below, from operations and bytes; knows no GPU but those in its table.

A part of the work takes at least as long as its operations at the card's bfloat16 peak, and at least as long
as its bytes at the memory's peak: its floor is the larger of the two. Operations are two for each weight that
a token or patch is multiplied with, and attention's products. What is left out (normalisation, the linear
layers' recurrence, activations in memory, launches) makes the floor lower, never higher.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

FLOAT32_BYTES = 4
MERGED_PATCHES = 4
"""Patches of the vision tower that become one token: 2 x 2."""


@dataclass(frozen=True)
class Peaks:
    """What a card can do at most."""

    flops: float
    """Dense bfloat16 operations a second, with float32 sums."""
    bandwidth: float
    """Bytes a second of its memory."""
    source: str
    """Where the two are from."""


CARDS: tuple[tuple[str, float, float], ...] = (
    (r"\bH200\b", 989, 4800),
    (r"\bH100 PCIe\b", 756, 2000),
    (r"\bH100 NVL\b", 835, 3900),
    (r"\bH100\b", 989, 3350),
    (r"\bA100-SXM4-40GB\b|\bA100-PCIE-40GB\b", 312, 1555),
    (r"\bA100 80GB PCIe\b", 312, 1935),
    (r"\bA100\b", 312, 2039),
    (r"\bL40S\b", 362, 864),
    (r"\bA10\b", 125, 600),
    (r"\bL4\b", 121, 300),
    (r"\bRTX 4090$", 165, 1008),
    (r"\b(Tesla )?T4\b", 65, 320),
)
"""Name (first match counts), TFLOP/s without sparsity, GB/s: NVIDIA's data sheets of each card, for the RTX
4090 NVIDIA's white paper on the Ada architecture. The T4 computes in float16; bfloat16 is emulated there."""


def peaks_of(name: str) -> Peaks | None:
    """The peaks of a card by the name that its driver gives; None for a card that is not in the table."""
    for pattern, tflops, gigabytes in CARDS:
        if re.search(pattern, name):
            return Peaks(tflops * 1e12, gigabytes * 1e9, "NVIDIA's data sheet")
    return None


@dataclass(frozen=True)
class Shape:
    """What decides the cost of a Qwen3.5 vision-language model, in weights unless another unit is given."""

    embedding: int
    """The token embedding, which is the output layer as well."""
    layers: int
    """The rest of the language model: each of its weights meets each token."""
    vision: int
    """The vision tower's weights that meet every patch."""
    merger: int
    """Those that meet every four patches."""
    vision_positions: int
    """Learned positions: added, never multiplied."""
    full_layers: int
    """Layers with keys and values."""
    attention_width: int
    """Query heads times their dimension."""
    key_value_width: int
    """Key heads times their dimension."""
    linear_layers: int
    """Layers with a recurrent state."""
    recurrent_values: int
    """Of one such layer's recurrent state, kept in float32."""
    convolution_values: int
    """Of one such layer's convolution state."""
    vision_layers: int
    vision_width: int
    bytes_each: int
    """Of a weight, a key, a value."""

    @property
    def text_parameters(self) -> int:
        """All weights of the language model."""
        return self.embedding + self.layers

    @property
    def vision_parameters(self) -> int:
        """All weights of the vision tower."""
        return self.vision + self.merger + self.vision_positions

    @property
    def key_value_bytes(self) -> int:
        """Keys and values of one token, in all layers."""
        return 2 * self.full_layers * self.key_value_width * self.bytes_each

    @property
    def state_bytes(self) -> int:
        """What the linear layers keep of a sequence, however long it is."""
        each = self.recurrent_values * FLOAT32_BYTES + self.convolution_values * self.bytes_each
        return self.linear_layers * each


def shape_of(network: Any) -> Shape:
    """Counts a ``Qwen3_5ForConditionalGeneration`` of transformers; the meta device will do."""
    text, vision = network.config.text_config, network.config.vision_config
    tower, language = network.model.visual, network.model.language_model
    full = sum(kind == "full_attention" for kind in text.layer_types)
    keys = text.linear_num_key_heads * text.linear_key_head_dim
    values = text.linear_num_value_heads * text.linear_value_head_dim
    embedding = _count(language.embed_tokens)
    merger, positions = _count(tower.merger), _count(tower.pos_embed)
    return Shape(
        embedding=embedding,
        layers=_count(language) - embedding,
        vision=_count(tower) - merger - positions,
        merger=merger,
        vision_positions=positions,
        full_layers=full,
        attention_width=text.num_attention_heads * text.head_dim,
        key_value_width=text.num_key_value_heads * text.head_dim,
        linear_layers=len(text.layer_types) - full,
        recurrent_values=text.linear_num_value_heads * text.linear_key_head_dim * text.linear_value_head_dim,
        convolution_values=(2 * keys + values) * text.linear_conv_kernel_dim,
        vision_layers=vision.depth,
        vision_width=vision.hidden_size,
        bytes_each=network.dtype.itemsize,
    )


def _count(part: Any) -> int:
    return sum(weight.numel() for weight in part.parameters())


# -- Seconds -----------------------------------------------------------------


def vision_seconds(shape: Shape, peaks: Peaks, *, pairs: int, patches: int) -> float:
    """The vision tower on one window.

    Args:
        shape: Of the model.
        peaks: Of the card.
        pairs: Pairs of frames; a patch attends to those of its own pair.
        patches: Of each pair.
    """
    weights = 2 * shape.vision + 2 * shape.merger / MERGED_PATCHES
    attention = 4 * patches * shape.vision_width * shape.vision_layers
    flops = pairs * patches * (weights + attention)
    return max(flops / peaks.flops, shape.vision_parameters * shape.bytes_each / peaks.bandwidth)


def prefill_seconds(shape: Shape, peaks: Peaks, *, tokens: int, before: int = 0, rows: int = 1) -> float:
    """Reading some tokens a row at once, with the logits after the last.

    Args:
        shape: Of the model.
        peaks: Of the card.
        tokens: Of each row.
        before: Tokens that each row's cache has already.
        rows: Sequences.
    """
    attended = tokens * before + tokens * tokens / 2  # each token sees those before it
    flops = rows * (
        2 * shape.layers * tokens
        + 4 * attended * shape.attention_width * shape.full_layers
        + 2 * shape.embedding
    )
    moved = shape.text_parameters * shape.bytes_each + rows * before * shape.key_value_bytes
    return max(flops / peaks.flops, moved / peaks.bandwidth)


def step_seconds(shape: Shape, peaks: Peaks, *, rows: int, context: float) -> float:
    """One token more for each row: weights and caches are read, the recurrent states are written back, too.

    Args:
        shape: Of the model.
        peaks: Of the card.
        rows: Sequences.
        context: Tokens that each has already.
    """
    attention = 4 * context * shape.attention_width * shape.full_layers
    flops = rows * (2 * shape.text_parameters + attention)
    cache = rows * (context * shape.key_value_bytes + 2 * shape.state_bytes)
    return max(flops / peaks.flops, (shape.text_parameters * shape.bytes_each + cache) / peaks.bandwidth)
