"""The models' wire contract: prompts, frame budget and answer parsers; pure, knows no backend.

The prompts are those a model was trained on, byte for byte; the parsers read the answer format that it was
trained on:

    caption   Scene: <paragraph>, a blank line, "Events:", then one "<0.0 - 3.0> Text." line per event
    find      From 3.0 to 4.0.  (or another form of the profile: see ``footage.vlm.find_answers``)

Models write window time (seconds from the window's first instant); what leaves this module is video time. No
parser raises on any text: what cannot be read is left out, and ``raw`` keeps all of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from footage.core import frame_budget
from footage.core.errors import UsageError
from footage.core.plain_text import CLOSING, evened, without_quotes
from footage.core.timeline import merge_spans
from footage.core.types import Answer, Caption, CaptionEvent, Span
from footage.vlm import find_answers
from footage.vlm.find_answers import DASH, NUMBER, UNIT
from footage.vlm.profile import CAPTION_PLACE, CURATOR_PLACE, Profile
from footage.vlm.profiles import require
from footage.vlm.protocol import Prompt
from footage.vlm.sampling import LIKELIEST, Sampling

INSTANT_SECONDS = 0.5
"""What a span whose ends are equal is widened to: the grid on which the model was taught to write times."""


# --- 1. Prompts ---------------------------------------------------------------------------------------------


def caption_prompt(profile: Profile) -> Prompt:
    """The question for a scene and all its events."""
    require(profile, "caption")
    return Prompt("caption", raw_text(profile.caption_prompt), profile.caption_tokens, profile.sampling)


def second_prompt(answer: Answer, profile: Profile) -> Prompt:
    """The second question of a model that captions in two stages, with the answer to the first put in."""
    draft, template = clean_lines(read_text(answer)), profile.second_prompt
    if CAPTION_PLACE in template:
        text = template.replace(CAPTION_PLACE, draft)
    else:
        before, _, after = template.rpartition(CURATOR_PLACE)
        text = f"{before}{draft}{after}"
    return Prompt("caption", raw_text(text), profile.caption_tokens, profile.sampling)


def find_prompt(
    event: str,
    profile: Profile,
    *,
    template: str | None = None,
    max_new_tokens: int | None = None,
    sampling: Sampling = LIKELIEST,
) -> Prompt:
    """The question when ``event`` takes place.

    Args:
        event: The event.
        profile: Of the model.
        template: The prompt, with {event} where the event goes; None for the profile's.
        max_new_tokens: Cap on the answer's length; None for the profile's.
        sampling: How the answer's tokens are chosen.

    Raises:
        UsageError: when nothing is left of the event after cleaning (see ``clean_event``), the model finds
            nothing, the template has no place for the event, or no answer may be written.
    """
    require(profile, "find")
    if template is not None and "{event}" not in template:
        raise UsageError(
            "The prompt has no placeholder for the event.",
            hint="Write {event} where it goes, as in: When does {event} happen?",
        )
    tokens = answer_tokens(profile.find_tokens if max_new_tokens is None else max_new_tokens)
    text = (template or profile.find_template).replace("{event}", clean_event(event))
    if template not in (None, profile.find_template):
        text = raw_text(text)
    return Prompt("find", text, tokens, sampling, profile.find_form)


def ask_prompt(question: str, profile: Profile) -> Prompt:
    """A free question, answered in prose.

    Raises:
        UsageError: when nothing is left of the question after cleaning (see ``clean_text``), or the model
            answers none.
    """
    require(profile, "ask")
    text = clean_text(question)
    if not text:
        raise UsageError(
            f"{question[:40]!r} is not a question", hint="Write a question, as in: Who is there?"
        )
    return Prompt("ask", text, profile.ask_tokens, profile.sampling)


def raw_prompt(
    text: str, profile: Profile, *, max_new_tokens: int | None = None, sampling: Sampling | None = None
) -> Prompt:
    """A prompt as it was written, line breaks and all; see ``raw_text``.

    Args:
        text: The prompt.
        profile: Of the model.
        max_new_tokens: Cap on the answer's length; None for that of a caption.
        sampling: How the answer is written; None for the profile's way.

    Raises:
        UsageError: when the text is empty, or no answer may be written.
    """
    if not text.strip():
        raise UsageError("the prompt is empty", hint="Write an instruction for the model.")
    tokens = answer_tokens(profile.caption_tokens if max_new_tokens is None else max_new_tokens)
    return Prompt("raw", raw_text(text), tokens, sampling or profile.sampling)


def answer_tokens(count: int) -> int:
    """The cap on an answer's length, checked.

    Raises:
        UsageError: when no answer may be written.
    """
    if count < 1:
        raise UsageError(f"an answer cannot have {count} tokens", hint="Use 1 or more.")
    return count


def raw_text(text: str) -> str:
    """A text in which no tokenizer finds a control token, otherwise untouched; unpaired surrogates apart.

    Where "<" may begin one (a letter, "_", "|", "/" or what is not ASCII follows) a space comes after it, as
    in ``clean_text``; not in the placeholders of the contract's own prompts, such as "<start>".
    """
    encodable = text.encode("utf-8", "replace").decode("utf-8")
    return re.sub(r"<(?=[A-Za-z_|/]|[^\x00-\x7f])(?!start - end>|start>|end>)", "< ", encodable)


def clean_event(text: str) -> str:
    """A query in the form in which it goes between the find prompt's double quotes.

    As ``clean_text``, without quotation marks of any kind and without closing punctuation: the prompt has its
    own marks, and the typing of a query must not change the prompt. 'A sign says "open".' reads
    "A sign says open"; apostrophes inside words stay (see ``footage.core.plain_text.without_quotes``).

    Raises:
        UsageError: when nothing is left.
    """
    return _not_empty(clean_text(without_quotes(evened(text))).rstrip(CLOSING), text)


def clean_text(text: str) -> str:
    """A user's words as one line in which no tokenizer finds a control token.

    Spaces and invisible characters are evened out (see ``footage.core.plain_text.evened``). A "<" that
    something follows gets a space after it: "<|im_end|>" reads "< |im_end|>" and "</think>" reads "<
    /think>". Every control token of the model families here begins with "<", so none survives, and a reader
    still sees what was typed.
    """
    return re.sub(r"<(?=\S)", "< ", evened(text))


def clean_lines(text: str) -> str:
    """A model's answer in the form in which it goes into a prompt: ``clean_text`` of each line.

    A "<" before a digit, which begins an event line, stays as it is: no control token is spelled so.
    """
    return "\n".join(re.sub(r"< (?=[0-9])", "<", clean_text(line)) for line in text.split("\n"))


def _not_empty(cleaned: str, text: str) -> str:
    if not cleaned:
        raise UsageError(
            f"{text[:40]!r} contains no words to search for", hint="Describe the event, as in: a dog jumps"
        )
    return cleaned


# --- 2. The frame budget ("path A" of the model's card) -----------------------------------------------------


def pair_stamps(milliseconds: Sequence[int]) -> list[str]:
    """The time stamp before each pair of frames in the prompt, such as "<0.2 seconds>".

    Args:
        milliseconds: time of each frame from the window's start; an even number of them.
    """
    seconds = [ms / 1000 for ms in milliseconds]
    return [f"<{(a + b) / 2:.1f} seconds>" for a, b in zip(seconds[::2], seconds[1::2], strict=True)]


def frame_stamps(milliseconds: Sequence[int]) -> list[str]:
    """The time before each pair of frames of a "stamped" video: that of its first frame, such as "10.2s".

    Args:
        milliseconds: time of each frame from the window's start; an even number of them.
    """
    return [f"{each / 1000:.1f}s" for each in milliseconds[::2]]


def frame_pixels(profile: Profile, frames: int) -> int:
    """Upper bound of a frame's area in a window of that many frames, in pixels.

    As qwen_vl_utils has it, the bound of a whole clip gives way to the least area of a frame, and 5 % more.
    """
    if profile.pixels_per_clip is None:
        return profile.pixels_per_frame
    share = max(profile.pixels_per_clip // frames, int(1.05 * profile.min_pixels_per_frame))
    return min(profile.pixels_per_frame, share)


def least_frame_pixels(profile: Profile, frames: int) -> int:
    """Area to which smaller frames of a window of that many are enlarged, in pixels; well below the bound."""
    least, most = profile.min_pixels_per_frame, frame_pixels(profile, frames)
    return least if int(1.05 * least) <= most else most // 2


def clip_pixels(profile: Profile) -> int:
    """Upper bound of the area of all frames of the longest window together, in pixels."""
    most = frame_budget.longest_edge(profile.max_frames, profile.pixels_per_frame)
    return most if profile.pixels_per_clip is None else min(most, profile.pixels_per_clip)


def budget_text(profile: Profile) -> str:
    """The budget as text for the provenance, such as "fps=2 frames=4..240 pixels=200704"."""
    frames = f"{profile.min_frames}..{profile.max_frames}"
    budget = f"fps={profile.fps:g} frames={frames} pixels={profile.pixels_per_frame}"
    return budget if profile.pixels_per_clip is None else f"{budget} clip={profile.pixels_per_clip}"


TRUNCATED, UNREADABLE, LOOP = "truncated", "unreadable", "repetition loop"
"""Notes of ``read_caption``: cut by the token cap; neither scene nor event; reading ended at a repeat."""
LOOP_REPEATS = 2
"""Number of repeated event lines that counts as a loop."""


# --- 3. Reading answers -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SpanReading:
    """A find answer, parsed."""

    raw: str
    """The model's answer, untouched."""
    spans: tuple[Span, ...]
    """All spans, in video time and inside the window, sorted; those that overlap or touch are one."""
    format_ok: bool
    """Whether the text is in the model's format; no evidence that the event is there."""
    absent: bool = False
    """Whether the answer says, in the model's format, that there is no span."""

    @property
    def span(self) -> Span | None:
        """The first span; None when the answer names no usable time."""
        return self.spans[0] if self.spans else None


