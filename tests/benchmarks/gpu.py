"""Marlin-2B's exact shape with random weights on a GPU: what windows, captions and finds cost, and the floor.

python -m tests.benchmarks.gpu
python -m tests.benchmarks.gpu --tiny        # on a CPU, to see that it runs

Needs torch, transformers and torchvision, nothing else; without a GPU it says so and ends. Windows are 30 s
of 16:9 video at the contract's budget: 60 frames of 576x320, 5,400 video tokens. Output lengths are forced (a
caption 300 tokens, a find 12), as random weights say nothing of their own. "One by one" reads the window anew
for every prompt and writes one answer after the other, as the vendor's helpers do.

The floor is the larger of two bounds, for each stage: operations at the card's bfloat16 peak, and bytes of
weights and caches at its memory's peak (--peak-tflops, --peak-gbs; H200: 989 and 4,800, NVIDIA's data sheet).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for tiny_qwen35

import torch
from tiny_qwen35 import CHAT_TEMPLATE, tiny_tokenizer
from transformers import (
    Qwen2VLImageProcessor,
    Qwen3_5Config,
    Qwen3_5ForConditionalGeneration,
    Qwen3VLProcessor,
    Qwen3VLVideoProcessor,
)

from footage.types import Span
from footage.vlm.profiles import MARLIN_2B
from footage.vlm.protocol import Prepared, Prompt
from footage.vlm.qwen import Clip, bounds_for
from footage.vlm.qwen35 import VIDEO_TOKEN_TYPE, Qwen35Model
from footage.vlm.weights import Weights
from tests.benchmarks import common

PAIRS, ROWS, COLUMNS = 30, 20, 36
"""Grid of a 30 s window of 16:9 video at the contract's budget, in pairs and patches."""
VOCABULARY = 248_320
CAPTION_TOKENS, FIND_TOKENS = 300, 12
PROMPT_TOKENS = {"caption": 46, "find": 50}
"""About as many follow the video in the golden prompts."""
STAMP_TOKENS = 9
"""Tokens around the pictures of a pair."""
Row = dict[str, object]


@dataclass(frozen=True)
class Shape:
    """What decides the cost, from the configuration."""

    text_parameters: int
    vision_parameters: int
    kv_bytes_per_token: int
    tokens: int
    patches: int


def main() -> None:
    """Measure, print, write."""
    arguments = common.parser(__doc__, "gpu")
    arguments.add_argument("--tiny", action="store_true", help="a small shape, on whatever there is")
    arguments.add_argument("--peak-tflops", type=float, default=989.0)
    arguments.add_argument("--peak-gbs", type=float, default=4800.0)
    arguments.add_argument("--windows", type=int, default=16, help="windows captioned together")
    given = arguments.parse_args()
    if not (torch.cuda.is_available() or given.tiny):
        sys.stdout.write("There is no GPU here: nothing was measured (--tiny shows that it runs).\n")
        return
    model, shape = random_marlin(tiny=given.tiny)
    grid = (4, 4, 6) if given.tiny else (PAIRS, ROWS, COLUMNS)
    rows = finds(model, grid, given.repeats) + captions(model, grid, given.windows, given.repeats)
    facts = {
        "shape": shape.__dict__,
        "memory_peak_mb": torch.cuda.max_memory_allocated() >> 20 if torch.cuda.is_available() else None,
        "floor_seconds": floor(shape, given.peak_tflops * 1e12, given.peak_gbs * 1e9),
    }
    common.show("Marlin-2B's shape, random weights, bfloat16", rows)
    common.show("Facts", [{"what": name, "value": str(value)} for name, value in facts.items()])
    common.write(given.out, {"benchmark": "gpu", "rows": rows, **facts})


def finds(model: Qwen35Model, grid: tuple[int, int, int], repeats: int) -> list[Row]:
    """1, 5 and 20 finds on one window: anew each time, and read once and answered together."""
    rows: list[Row] = []
    for count in (1, 5, 20):
        asked = [Prompt("ask", _words("find", n), FIND_TOKENS) for n in range(count)]
        rows += _compared(
            model, f"{count} finds on one window", repeats, grid, [(0, prompt) for prompt in asked]
        )
    return rows


def captions(model: Qwen35Model, grid: tuple[int, int, int], count: int, repeats: int) -> list[Row]:
    """Captions of several windows: one after the other, and together."""
    prompt = Prompt("ask", _words("caption", 0), CAPTION_TOKENS)
    return _compared(
        model, f"captions of {count} windows", repeats, grid, [(n, prompt) for n in range(count)]
    )


def _compared(
    model: Qwen35Model,
    what: str,
    repeats: int,
    grid: tuple[int, int, int],
    asked: list[tuple[int, Prompt]],
) -> list[Row]:
    def vendors() -> None:
        for number, prompt in asked:
            model.run([(a_window(model, grid, number), prompt)])
        _wait()

    def ours() -> None:
        windows = {number: a_window(model, grid, number) for number, _ in asked}
        model.run([(windows[number], prompt) for number, prompt in asked])
        _wait()

    took = common.in_turns({"one by one": vendors, "ours": ours}, repeats=repeats)
    middle = {name: common.spread(values) for name, values in took.items()}
    tokens = sum(prompt.max_new_tokens for _, prompt in asked)
    return [
        {
            "what": what,
            "way": name,
            **each,
            "tokens a second": round(tokens / each["median"], 1),
            "windows a second": round(len(asked) / each["median"], 2),
            "one by one over it": round(middle["one by one"]["median"] / each["median"], 2),
        }
        for name, each in middle.items()
    ]


