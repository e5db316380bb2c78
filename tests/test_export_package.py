"""Packages for editing programs: other readers find the very frames of the footage, on any machine."""

from __future__ import annotations

import shutil
import stat
import zipfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree as ET

import av
import opentimelineio as otio_library
import pytest
from tiny_clips import index_of, write_clip
from tiny_exports import NTSC, NTSC_FILM, clip_of, write_rated

from footage.core.errors import FileError, UsageError
from footage.media.frame_grid import read_grid
from service.cancellation import Cancelled
from service.export import PROGRAMS, Options, PackageOptions, verify, write_package
from service.export.cuts import cut
from service.export.smpte import Counting
from service.export.zipped import zip_bytes, zip_chunks

START = "01:00:00:00"


@dataclass(frozen=True)
class Source:
    """A video of a package's test."""

    path: Path
    counting: Counting
    start: int
    """Timecode of its first frame, as a number of frames."""
    shown: list[int]
    """Which picture is on at each frame of the counting."""


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """Videos at 23.976, 25, 29.97 and 50, two with a start timecode, and one with uneven frames."""
    folder = tmp_path_factory.mktemp("rushes")
    made = {
        "cinema.mp4": (NTSC_FILM, ""),
        "pal.mov": (Fraction(25), "10:00:00:00"),
        "ntsc.mov": (NTSC, "00:59:58;00"),
        "fifty & more.mp4": (Fraction(50), ""),
    }
    found = []
    for name, (rate, timecode) in made.items():
        path = write_rated(folder / name, rate, timecode=timecode)
        counting = Counting(rate, drop=rate == NTSC)
        found.append(Source(path, counting, counting.frame(timecode or "00:00:00:00"), list(range(120))))
    times = [index / 30 + (0.017 if index % 3 == 1 else 0) + 0.05 * (index // 20) for index in range(110)]
    phone = write_clip(folder / "phone.mp4", times, fps=30, time_base=Fraction(1, 90_000))
    grid = read_grid(phone)
    numbers = [grid.frame(int(ticks)) for ticks in grid.table.pts]
    shown = [max(i for i, n in enumerate(numbers) if n <= frame) for frame in range(numbers[-1] + 1)]
    assert grid.warnings  # its rate is variable
    return [*found, Source(phone, Counting(grid.rate, drop=grid.rate == NTSC), 0, shown)]


@pytest.fixture(scope="module")
def clips(sources):
    spans = ((1.0, 2.0), (0.5, 1.5), (0.2, 1.9), (0.31, 0.72), (0.9, 2.1))
    return [clip_of(each.path, *span) for each, span in zip(sources, spans, strict=True)]


@pytest.fixture(scope="module")
def opened(clips, tmp_path_factory):
    """A package of every program, zipped and opened in another place."""
    folder = tmp_path_factory.mktemp("packages")
    homes = {}
    for program in (*PROGRAMS, None):
        made = write_package(
            clips,
            folder / str(program),
            package=PackageOptions(program=program, seconds_before=0.4, seconds_after=0.6),
            options=Options(name="my reel", start_timecode=START, zipped=True),
        )
        assert made.archive is not None and not made.failures
        assert [path.name for path in (folder / str(program)).iterdir()] == ["my reel.zip"]
        home = folder / "elsewhere" / str(program)
        with zipfile.ZipFile(made.archive) as archive:
            archive.extractall(home)
        homes[program] = home / "my reel"
    return homes


def pictures_of(path):
    """Which picture each frame of a file is."""
    with av.open(str(path)) as source:
        return [index_of(frame.to_ndarray(format="rgb24")) for frame in source.decode(video=0)]


def wanted(clip, source):
    """The first frame of a clip in its source's counting, and how many there are."""
    made = cut(clip)
    return made.in_frame, made.frames


def check(home, source, clip, *, url, media_start, first, frames):
    """Check that a list's source range shows the frames of the footage, in the file that it links to."""
    file = home / unquote(urlsplit(url).path)
    assert file.is_file() and file.parent == home / "media"
    in_frame, count = wanted(clip, source)
    assert (first, frames) == (source.start + in_frame, count)
    assert source.counting.frame(read_grid(file).timecode) == media_start
    seen = pictures_of(file)
    begin = first - media_start
    assert begin > 0 and begin + frames <= len(seen)
    assert seen[begin : begin + frames] == source.shown[in_frame : in_frame + count]


@pytest.mark.parametrize("program", ["resolve", "premiere", None])
def test_otio_shows_the_frames_of_the_footage_on_another_machine(opened, sources, clips, program):
    timeline = otio_library.adapters.read_from_file(str(opened[program] / "my reel.otio"))
    read = list(timeline.video_tracks()[0].find_clips())
    assert len(read) == len(clips)
    for made, source, clip in zip(read, sources, clips, strict=True):
        reference, span = made.media_reference, made.source_range
        assert reference.available_range.start_time.rate == float(source.counting.rate)
        check(
            opened[program],
            source,
            clip,
            url=reference.target_url,
            media_start=round(reference.available_range.start_time.value),
            first=round(span.start_time.value),
            frames=round(span.duration.value),
        )


@pytest.mark.parametrize("program", ["resolve", "premiere", None])
def test_an_edl_names_the_files_and_their_timecodes(opened, sources, clips, program):
    home = opened[program]
    rows = {}
    for path in home.glob("*.edl"):
        name = path.name.removesuffix(".edl").split("my reel.")[1]
        [counting] = {each.counting for each in sources if each.counting.name == name}
        timeline = otio_library.adapters.read_from_file(str(path), rate=float(counting.rate))
        for made in timeline.find_clips():
            rows[made.name] = made.source_range
        reels = {line.split()[1] for line in path.read_text().splitlines() if line[:3].isdigit()}
        assert all(len(reel) <= 8 and reel.isalnum() for reel in reels)
        assert (reels == {"AX"}) == (program == "premiere")
    names = sorted(path.name for path in (home / "media").iterdir())
    assert sorted(rows) == names
    for name, source, clip in zip(names, sources, clips, strict=True):
        span, media = rows[name], home / "media" / name
        check(
            home,
            source,
            clip,
            url=f"media/{name}",
            media_start=source.counting.frame(read_grid(media).timecode),
            first=round(span.start_time.value),
            frames=round(span.duration.value),
        )


@pytest.mark.parametrize(("program", "version"), [("resolve", "1.9"), ("final-cut", "1.10")])
def test_fcpxml_links_relatively_and_counts_in_whole_frames(opened, sources, clips, program, version):
    home = opened[program]
    root = ET.parse(home / "my reel.fcpxml").getroot()
    assert root.get("version") == version
    assets = {asset.get("id"): asset for asset in root.iter("asset")}
    for made, source, clip in zip(root.iter("asset-clip"), sources, clips, strict=True):
        asset, rate = assets[made.get("ref")], source.counting.rate
        media_start, first, frames = (
            Fraction(value.removesuffix("s")) * rate
            for value in (asset.get("start"), made.get("start"), made.get("duration"))
        )
        assert media_start.denominator == first.denominator == 1
        count = wanted(clip, source)[1]
        assert abs(frames - count) < rate / 23  # whole frames of the sequence, which has another rate
        check(
            home,
            source,
            clip,
            url=asset.find("media-rep").get("src"),
            media_start=int(media_start),
            first=int(first),
            frames=count,
        )
        assert made.get("tcFormat") == ("DF" if source.counting.drop else "NDF")


def test_the_xml_of_final_cut_7_counts_from_the_first_frame_of_each_file(opened, sources, clips):
    home = opened["premiere"]
    root = ET.parse(home / "my reel.xml").getroot()
    files = {each.get("id"): each for each in root.iter("file") if each.find("pathurl") is not None}
    ends = 0
    for made, source, clip in zip(root.findall(".//video/track/clipitem"), sources, clips, strict=True):
        file = files[made.find("file").get("id")]
        media_start = int(file.findtext("timecode/frame"))
        assert source.counting.frame(file.findtext("timecode/string")) == media_start
        rate = (made.findtext("rate/timebase"), made.findtext("rate/ntsc"))
        ntsc = source.counting.rate.denominator > 1
        assert rate == (str(source.counting.nominal), "TRUE" if ntsc else "FALSE")
        begin, past = int(made.findtext("in")), int(made.findtext("out"))
        assert int(made.findtext("start")) == ends
        ends = int(made.findtext("end"))
        check(
            home,
            source,
            clip,
            url=file.findtext("pathurl"),
            media_start=media_start,
            first=media_start + begin,
            frames=past - begin,
        )
    assert int(root.findtext("sequence/duration")) == ends
    assert root.findtext("sequence/timecode/string").replace(";", ":") == START


def test_a_package_says_what_it_is_in_five_lines_and_can_be_verified(opened):
    for program, home in opened.items():
        readme = (home / "README.txt").read_text()
        assert len(readme.splitlines()) == 5 and readme.startswith("my reel: 5 clips for ")
        first = {"resolve": ".otio", "premiere": ".xml", "final-cut": ".fcpxml", None: ".otio"}[program]
        assert f"my reel{first}" in readme
        verified = verify(home / "my reel.manifest.json")
        assert verified.problems == () and verified.outputs >= 7
    media = next((home / "media").iterdir())
    media.write_bytes(media.read_bytes()[:-1])
    [problem] = verify(home / "my reel.manifest.json").problems
    assert problem.file == f"media/{media.name}"


def test_links_stay_with_the_original_files(sources, clips, tmp_path):
    package = PackageOptions(program="premiere", media="links")
    made = write_package(clips, tmp_path, package=package, options=Options(name="linked"))
    home = tmp_path / "linked"
    assert made.folder == home and not (home / "media").exists()
    timeline = otio_library.adapters.read_from_file(str(home / "linked.otio"))
    for read, source, clip in zip(timeline.video_tracks()[0].find_clips(), sources, clips, strict=True):
        assert read.media_reference.target_url == source.path.as_uri()
        assert round(read.source_range.start_time.value) == source.start + wanted(clip, source)[0]
    again = write_package(clips[:1], tmp_path, package=package, options=Options(name="linked"))
    assert again.folder == tmp_path / "linked_2"  # a package never goes into another one's folder


@pytest.mark.parametrize("name", ["../../etc/passwd", "con", "a/b\\c", "\n-rf", "...", "été:*?"])
def test_no_name_leaves_the_folder_of_a_zip(clips, tmp_path, name):
    source = tmp_path / "rushes" / 'it\'s "..&<b>" 100%.mp4'
    source.parent.mkdir()
    shutil.copy(clips[1].path, source.with_suffix(".mov"))
    made = write_package(
        [clip_of(source.with_suffix(".mov"), 0.5, 1.0)],
        tmp_path / "out",
        package=PackageOptions(),
        options=Options(name=name, zipped=True),
    )
    with zipfile.ZipFile(made.archive) as archive:
        assert archive.testzip() is None
        for entry in archive.infolist():
            mode = entry.external_attr >> 16
            assert stat.S_ISREG(mode) and stat.S_IMODE(mode) == 0o600
            parts = entry.filename.split("/")
            assert 2 <= len(parts) <= 3 and not set(parts) & {"", ".", "..", "con"}
            assert not any(char in entry.filename for char in '\\:*?"<>|\n') and not parts[0].startswith("-")
    ET.fromstring(next(zipfile.Path(made.archive).iterdir()).joinpath(made.archive.stem + ".xml").read_text())


@pytest.mark.parametrize("stop", [Cancelled("Cancelled by the caller."), KeyboardInterrupt()])
@pytest.mark.parametrize("zipped", [False, True])
def test_a_cancelled_package_leaves_nothing(clips, tmp_path, stop, zipped):
    seen = []

    def on_file(name):
        seen.append(name)
        if name.endswith(".otio"):  # all media are written by then
            raise stop

    with pytest.raises(type(stop)):
        write_package(
            clips[:2],
            tmp_path / "out",
            package=PackageOptions(program="resolve"),
            options=Options(name="x", zipped=zipped),
            on_file=on_file,
        )
    assert len(seen) == 3 and list((tmp_path / "out").iterdir()) == []


def test_a_zip_is_as_long_as_it_says_and_refuses_names_that_leave_it(tmp_path):
    files = []
    for number, size in enumerate((0, 1, 3_000_000)):
        path = tmp_path / f"{number}.bin"
        path.write_bytes(bytes(size))
        files.append((f"é {number}/{number}.bin", path))
    assert zip_bytes(files) == sum(map(len, zip_chunks(files)))
    for name in ("../x", "/etc/x", "a//b", "a\\b", "c:x", "", "."):
        with pytest.raises(FileError, match="cannot be the name"):
            next(zip_chunks([(name, files[0][1])]))


def test_a_package_without_clips_is_refused(tmp_path):
    with pytest.raises(UsageError, match="nothing to export"):
        write_package([], tmp_path, package=PackageOptions(), options=Options())
