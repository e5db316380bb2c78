"""Exports clips into a folder: the steps in order; words nothing for people and searches for nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from footage.core.errors import UsageError, VideoError
from footage.media.audio_tracks import AudioChoice, AudioTrack, choose
from footage.media.frame_grid import shown
from footage.media.sandbox import copy_clip, write_animation, write_clip
from footage.media.text_overlay import can_write
from service.export import tables
from service.export.chapters import vtt
from service.export.clips import Clip
from service.export.concat import NO_LETTERING, Lettering, join, subtitles_of
from service.export.cuts import Cut, by_counting, by_source, cut
from service.export.edl import edl, marker_edl
from service.export.fcpxml import fcpxml
from service.export.manifest import ENDING, Output, manifest
from service.export.names import NO_REEL, as_text, reel_names, safe_stem
from service.export.otio import otio
from service.export.presets import ANY, Preset
from service.export.select import by_time, fit, ranked
from service.export.smpte import read_label
from service.export.staging import Staging, staging
from service.export.xmeml import xmeml

Format = Literal["mp4", "gif", "webp", "otio", "edl", "edl-markers", "fcpxml", "xmeml", "csv", "jsonl", "vtt"]
FORMATS: tuple[Format, ...] = get_args(Format)
"""What clips can be exported as."""
PER_CLIP: tuple[Format, ...] = ("mp4", "gif", "webp")
"""Those that make a file of each clip."""
Order = Literal["time", "score"]
START = "00:00:00:00"
"""Where timelines begin unless another timecode is asked for."""
ENDINGS: Mapping[Format, str] = {"xmeml": ".xml"}
"""Endings of files that differ from the name of their format."""
Progress = Callable[[int, int], None]
Naming = Callable[[str], None]
"""Called with the name of each file when it is begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How clips are written; a UsageError where that makes no sense."""

    name: str = "clips"
    """What files are called that are about all clips."""
    copy: bool = False
    """Copy streams at keyframes instead of encoding them again."""
    join: bool = False
    """One MP4 of all clips instead of one of each."""
    lettering: Lettering = NO_LETTERING
    """What is written on the pictures of joined clips."""
    start_timecode: str = ""
    """Where timelines and lists begin; 00:00:00:00 where it is empty, for markers the video's own."""
    drop_frame: bool = True
    """Whether 29.97 and 59.94 are counted with drop frame where the video does not say."""
    audio: AudioChoice | None = None
    """Which audio tracks; None for all of them, in a film of joined clips the main one of each."""
    overwrite: bool = False
    """Replace files of the same name; otherwise new ones are numbered."""
    zipped: bool = False
    """One zip of all files and their manifest, in place of the files."""
    timeout_seconds: float = 120
    """Give up on a file after this long without progress."""
    protected: Collection[str] = ()
    """Paths that are never written over, beside the sources themselves."""

    def __post_init__(self) -> None:
        if self.copy and self.join:
            raise UsageError(
                "Clips cannot be both copied and joined: joined clips are re-encoded.",
                hint="Omit one of the two options.",
            )
        if self.join and isinstance(self.audio, tuple) and len(self.audio) > 1:
            raise UsageError(ONE_TRACK, hint="Name one track: --audio 2")
        if self.start_timecode:
            read_label(self.start_timecode)


ONE_TRACK = "A film of joined clips has one audio track, not several."


@dataclass(frozen=True, slots=True)
class Exported:
    """The result of an export."""

    folder: Path
    """Where the files lie."""
    outputs: tuple[Output, ...]
    """The files, in the order they were written."""
    manifest: Path
    """The manifest, which describes them."""
    warnings: tuple[str, ...] = ()
    """Where they are not exact, a sentence each."""
    failures: tuple[tuple[str, str], ...] = ()
    """Sources that could not be used, each with the reason."""
    archive: Path | None = None
    """The zip that all of them are in, where one was asked for; then they lie nowhere else."""
    packaged: bool = False
    """Whether it is a package, which has a README.txt beside its manifest."""


DEFAULT = Options()