def a_window(model: Qwen35Model, grid: tuple[int, int, int], seed: int) -> Prepared:
    """A window of random pictures, as ``prepare`` would make it."""
    pairs, rows, columns = grid
    made = torch.Generator().manual_seed(seed)
    video = model._model.config.video_token_id
    stamp = torch.randint(0, 255, (STAMP_TOKENS - 1,), generator=made)
    picture = torch.full((rows * columns // 4,), video)
    ids = torch.cat([torch.cat([stamp, picture, stamp[:1]]) for _ in range(pairs)])
    pixels = torch.randn(pairs * rows * columns, 1536, generator=made)
    grid_of = torch.tensor([[pairs, rows, columns]])
    places, _ = model._model.model.get_rope_index(
        ids[None], video_grid_thw=grid_of, mm_token_type_ids=(ids == video).int()[None] * VIDEO_TOKEN_TYPE
    )
    return Prepared(Span(0, 30), Clip(ids, grid_of, places[:, 0], pixels))


def random_marlin(*, tiny: bool) -> tuple[Qwen35Model, Shape]:
    """Marlin-2B's configuration (that of Qwen3.5-2B), filled at random; ``tiny`` is a fraction of it."""
    tokenizer = tiny_tokenizer()
    ids = tokenizer.convert_tokens_to_ids
    layers = ["linear_attention", "linear_attention", "linear_attention", "full_attention"]
    text = {
        "vocab_size": 512 if tiny else VOCABULARY,
        "hidden_size": 256 if tiny else 2048,
        "intermediate_size": 512 if tiny else 6144,
        "num_hidden_layers": 4 if tiny else 24,
        "layer_types": layers * (1 if tiny else 6),
        "num_attention_heads": 8,
        "num_key_value_heads": 2,
        "head_dim": 256,
        "attn_output_gate": True,
        "linear_num_key_heads": 2 if tiny else 16,
        "linear_num_value_heads": 2 if tiny else 16,
        "linear_key_head_dim": 128,
        "linear_value_head_dim": 128,
        "linear_conv_kernel_dim": 4,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 1e7,
            "partial_rotary_factor": 0.25,
            "mrope_section": [11, 11, 10],
            "mrope_interleaved": True,
        },
        "tie_word_embeddings": True,
        "use_cache": True,
    }
    vision = {
        "depth": 2 if tiny else 24,
        "hidden_size": 128 if tiny else 1024,
        "intermediate_size": 256 if tiny else 4096,
        "num_heads": 2 if tiny else 16,
        "patch_size": 16,
        "temporal_patch_size": 2,
        "spatial_merge_size": 2,
        "out_hidden_size": text["hidden_size"],
        "num_position_embeddings": 2304,
        "deepstack_visual_indexes": [],
    }
    config = Qwen3_5Config(
        text_config=text,
        vision_config=vision,
        image_token_id=ids("<|image_pad|>"),
        video_token_id=ids("<|video_pad|>"),
        vision_start_token_id=ids("<|vision_start|>"),
        vision_end_token_id=ids("<|vision_end|>"),
        tie_word_embeddings=True,
    )
    place = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_default_dtype(torch.bfloat16 if place.type == "cuda" else torch.float32)
    with place:
        network = Qwen3_5ForConditionalGeneration(config).eval()
    torch.set_default_dtype(torch.float32)
    processor = Qwen3VLProcessor(
        image_processor=Qwen2VLImageProcessor(),
        tokenizer=tokenizer,
        video_processor=Qwen3VLVideoProcessor(),
        chat_template=CHAT_TEMPLATE,
    )
    weights = Weights(Path(), MARLIN_2B, "random", "random")
    model = Qwen35Model(network, processor, weights, bounds=bounds_for(network, place))
    model._end_ids = []  # every answer has its full length
    count = lambda part: sum(each.numel() for each in part.parameters())  # noqa: E731
    full = text["layer_types"].count("full_attention")
    pairs, rows, columns = (4, 4, 6) if tiny else (PAIRS, ROWS, COLUMNS)
    shape = Shape(
        count(network.model.language_model),
        count(network.model.visual),
        2 * full * text["num_key_value_heads"] * text["head_dim"] * network.dtype.itemsize,
        pairs * (rows * columns // 4 + STAMP_TOKENS),
        pairs * rows * columns,
    )
    return model, shape


def floor(shape: Shape, flops: float, bandwidth: float) -> dict[str, float]:
    """Seconds that nobody can go below: two operations a parameter and token, weights and caches read once.

    Attention's own operations are left out, which makes the floor lower still.
    """
    weights = 2 * shape.text_parameters / bandwidth
    step = weights + shape.tokens * shape.kv_bytes_per_token / bandwidth
    return {
        "vision": max(
            2 * shape.vision_parameters * shape.patches / flops, 2 * shape.vision_parameters / bandwidth
        ),
        "prefill": max(2 * shape.text_parameters * shape.tokens / flops, weights),
        "find": FIND_TOKENS * step,
        "caption": CAPTION_TOKENS * step,
    }


def _words(kind: str, number: int) -> str:
    """A prompt of about as many tokens as the real one's; a letter is a token here."""
    return f"{number:04}".ljust(PROMPT_TOKENS[kind] - 20, "x")


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
