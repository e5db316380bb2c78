"""The JSON of a chat completion: the request, and how the response is read; opens no connection."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

from footage.core import frame_budget
from footage.core.endpoint import Way
from footage.core.types import Answer, FinishReason, Frames
from footage.vlm import contract
from footage.vlm.backends.server import payload
from footage.vlm.backends.server.check import Dialect
from footage.vlm.profile import Profile
from footage.vlm.protocol import Prompt
from footage.vlm.sampling import LIKELIEST

Body = dict[str, Any]
_LONGEST_NAME = 200

# --- 1. Requests --------------------------------------------------------------------------------------------


def request_body(
    name: str, parts: Sequence[payload.Part], prompt: Prompt, profile: Profile, dialect: Dialect
) -> Body:
    """The JSON of one chat completion: one user turn, the window and then the prompt's text."""
    sampling = prompt.sampling
    body: Body = {
        "model": name,
        "messages": [{"role": "user", "content": [*parts, {"type": "text", "text": prompt.text}]}],
        "max_tokens": prompt.max_new_tokens,
        "temperature": sampling.temperature,
    }
    if sampling.temperature > 0:
        # No seed: some servers draw without one alone, and the engine of others dies of it (vLLM on a CPU).
        body["top_p"] = sampling.top_p
    body["logprobs"] = True
    body["chat_template_kwargs"] = {"enable_thinking": False}
    body["repetition_penalty"] = sampling.repetition_penalty
    if profile.end_ids:
        body["stop_token_ids"] = list(profile.end_ids)
    if dialect.way == "video":
        body["media_io_kwargs"] = {"video": payload.ALL_FRAMES}
        if profile.model_type.startswith("qwen"):
            body["mm_processor_kwargs"] = _processor_fields(profile)
    return {name: value for name, value in body.items() if name not in dialect.without}


def _processor_fields(profile: Profile) -> Body:
    """Equal for all windows: a server may set itself up anew for every other set of these."""
    return {
        "fps": profile.fps,
        "min_frames": profile.min_frames,
        "max_frames": profile.max_frames,
        "do_sample_frames": False,
        "size": {
            "shortest_edge": frame_budget.SHORTEST_EDGE,
            "longest_edge": contract.clip_pixels(profile),
        },
    }


def window_parts(frames: Frames, way: Way) -> list[payload.Part]:
    """A window as parts of a message: a clip, or pictures with their times."""
    return payload.clip_parts(frames) if way == "video" else payload.picture_parts(frames)


# --- 2. Responses -------------------------------------------------------------------------------------------


def read_models(data: Any) -> dict[str, str]:
    """The names of the served models, and the repository of each where the server gives it.

    Raises:
        ValueError: when it is no list of models.
    """
    rows = data.get("data") if isinstance(data, dict) else None
    if not isinstance(rows, list):
        raise ValueError("no list of models")
    found = {}
    for row in rows:
        name = row.get("id") if isinstance(row, dict) else None
        if isinstance(name, str) and name.isprintable() and 0 < len(name) <= _LONGEST_NAME:
            root = row.get("root")
            is_repository = isinstance(root, str) and re.fullmatch(r"[\w.-]+/[\w.-]+", root) and root != name
            found[name] = str(root) if is_repository else ""
    return found


def read_completion(data: Any, prompt: Prompt) -> Answer:
    """The answer in a chat completion.

    Raises:
        ValueError: when there is none, or only half of one.
    """
    choices = data.get("choices") if isinstance(data, dict) else None
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise ValueError("no chat completion")
    choice = choices[0]
    message = choice.get("message")
    raw = message.get("content", "") if isinstance(message, dict) else None
    raw = "" if raw is None and isinstance(message, dict) else raw
    if not isinstance(raw, str):
        raise ValueError("no chat completion")
    raw = raw.encode("utf-8", "replace").decode()  # JSON can spell half of a character
    ended = choice.get("finish_reason")
    if ended == "content_filter":  # another try would end the same way
        return Answer(raw, "length")
    if ended not in ("stop", "length"):
        raise ValueError(f"half an answer (finish_reason {ended!r})")
    reason: FinishReason = "stop" if ended == "stop" or contract.is_whole(prompt, raw) else "length"
    if prompt.sampling != LIKELIEST:
        return Answer(raw, reason)
    tokens = list(_tokens(choice.get("logprobs")))
    logprobs = tuple(logprob for _, logprob in tokens)
    texts = _spelled([token for token, _ in tokens], raw)
    return Answer(raw, reason, logprobs, texts) if texts else Answer(raw, reason)


def read_prompt_ids(data: Any) -> list[int]:
    """The prompt's token ids in a completion that was asked for them; none where it does not hold them."""
    ids = data.get("prompt_token_ids") if isinstance(data, dict) else None
    return ids if isinstance(ids, list) and all(isinstance(each, int) for each in ids) else []


def read_detokenized(data: Any) -> str:
    """The text of token ids, by vLLM's /detokenize; empty where the server gives none."""
    text = data.get("prompt") if isinstance(data, dict) else None
    return text if isinstance(text, str) else ""


def _tokens(data: Any) -> Iterator[tuple[bytes, float]]:
    """The text of each token and the natural log of its probability; nothing where the server gives none."""
    rows = data.get("content") if isinstance(data, dict) else None
    for row in rows if isinstance(rows, list) else []:
        if not isinstance(row, dict):
            continue
        text, spelled, logprob = row.get("token"), row.get("bytes"), row.get("logprob")
        if not isinstance(text, str) or not isinstance(logprob, int | float):
            continue
        try:
            yield (bytes(spelled) if isinstance(spelled, list) else text.encode()), float(logprob)
        except (TypeError, ValueError):
            yield text.encode("utf-8", "replace"), float(logprob)


def _spelled(tokens: Sequence[bytes], raw: str) -> tuple[str, ...]:
    """The text that each token adds to the answer: "" for tokens outside it, such as end tokens and thinking.

    Nothing at all when the tokens do not spell the answer.
    """
    whole, wanted = b"".join(tokens), raw.encode()
    starts = [0, *accumulate(map(len, tokens))]
    # A short answer may also be part of an end token: a place between whole tokens goes first.
    ends = set(starts)
    between = (n for n in reversed(starts) if n + len(wanted) in ends and whole.startswith(wanted, n))
    first = next(between, whole.rfind(wanted))
    if first < 0 or not tokens:
        return ()
    return tuple(
        token.decode("utf-8", "replace") if first <= at and at + len(token) <= first + len(wanted) else ""
        for at, token in zip(starts, tokens, strict=False)
    )
