"""Writes packages for editing programs: lists and media in one folder that opens on another machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Literal, get_args

from footage.core.atomic import writing
from footage.core.errors import VideoError
from footage.core.private_files import close_to_others
from footage.media.audio_tracks import AudioTrack, choose
from footage.media.concat import Piece
from footage.media.frame_grid import shown
from footage.media.sandbox import probe, write_clip, write_reel
from footage.media.segment import stretch_in
from service.export.clips import Clip, widened
from service.export.cuts import Cut, TrimmedFile, by_counting
from service.export.manifest import ENDING, MEDIA_FOLDER, Output
from service.export.names import one_line, safe_stem
from service.export.presets import Program, preset_of
from service.export.run import (
    ENDINGS,
    PER_CLIP,
    START,
    Exported,
    Format,
    Naming,
    Options,
    Progress,
    Work,
    check_clips,
    clock_name,
)
from service.export.staging import Staging, staging
from service.export.zipped import write_zip

MediaKind = Literal["clips", "links"]
MEDIA_KINDS: tuple[MediaKind, ...] = get_args(MediaKind)
"""What lists link to: clips in the package, or the original files."""
README = "README.txt"
_WIDEST = 8192
"""Pixels; no H.264 encoder here goes further."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageOptions:
    """What is in a package for an editing program."""

    program: Program | None = None
    """For which program; every list when None."""
    media: MediaKind = "clips"
    """Clips with handles in the package, or links to the original files, which stay where they are."""
    seconds_before: float = 1.0
    """Seconds of the source before each clip in its media file; lists begin with the clip itself."""
    seconds_after: float = 1.0
    """Seconds of the source after each clip in its media file."""
    formats: tuple[Format, ...] = ()
    """Further lists, beside those that the program wants."""

    @property
    def lists(self) -> tuple[Format, ...]:
        """All lists of the package, the one to open first."""
        more = (form for form in self.formats if form not in PER_CLIP)
        return tuple(dict.fromkeys((*preset_of(self.program).formats, *more)))


def write_package(
    clips: Sequence[Clip],
    folder: Path,
    *,
    package: PackageOptions,
    options: Options,
    on_progress: Progress | None = None,
    on_file: Naming | None = None,
) -> Exported:
    """Write a package into a new folder of its own, or a zip: everything, or nothing where writing fails.

    Timecodes everywhere are those of the original files: media files have a timecode track that begins with
    the source's timecode of their first frame, so that lists link to either.

    Args:
        clips: What to export, in this order.
        folder: Where the package's folder or zip is put; made where it is not there.
        package: What is in it.
        options: How clips are written; ``copy``, ``join`` and ``lettering`` do not count, and ``overwrite``
            only for a zip.
        on_progress: Called with (steps done, steps in all).
        on_file: Called with the name of each file when it is begun.

    Raises:
        UsageError: There is nothing to export, or the options make no sense together.
        VideoError: None of the sources can be read.
        FootageError: The folder cannot be written to.
    """
    check_clips(clips, ("csv",))
    preset = preset_of(package.program)
    work = Work(folder, options, on_progress, (1 + (package.media == "clips")) * len(clips), on_file)

    # 1. Where each clip lies, to the frame.
    cuts = work.cut(clips)
    for counting in by_counting(cuts):
        counting.frame(options.start_timecode or START)
    sources = (*options.protected, *(clip.path for clip in clips))
    overwrite = options.overwrite and options.zipped
    with staging(folder, overwrite=overwrite, sources=sources) as place:
        made = place.new(safe_stem(options.name), ".zip" if options.zipped else "")
        stem = made.stem if options.zipped else made.name
        box = place.box(made.with_suffix("") if options.zipped else made)

        # 2. Media, lists, then what describes them.
        if package.media == "clips":
            cuts = _write_media(work, box, cuts, package)
        for form in package.lists:
            work.write_list(box, stem, cuts, form, preset=preset)
        files = [(output.file, output.path) for output in work.outputs]
        first = f"{stem}{ENDINGS.get(preset.formats[0], '.' + preset.formats[0])}"
        files.append((README, box.write_text("README", ".txt", _readme(cuts, first, stem, package))))
        text = work.manifest(package.lists, package=asdict(package))
        path = box.write_text(stem, ENDING, text)
        files.append((path.name, path))
        with writing(folder / made.name):
            for _, file in files:
                close_to_others(file)
            if options.zipped:
                work.begin(made.name)
                write_zip([(f"{stem}/{name}", file) for name, file in files], made)
        home = folder / stem
        moved = [replace(each, path=home / each.file) for each in work.outputs]
        archive = folder / made.name if options.zipped else None
        return replace(work.done(home, moved, home / path.name, archive), packaged=True)