def export(
    clips: Sequence[Clip],
    folder: Path,
    *,
    formats: Sequence[Format] = ("mp4",),
    options: Options = DEFAULT,
    on_progress: Progress | None = None,
    on_file: Naming | None = None,
) -> Exported:
    """Write clips into a folder, with a manifest beside them: everything, or nothing where writing fails.

    A source that cannot be read costs its own clips alone, and is reported as a failure.

    Args:
        clips: What to export, in this order.
        folder: Where to; made where it is not there.
        formats: As what, each once.
        options: How.
        on_progress: Called with (steps done, steps in all); while clips are joined, from another thread.
        on_file: Called with the name of each file when it is begun.

    Raises:
        UsageError: There is nothing to export, or the options make no sense together.
        VideoError: None of the sources can be read.
        FootageError: The folder cannot be written to.
    """
    check_clips(clips, formats)
    steps = len(clips) * (1 + sum(each in PER_CLIP for each in formats))
    work = Work(folder, options, on_progress, steps, on_file)

    # 1. Where each clip lies, to the frame.
    cuts = work.cut(clips)
    for each in by_counting(cuts):
        each.frame(options.start_timecode or START)  # a bad one is refused before anything is written
    sources = (*options.protected, *(clip.path for clip in clips))
    with staging(folder, overwrite=options.overwrite, sources=sources) as place:
        stem = place.stem(safe_stem(options.name))

        # 2. Moving pictures, then lists, then the manifest.
        for form in dict.fromkeys(formats):
            if form == "mp4" and options.join:
                work.write_joined(place, stem, cuts)
            elif form in PER_CLIP:
                work.write_each(place, cuts, form)
            else:
                work.write_list(place, stem, cuts, form)
        return work.finish(place, stem, formats)


def make_reel(
    clips: Sequence[Clip],
    out: Path,
    *,
    max_seconds: float,
    order: Order = "time",
    options: Options = DEFAULT,
    on_progress: Progress | None = None,
) -> Exported:
    """Choose the best of some clips and join them into one film, with its edit lists and manifest beside it.

    Clips are ranked (``choose.ranked``) and taken as long as they fit. Nothing but a single clip that is
    longer than the whole reel is cut short.

    Args:
        clips: To choose from.
        out: The film, ending in .mp4; its lists and manifest take its name.
        max_seconds: What the film is never longer than, but for a single frame.
        order: By the wall clock where it is known for all (else by file and time), or the best first.
        options: How; ``name``, ``copy`` and ``join`` do not count.
        on_progress: Called with (steps done, steps in all); while clips are joined, from another thread.

    Raises:
        UsageError: There is nothing to join, or ``out`` has another ending.
        VideoError: None of the sources can be read.
        FootageError: It cannot be written.
    """
    check_clips(clips, ("mp4",))
    if out.suffix.lower() != ".mp4":
        raise UsageError(f"{out.name} does not end in .mp4.", hint="A reel is an MP4: --out reel.mp4")
    if isinstance(options.audio, tuple) and len(options.audio) > 1:
        raise UsageError(ONE_TRACK, hint="Name one track: --audio 2")
    if max_seconds <= 0:
        raise UsageError(f"A reel cannot last {max_seconds:g} s.", hint="Use a positive length: --max 60s")
    best = ranked(clips)
    work = Work(out.parent, options, on_progress, 2 * len(best))

    # 1. The best clips that fit.
    cuts = work.cut(best)
    chosen = [
        cuts[number].at_most(seconds)
        for number, seconds in fit([each.span.duration_seconds for each in cuts], max_seconds)
    ]
    if order == "time":
        moment = by_time(each.clip for each in chosen)
        chosen.sort(key=lambda each: moment(each.clip))
    for counting in by_counting(chosen):
        counting.frame(options.start_timecode or START)

    # 2. The film, its lists, and the manifest.
    sources = (*options.protected, *(clip.path for clip in clips))
    with staging(out.parent, overwrite=options.overwrite, sources=sources) as place:
        stem = place.stem(safe_stem(out.stem))
        work.write_joined(place, stem, chosen)
        work.write_list(place, stem, chosen, "otio")
        work.write_list(place, stem, chosen, "edl")
        return work.finish(place, stem, ("mp4", "otio", "edl"))


