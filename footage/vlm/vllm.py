"""The command line that serves a known model with vLLM; runs nothing."""

from __future__ import annotations

import json

from footage.errors import UsageError
from footage.vlm.contract import PIXELS_PER_TOKEN_SIDE
from footage.vlm.profiles import Profile

ROOM_TOKENS = 4096
"""For the prompt, the time stamps and the answer, beside the video."""


def serving(profile: Profile, *, port: int) -> tuple[list[str], list[tuple[str, str]]]:
    """The command, and its options with their values; the profile's own win over the general ones.

    vLLM takes no video longer in tokens than it reads at once (--max-num-batched-tokens), shows the model 32
    frames of any clip unless told otherwise (--media-io-kwargs), and by default keeps every clip it was sent
    in memory, which is wasted on windows that come once (--mm-processor-cache-gb).

    Raises:
        UsageError: when there are no weights on the model hub to serve.
    """
    if not profile.repository:
        raise UsageError(
            f"{profile.name} is not on the model hub; it runs in this process and needs no server",
            hint="Known models with a repository: see footage models.",
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
        "--media-io-kwargs": _json(video={"num_frames": -1}),
        "--mm-processor-cache-gb": "0",
        **dict(profile.vllm),
    }
    return ["vllm", "serve", profile.repository], list(options.items())


def most_tokens(profile: Profile) -> int:
    """The longest window the profile allows, with its prompt and answer, in tokens; a power of two."""
    per_pair = profile.pixels_per_frame // PIXELS_PER_TOKEN_SIDE**2
    needed = profile.max_frames // 2 * per_pair + max(ROOM_TOKENS, profile.caption_tokens)
    return 1 << (needed - 1).bit_length()


def _json(**values: object) -> str:
    return json.dumps(values, separators=(",", ":"))