_EVENT_LINE = re.compile(
    rf"\s*+<?+\s*+{NUMBER}{UNIT}\s*+{DASH}\s*+{NUMBER}{UNIT}\s*+>?+\s*+(?::|{DASH})?+\s*+(\S.*)",
    re.IGNORECASE | re.DOTALL,
)
_SCENE_HEADER = re.compile(r"^[^\S\n]*Scene:", re.IGNORECASE | re.MULTILINE)
_EVENTS_HEADER = re.compile(r"^[^\S\n]*Events:", re.IGNORECASE | re.MULTILINE)


def read_caption(answer: Answer, window: Span, *, prose: bool = False) -> Caption:
    """Reads a caption answer about ``window`` into a scene and events in video time.

    The scene is the text after a line-start "Scene:" (without one, the text before the events) up to a
    line-start "Events:" or, without it, the first event line. Event lines are read after "Events:", without
    it everywhere. A line that is no event, ends before it starts, or starts past the window is left out; ends
    past the window are clamped; equal ends become half a second. An event line that repeats an earlier one is
    left out, and at the second such line reading ends: the model is in a loop. Of an answer cut by the token
    cap only whole lines count. ``notes`` says what was done; an answer with neither a scene nor an event is
    "unreadable". With ``prose``, a scene without events is one event of the whole window, and of a paragraph
    that was cut the whole sentences count.
    """
    text = strip_think(_whole_lines(answer, prose=prose))
    events_header = _EVENTS_HEADER.search(text)
    head, block = (
        (text[: events_header.start()], text[events_header.end() :]) if events_header else (text, text)
    )
    scene_header = _SCENE_HEADER.search(head)
    scene = head[scene_header.end() :] if scene_header else head
    if not events_header:
        scene = _before_events(scene)
    events, notes = _read_events(block.split("\n"), window)
    if answer.finish_reason == "length":
        notes.append(TRUNCATED)
    if prose and not events and scene.strip():
        events = [CaptionEvent(window, " ".join(scene.split()))]
    if not scene.strip() and not events:
        notes.append(UNREADABLE)
    return Caption(scene.strip(), tuple(events), answer.raw, answer.finish_reason, tuple(notes))


