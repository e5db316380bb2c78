"""The command line that serves a known model with vLLM; runs nothing."""

from __future__ import annotations

import json
from pathlib import Path

from footage.core.errors import UsageError
from footage.core.frame_budget import PIXELS_PER_TOKEN_SIDE, SHORTEST_EDGE
from footage.vlm import contract
from footage.vlm.backends.server.payload import ALL_FRAMES
from footage.vlm.profile import Profile
from footage.vlm.profiles import require_served

ROOM_TOKENS = 4096
"""For the prompt, the time stamps and the answer, beside the video."""
BARE_TEMPLATES = {
    family: str(Path(__file__).with_name(f"{family}_chat.jinja")) for family in ("qwen35", "qwen3vl")
}
"""Chat templates with the bare video token, for profiles whose ``video_form`` is "bare", by family."""

REASONS = {
    "--chat-template": "chat template of the reference run of the model; copy the file if the server runs "
    "on another machine",
    "--media-io-kwargs": "every frame of a clip; fps for current vLLM, which loads frames by rate; "
    "num_frames for older versions, which load 32 frames",
    "--mm-processor-kwargs": "unchanged frames, times and size; older versions also accept these fields per "
    "request, current vLLM only with --trust-request-mm-kwargs",
    "--max-num-batched-tokens": "maximum window length in tokens",
    "--mm-processor-cache-gb": "cache of processed clips in GiB, held twice by the server; without one, "
    "memory does not grow, and a window that is asked about again is processed again",
}
"""Purpose of options whose names do not show it."""


def serving(profile: Profile, *, port: int, cache_gb: float = 0.0) -> tuple[list[str], list[tuple[str, str]]]:
    """The command, and its options with their values; the profile's own win over the general ones.

    With these the model is shown every frame that is sent, at its time and size, without any field for the
    processor in the requests.

    Args:
        profile: Of the model.
        port: To listen on.
        cache_gb: Room for processed clips, in GiB; 0 for none.

    Raises:
        UsageError: when there are no weights to serve, neither on the model hub nor here, or no server can
            show the model its prompts.
    """
    require_served(profile)
    weights = profile.repository or (str(profile.folder) if profile.folder else "")
    if not weights:
        raise UsageError(
            f"{profile.name} is not on the model hub and not part of this installation",
            hint="For known models, see `footage models`.",
        )
    pinned = {"--revision": profile.revision, "--tokenizer-revision": profile.revision}
    tokens = str(most_tokens(profile))
    options = {
        **{name: revision for name, revision in pinned.items() if revision},
        "--served-model-name": profile.name,
        "--host": "127.0.0.1",
        "--port": str(port),
        "--max-model-len": tokens,
        "--max-num-batched-tokens": tokens,
        "--limit-mm-per-prompt": _json(video=1, image=0),
        "--media-io-kwargs": _json(video=ALL_FRAMES),
        **_processor(profile),
        "--mm-processor-cache-gb": f"{cache_gb:g}",
        **dict(profile.vllm),
    }
    return ["vllm", "serve", weights], list(options.items())


def _processor(profile: Profile) -> dict[str, str]:
    """Options for models whose inputs come from the processor of Qwen3-VL."""
    options = {}
    if profile.family in BARE_TEMPLATES:
        edges = {"shortest_edge": SHORTEST_EDGE, "longest_edge": contract.clip_pixels(profile)}
        options["--mm-processor-kwargs"] = _json(do_sample_frames=False, size=edges)
        if profile.video_form == "bare":
            options["--chat-template"] = BARE_TEMPLATES[profile.family]
    return options


def most_tokens(profile: Profile) -> int:
    """The longest window the profile allows, with its prompt and answer, in tokens; a power of two."""
    video = contract.clip_pixels(profile) // 2 // PIXELS_PER_TOKEN_SIDE**2
    needed = video + max(ROOM_TOKENS, profile.caption_tokens)
    return 1 << (needed - 1).bit_length()


def _json(**values: object) -> str:
    return json.dumps(values, separators=(",", ":"))