def _write_media(work: Work, box: Staging, cuts: Sequence[Cut], package: PackageOptions) -> list[Cut]:
    """A media file of each cut, with its handles; the cuts that have one, linked to it."""
    place = box.box(box.below(MEDIA_FOLDER))
    linked: list[Cut] = []
    for number, each in enumerate(cuts, 1):
        work.step()
        path = place.new(safe_stem(f"{number:03d}_{Path(each.clip.path).stem}_{clock_name(each)}"), ".mp4")
        work.begin(path.name)
        try:
            clip = widened(each.clip, package.seconds_before, package.seconds_after)
            wide = replace(each, clip=clip, stretch=stretch_in(each.grid.table, clip.span))
            frames, sound = _write(work, wide, path)
            picture = probe(path, content_id=each.clip.video.content_id)
        except VideoError as exc:
            place.discard(path)
            work.fail(each.clip, exc)
            continue
        trimmed = TrimmedFile(
            f"{MEDIA_FOLDER}/{path.name}", wide.in_frame, frames, sound, (picture.width, picture.height)
        )
        work.outputs.append(
            Output(path, "mp4", (wide,), encoded=True, audio=(sound,), subfolder=MEDIA_FOLDER)
        )
        linked.append(replace(each, linked=trimmed))
    if not linked:
        work.manifest(())  # says why
    return linked


def _write(work: Work, wide: Cut, path: Path) -> tuple[int, tuple[AudioTrack, ...]]:
    """Write a media file; its number of frames, and its audio tracks.

    Editing programs want a constant frame rate: pictures of uneven or slower sources are repeated or left
    out until there is one for each frame that is counted.
    """
    patience = work.options.timeout_seconds
    timecode = wide.timecodes[0]
    if _is_even(wide):
        made = write_clip(
            wide.clip.path,
            wide.clip.span,
            path,
            audio=wide.audio,
            timecode=timecode,
            timeout_seconds=patience,
        )
        work.warn_of_lost_sound(wide, made.audio)
        return made.frames, made.audio
    rate = wide.counting.rate
    sound = choose(wide.grid.tracks, wide.audio)[:1]
    reel = write_reel(
        [Piece(wide.stretch, audio=wide.audio, on_grid=True)],
        path,
        rate=rate,
        max_width=_WIDEST,
        timecode=timecode,
        timeout_seconds=patience,
    )
    work.warn(
        f"{wide.name} has a variable or unusual frame rate; its media files have a constant {shown(rate)} fps"
    )
    work.warn_of_lost_sound(wide, sound)
    return round(Fraction(reel.spans[0].end_seconds) * rate), sound


def _is_even(cut: Cut) -> bool:
    """Whether each frame of the counting is one picture."""
    table = cut.stretch.table
    numbers = [cut.grid.frame(int(ticks)) for ticks in table.pts[cut.stretch.first : cut.stretch.past]]
    return all(later - earlier == 1 for earlier, later in pairwise(numbers))


def _readme(cuts: Sequence[Cut], first: str, stem: str, package: PackageOptions) -> str:
    """Five lines for the person who opens the folder."""
    preset = preset_of(package.program)
    if package.media == "clips":
        where = f'If the program asks for media, choose the folder "{MEDIA_FOLDER}" beside this file.'
        handles = f"{package.seconds_before:g} s before and {package.seconds_after:g} s after"
        what = f"Each media file has handles of up to {handles}, and the original's timecode."
    else:
        where = "Media are the original files, which are not in this folder; source paths are in the lists."
        what = "Timecodes are those of the original files."
    lines = (
        f"{one_line(stem)}: {len(cuts)} {'clip' if len(cuts) == 1 else 'clips'} for {preset.title}.",
        preset.to_open.format(list=one_line(first)),
        where,
        what,
        f"Made with footage {version('footage')}; {one_line(stem)}{ENDING} has every file, source and hash.",
    )
    return "\n".join(lines) + "\n"