def read_span(answer: Answer, window: Span, profile: Profile) -> SpanReading:
    """Reads a find answer about ``window`` in the form of the profile (see ``footage.vlm.find_answers``).

    The same rules as for caption events: a reversed range or one that starts past the window gives no span.
    Of an answer cut by the token cap only the ranges count that are certainly whole.
    """
    cut = answer.finish_reason == "length"
    found = find_answers.read_ranges(strip_think(answer.raw), profile.find_form, cut=cut)
    if found is None:
        return SpanReading(answer.raw, (), False)
    spans = (video_span(start, end, window) for start, end in found)
    return SpanReading(answer.raw, merge_spans(span for span in spans if span), True, absent=not found)


def read_text(answer: Answer) -> str:
    """The prose of an answer to a free question, without any thinking."""
    return strip_think(answer.raw)


def may_end(prompt: Prompt, piece: str) -> bool:
    """Whether an answer can become whole (see ``is_whole``) with a token that spells ``piece``."""
    if prompt.kind == "find":
        return find_answers.ENDINGS[prompt.find_form] in piece
    return prompt.kind == "caption" and "\n" in piece


def is_whole(prompt: Prompt, text: str) -> bool:
    """Whether an answer's text so far is all that will be read, so that the model may be stopped.

    A find answer is whole when ``footage.vlm.find_answers`` says so. A caption is whole when it is in a loop:
    ``LOOP_REPEATS`` repeats of an event line, none of which counts.
    """
    if prompt.kind == "find":
        if re.search(r"<think>(?!.*</think>)", text, re.IGNORECASE | re.DOTALL):
            return False
        return find_answers.is_whole(strip_think(text), prompt.find_form)
    if prompt.kind == "caption":
        lines = text.rstrip("\n").split("\n")
        return _EVENT_LINE.match(lines[-1]) is not None and lines.count(lines[-1]) > LOOP_REPEATS
    return False


