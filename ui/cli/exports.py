"""What the commands that export have in common: from a query to clips, and what came of writing them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from footage.core.errors import UsageError, VideoError
from footage.core.timecode import parse_time
from service import factories
from ui.cli import console, formatting

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from footage.core.config import Settings
    from footage.core.types import File, Provenance
    from footage.media.audio_tracks import AudioChoice
    from footage.store import Store
    from footage.vlm.protocol import VideoModel
    from search.composite import JointResult
    from search.engine import SearchResult
    from service.export import Clip, Exported, Format, Lettering, Origins, TitleKind

_LENGTH = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?", re.ASCII)


def found_clips(query: str, settings: Settings, store: Store, *, ground: bool) -> list[Clip]:
    """What a search answers, best first, as clips.

    Raises:
        FootageError: when the query makes no sense, or the index or one of the models cannot be used.
    """
    from search.pages import LISTED
    from service.export import clips_of
    from ui.cli.commands import search

    asked: list[Provenance] = []

    def remember(model: VideoModel) -> None:
        asked.append(model.provenance)

    looking = factories.looking(settings)
    result: SearchResult | JointResult = search.answer(
        query, settings, limit=LISTED, ground=ground, mode="hybrid", looking=looking, on_model=remember
    )
    if sentence := formatting.answer_sentence(result):
        console.notes().print(sentence, soft_wrap=True)
    return clips_of(result.matches, query=query, origins=origins(store, asked[0] if asked else None))


def origins(store: Store | None, grounded_by: Provenance | None = None) -> Origins:
    """What the index knows of where its texts come from; nothing where there is none.

    Raises:
        StoreError: when the index cannot be read.
    """
    from service.export import Origins

    if store is None:
        return Origins({}, {}, grounded_by)
    recorded = {file.path: file.recorded_at for file in store.files.all()}
    return Origins(store.windows.provenance_by_index(), recorded, grounded_by)


def believed(clips: Sequence[Clip], *, uncertain: bool, everything: bool) -> list[Clip]:
    """The clips whose verdict is good enough: found, or also what is uncertain or not checked, or all."""
    wanted = {"found", "uncertain", "not checked"} if uncertain else {"found"}
    return [clip for clip in clips if everything or clip.verdict in wanted]


def of_indexed_files(
    clips: Sequence[Clip], store: Store | None, write: Callable[[Sequence[Clip]], Exported]
) -> Exported:
    """Write clips, each of the very file that was indexed: a clip of another would be false evidence.

    Args:
        clips: What is to be written.
        store: The index; None where there is none, and only changes meanwhile are noticed.
        write: Writes some of the clips.

    Returns:
        What was written. Files that were replaced before are left out; those that changed meanwhile are
        failures, too.

    Raises:
        VideoError: None of the files is the one that was indexed.
        FootageError: As ``write``.
    """
    files = store.files.at_paths({clip.path for clip in clips}) if store else {}
    reasons: dict[str, str] = {}
    with ExitStack() as reading:
        for path in dict.fromkeys(clip.path for clip in clips):
            try:
                reading.enter_context(_noting(path, files.get(path), reasons))
            except VideoError as error:
                reasons[path] = str(error)
        kept = [clip for clip in clips if clip.path not in reasons]
        if not kept:
            raise VideoError(
                next(iter(reasons.values())), hint="Run `footage index` on it, and search again."
            )
        exported = write(kept)
    return replace(exported, failures=(*exported.failures, *reasons.items()))


@contextmanager
def _noting(path: str, file: File | None, reasons: dict[str, str]) -> Iterator[None]:
    """As ``sources.unchanged``, but a file that changes meanwhile is noted and raises nothing."""
    from service import sources

    unchanged = sources.unchanged(path, file)
    unchanged.__enter__()
    yield
    try:
        unchanged.__exit__(None, None, None)
    except VideoError as error:
        reasons[path] = f"{error}; what was written of it cannot be relied on"


def say_nothing_found(clips: Sequence[Clip], *, json: bool) -> None:
    """Say that nothing was written because nothing was found."""
    uncertain = sum(clip.verdict in ("uncertain", "not checked") for clip in clips)
    sentence = "Nothing was found, so nothing was written."
    if uncertain:
        verb = "is" if uncertain == 1 else "are"
        answers = formatting.count(uncertain, "answer")
        sentence += f" {answers} {verb} uncertain or not checked: --uncertain takes them, too."
    if json:
        console.emit(type="summary", files=0, manifest=None, answers=len(clips), uncertain=uncertain)
    console.notes().print(sentence, soft_wrap=True)


def show(exported: Exported, *, json: bool) -> None:
    """Print what was written, and on stderr where it is not exact or not there."""
    folder = exported.folder
    if json:
        for output in exported.outputs:
            console.emit(type="file", file=output.path, format=output.format, clips=len(output.cuts))
        for path, reason in exported.failures:
            console.emit(type="failure", source=path, reason=reason)
        console.emit(
            type="summary",
            files=len(exported.outputs),
            manifest=exported.manifest,
            warnings=list(exported.warnings),
        )
        return
    for output in exported.outputs:
        console.results().print(formatting.short_path(str(output.path)), soft_wrap=True)
    console.results().print(formatting.short_path(str(exported.manifest)), soft_wrap=True)
    notes = console.notes()
    for sentence in exported.warnings:
        notes.print(console.plain(sentence if sentence.endswith(".") else f"{sentence}."), soft_wrap=True)
    formatting.print_failures(exported.failures)
    count = formatting.count(len(exported.outputs), "file")
    notes.print(f"Wrote {count} and a manifest to {console.plain(absolute(folder))}.", soft_wrap=True)


def absolute(path: Path) -> Path:
    """A path as typed, made absolute, with ~ for the home."""
    return Path(path).expanduser().absolute()


def read_handles(text: str) -> tuple[float, float]:
    """Read "2" or "1,2.5" as seconds before and after.

    Raises:
        UsageError: it is neither.
    """
    given = text.split(",")
    try:
        seconds = [float(each) for each in given]
    except ValueError:
        seconds = []
    if not 1 <= len(seconds) <= 2 or not all(0 <= each < 3600 for each in seconds):
        raise UsageError(
            f"--handles cannot be {text!r}.", hint="Give seconds, such as 2, or before and after: 1,2.5"
        )
    return seconds[0], seconds[-1]


def read_length(text: str) -> float:
    """Read "60s", "1m30s", "90" or "1:30" as seconds.

    Raises:
        UsageError: it is none of these, or no time at all.
    """
    match = _LENGTH.fullmatch(text.strip())
    if match and any(match.groups()):
        hours, minutes, seconds = (float(each or 0) for each in match.groups())
        length = 3600 * hours + 60 * minutes + seconds
    else:
        length = parse_time(text)
    if length <= 0:
        raise UsageError(f"--max cannot be {text!r}.", hint="Give a length, such as 60s or 1m30s.")
    return length


def read_audio(text: str | None) -> AudioChoice | None:
    """Read "all", "none" or numbers of audio tracks, such as "1,3"; None where nothing was said.

    Raises:
        UsageError: it is none of these.
    """
    if text is None or text == "all":
        return None
    if text == "none":
        return ()
    numbers = [each.strip() for each in text.split(",")]
    if not all(each.isascii() and each.isdigit() and int(each) for each in numbers):
        raise UsageError(
            f"--audio cannot be {text!r}.", hint="Give all, none, or numbers of tracks from 1 on, such as 1,3"
        )
    return tuple(sorted({int(each) for each in numbers}))


def read_formats(given: Sequence[str]) -> list[Format]:
    """The formats that were named.

    Raises:
        UsageError: there is no such format.
    """
    from service.export import FORMATS

    for name in given:
        if name not in FORMATS:
            raise UsageError(f"--format cannot be {name!r}.", hint=f"Choose among {', '.join(FORMATS)}.")
    return [known for known in FORMATS if known in given]


def lettering(titles: bool, title_from: TitleKind, burn_time: bool) -> Lettering:
    """What is written on the pictures of a joined film."""
    from service.export import Lettering

    return Lettering(title_from if titles else None, source_time=burn_time)