class Work:
    """An export on its way."""

    def __init__(
        self,
        folder: Path,
        options: Options,
        on_progress: Progress | None,
        steps: int,
        on_file: Naming | None = None,
    ) -> None:
        self.folder, self.options = folder, options
        self._on_progress, self._done, self._steps = on_progress, 0, steps
        self._on_file = on_file
        self.outputs: list[Output] = []
        """What was written so far."""
        self._warnings: dict[str, None] = {}
        self._failures: list[tuple[str, str]] = []

    def cut(self, clips: Sequence[Clip]) -> list[Cut]:
        """Cut what can be cut; a file is read once, however many clips are in it.

        Raises:
            VideoError: Nothing can be.
        """
        cuts: dict[int, Cut] = {}
        for number in sorted(range(len(clips)), key=lambda number: clips[number].path):
            self.step()
            try:
                cuts[number] = cut(
                    clips[number],
                    drop=self.options.drop_frame,
                    audio="all" if self.options.audio is None else self.options.audio,
                    timeout_seconds=self.options.timeout_seconds,
                )
            except VideoError as exc:
                self.fail(clips[number], exc)
                first = exc
        if not cuts:
            raise first
        ordered = [cuts[number] for number in sorted(cuts)]
        self._warnings |= dict.fromkeys(sentence for each in ordered for sentence in each.warnings)
        return ordered

    def write_each(self, place: Staging, cuts: Sequence[Cut], form: Format) -> None:
        """One file of each clip."""
        patience = self.options.timeout_seconds
        for each in cuts:
            self.step()
            path = place.new(safe_stem(f"{Path(each.clip.path).stem}_{clock_name(each)}"), f".{form}")
            self.begin(path.name)
            written, sound = each.span, each.tracks[:0]
            try:
                if form != "mp4":
                    write_animation(each.clip.path, each.span, path, timeout_seconds=patience)
                else:
                    write = copy_clip if self.options.copy else write_clip
                    made = write(
                        each.clip.path, each.clip.span, path, audio=each.audio, timeout_seconds=patience
                    )
                    written, sound = made.span, made.audio
                    self.warn_of_lost_sound(each, sound)
            except VideoError as exc:
                place.discard(path)
                self.fail(each.clip, exc)
                continue
            copied = form == "mp4" and self.options.copy
            self.outputs.append(
                Output(path, form, (each,), written=(written,), encoded=not copied, audio=(sound,))
            )

    def write_joined(self, place: Staging, stem: str, cuts: Sequence[Cut]) -> None:
        """One film of all clips."""
        rates = {each.counting.rate for each in cuts}
        if len(rates) > 1:
            self.warn(
                f"The clips have {len(rates)} frame rates; the film has the highest, {shown(max(rates))} fps."
            )
        if self.options.lettering.subtitles:
            self._tell_of_words(cuts)
        audio: AudioChoice = "main" if self.options.audio is None else self.options.audio
        heard = tuple(choose(each.grid.tracks, audio)[:1] for each in cuts)
        self._tell_of_tracks(cuts, heard)
        path = place.new(stem, ".mp4")
        self.begin(path.name)
        done = self._done
        placed = join(
            cuts,
            path,
            lettering=self.options.lettering,
            audio=audio,
            timeout_seconds=self.options.timeout_seconds,
            on_progress=lambda some, _: self.at(done + some),
        )
        self._done += len(cuts)
        self.outputs.append(Output(path, "mp4", tuple(cuts), placed=placed, encoded=True, audio=heard))

    def _tell_of_words(self, cuts: Sequence[Cut]) -> None:
        """Say where there is nothing to be read, or not all of it can be written."""
        said = [text for each in cuts for _, text in subtitles_of(each)]
        if not said:
            self.warn("The index has no spoken words of these clips: there are no subtitles.")
        elif not all(map(can_write, said)):
            self.warn("No font on this machine has all letters of the subtitles; install Noto fonts.")

    def _tell_of_tracks(self, cuts: Sequence[Cut], heard: Sequence[Sequence[AudioTrack]]) -> None:
        """Say which track a film plays of each source that has several."""
        for each, tracks in zip(cuts, heard, strict=True):
            count = len(each.grid.tracks)
            if self.options.audio is None and tracks and count > 1:
                self.warn(f"{each.name} has {count} audio tracks; the film has track {tracks[0]}")

    def warn_of_lost_sound(self, cut: Cut, written: Sequence[AudioTrack]) -> None:
        """Say which audio tracks a clip lacks."""
        lost = [str(track.number) for track in cut.tracks if track not in written]
        if lost:
            self.warn(f"audio track {', '.join(lost)} of {cut.name} cannot be decoded; it is left out")

    def write_list(
        self, place: Staging, stem: str, cuts: Sequence[Cut], form: Format, *, preset: Preset = ANY
    ) -> None:
        """One file about all clips, or as many as the format needs."""
        start, title = self.options.start_timecode or START, self.options.name
        if form == "edl":
            groups, keys = by_counting(cuts), [each.link_key for each in cuts]
            reels = reel_names(keys) if preset.tape_reels else dict.fromkeys(keys, NO_REEL)
            if len(groups) > 1:
                rates = ", ".join(counting.name for counting in groups)
                self.warn(f"An EDL has one frame rate, so there is one file for each of {rates} fps.")
            for counting, group in groups.items():
                ending = ".edl" if len(groups) == 1 else f".{counting.name}.edl"
                self._list(
                    place, stem, ending, edl(group, title=title, start=start, reels=reels), form, group
                )
        elif form in ("edl-markers", "vtt"):
            for path, group in by_source(cuts).items():
                own = safe_stem(f"{Path(path).stem}_{'markers' if form == 'edl-markers' else 'chapters'}")
                if form == "vtt":
                    text = vtt([(each.span, each.clip.title) for each in group])
                else:
                    text = marker_edl(group, title=group[0].name, start=self.options.start_timecode)
                self._list(place, own, ".vtt" if form == "vtt" else ".edl", text, form, group)
        else:
            text = {
                "otio": lambda: otio(cuts, title=title, start=start),
                "fcpxml": lambda: fcpxml(cuts, title=title, start=start, version=preset.fcpxml_version),
                "xmeml": lambda: xmeml(cuts, title=title, start=start),
                "csv": lambda: tables.csv_table(cuts),
                "jsonl": lambda: tables.jsonl(cuts),
            }[form]()
            self._list(place, stem, ENDINGS.get(form, f".{form}"), text, form, cuts)

    def finish(self, place: Staging, stem: str, formats: Sequence[Format]) -> Exported:
        """Write the manifest, and say what there is.

        Raises:
            VideoError: There is not a single file.
        FootageError: The zip cannot be written.
        """
        text = self.manifest(formats)
        path = place.write_text(stem, ENDING, text)
        self.at(self._steps)
        moved = [replace(each, path=self.folder / each.path.name) for each in self.outputs]
        archive = self.folder / place.pack(stem).name if self.options.zipped else None
        return self.done(self.folder, moved, self.folder / path.name, archive)

    def manifest(self, formats: Sequence[str], **more: object) -> str:
        """The manifest of what was written.

        Raises:
            VideoError: There is not a single file.
        """
        if not self.outputs:
            raise VideoError(self._failures[0][1])
        settings = {**asdict(self.options), "name": as_text(self.options.name), "formats": list(formats)}
        del settings["protected"]
        return manifest(
            self.outputs,
            settings={**settings, **more},
            warnings=list(self._warnings),
            failures=self._failures,
        )

    def done(
        self, folder: Path, outputs: Sequence[Output], manifest_path: Path, archive: Path | None = None
    ) -> Exported:
        """What there is, where it lies now."""
        return Exported(
            folder, tuple(outputs), manifest_path, tuple(self._warnings), tuple(self._failures), archive
        )

    def _list(
        self, place: Staging, stem: str, ending: str, text: str, form: Format, cuts: Sequence[Cut]
    ) -> None:
        self.begin(f"{stem}{ending}")
        self.outputs.append(Output(place.write_text(stem, ending, text), form, tuple(cuts)))

    def begin(self, name: str) -> None:
        """A file is begun."""
        if self._on_file:
            self._on_file(name)

    def fail(self, clip: Clip, exc: VideoError) -> None:
        """A clip cannot be written."""
        failure = (clip.path, str(exc))
        if failure not in self._failures:
            self._failures.append(failure)

    def warn(self, sentence: str) -> None:
        """Something is not exact."""
        self._warnings[sentence] = None

    def step(self) -> None:
        """A step begins."""
        self.at(self._done)
        self._done += 1

    def at(self, done: int) -> None:
        """Say how many steps are done."""
        if self._on_progress:
            self._on_progress(min(done, self._steps), self._steps)


def check_clips(clips: Sequence[Clip], formats: Sequence[Format]) -> None:
    """Check that there is something to export, as something.

    Raises:
        UsageError: There is not.
    """
    if not clips:
        raise UsageError("There is nothing to export.", hint="Try another query.")
    if not formats or set(formats) - set(FORMATS):
        raise UsageError(
            f"Clips cannot be exported as {', '.join(formats) or 'nothing'}.",
            hint=f"Choose from {', '.join(FORMATS)}.",
        )


def clock_name(cut: Cut) -> str:
    """From when to when, as it can stand in the name of a file: "00-00-51_00-00-57"."""

    def clock(seconds: float) -> str:
        whole = int(seconds)
        return f"{whole // 3600:02d}-{whole // 60 % 60:02d}-{whole % 60:02d}"

    return f"{clock(cut.span.start_seconds)}_{clock(cut.span.end_seconds)}"