def strip_think(text: str) -> str:
    """Removes <think> blocks, a leading <think> left open, and stray </think>; trims the rest."""
    text = re.sub(r"<think>.*?</think>\s*", "", text, flags=re.IGNORECASE | re.DOTALL)
    text = re.sub(r"\A\s*<think>\s*", "", text, flags=re.IGNORECASE)
    return re.sub(r"</think>", "", text, flags=re.IGNORECASE).strip()


def video_span(start: float, end: float, window: Span) -> Span | None:
    """Turns a model's window-time range into a span of video time inside ``window``.

    Equal ends become 0.5 s inside the window, an end past the window is clamped to its end; a reversed range
    and a range that starts at or past the window's end give None. Times are kept to the millisecond.
    """
    duration = window.duration_seconds
    if not 0 <= start <= end:
        return None
    if start == end:
        if (
            start > duration + 0.05
        ):  # the model writes one decimal: the window's very end may read 0.05 s past it
            return None
        start = max(0.0, min(start, duration - INSTANT_SECONDS))
        end = start + INSTANT_SECONDS
    first = max(window.start_seconds, round(window.start_seconds + start, 3))
    last = min(window.end_seconds, round(window.start_seconds + min(end, duration), 3))
    return Span(first, last) if first < last else None


def _read_events(lines: Sequence[str], window: Span) -> tuple[list[CaptionEvent], list[str]]:
    """The events of some lines, each once, and what had to be left out."""
    events: dict[CaptionEvent, None] = {}
    repeats, outside = 0, 0
    for line in lines:
        event = _read_event(line, window)
        if event is None:
            outside += _EVENT_LINE.match(line) is not None
        elif event in events:
            repeats += 1
            if repeats == LOOP_REPEATS:
                break
        else:
            events[event] = None
    notes = [LOOP] if repeats == LOOP_REPEATS else []
    return list(events), notes + [f"{outside} lines outside the window"] * (outside > 0)


def _read_event(line: str, window: Span) -> CaptionEvent | None:
    match = _EVENT_LINE.match(line)
    if match is None:
        return None
    span = video_span(float(match[1]), float(match[2]), window)
    return CaptionEvent(span, " ".join(match[3].split())) if span else None


def _before_events(text: str) -> str:
    lines = text.split("\n")
    first = next((n for n, line in enumerate(lines) if _EVENT_LINE.match(line)), len(lines))
    return "\n".join(lines[:first])


def _whole_lines(answer: Answer, *, prose: bool) -> str:
    """The answer's text, less the last line when the token cap cut it in the middle.

    With ``prose``, the whole sentences of that line stay, unless it is an event line.
    """
    if answer.finish_reason == "stop":
        return answer.raw
    whole = answer.raw.rfind("\n") + 1
    last = answer.raw[whole:]
    if prose and not re.match(r"\s*(<|[0-9])", last):
        whole += max(last.rfind(mark) for mark in ".!?") + 1
    return answer.raw[:whole]
