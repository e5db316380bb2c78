"""An export is all there with a manifest that is true, or not there at all; sources are never touched."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest
from test_media_clip import frames_of
from tiny_clips import write_clip
from tiny_exports import NTSC, clip_of, write_rated

from footage.core.errors import FileError, FootageError, UsageError, VideoError
from footage.core.types import Match, Provenance, Span, Window
from search.composite import combine
from service.export import FORMATS, Lettering, Options, Origins, clips_of, export, make_reel, verify, widened
from service.export.concat import title_of
from service.export.cuts import cut


@pytest.fixture
def source(tmp_path):
    (tmp_path / "videos").mkdir()
    return write_rated(tmp_path / "videos" / "gate.mp4", 25)


def manifest_of(exported):
    return json.loads(exported.manifest.read_text(encoding="utf-8"))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


# What is written


def test_every_format_is_written_and_told(tmp_path, source):
    out = tmp_path / "out"
    clips = [clip_of(source, 0.5, 1.0), clip_of(source, 2.0, 3.0, title="a cat sits")]
    exported = export(clips, out, formats=FORMATS, options=Options(name="a dog"))
    assert names(out) == sorted(
        [
            *(
                f"gate_00-00-0{times}.{form}"
                for times in ("0_00-00-01", "2_00-00-03")
                for form in ("gif", "mp4", "webp")
            ),
            *(f"a dog.{form}" for form in ("csv", "edl", "fcpxml", "jsonl", "manifest.json", "otio", "xml")),
            *("gate_chapters.vtt", "gate_markers.edl"),
        ]
    )
    result = manifest_of(exported)
    assert (result["format"], result["format_version"], result["failures"]) == ("footage export", 1, [])
    assert {entry["file"] for entry in result["entries"]} | {"a dog.manifest.json"} == set(names(out))
    for entry in result["entries"]:
        data = (out / entry["file"]).read_bytes()
        assert (entry["sha256"], entry["size_bytes"]) == (hashlib.sha256(data).hexdigest(), len(data))
    first = result["entries"][0]["clips"][0]
    assert first["source"] == str(source) and first["content_id"] == "content of gate.mp4"
    assert first["span"] == {"start_seconds": 0.5, "end_seconds": 1.0}
    assert first["written_span"] == {"start_seconds": 0.52, "end_seconds": 1.0}
    assert (first["query"], first["verdict"], first["confidence"]) == ("a dog", "found", 0.9)
    assert first["captioned_by"] == {"model": "some-model", "revision": "abc123", "prompt_version": "test-1"}
    assert [index for _, index in frames_of(out / "gate_00-00-00_00-00-01.mp4")] == list(range(13, 25))
    assert verify(exported.manifest).problems == ()


def test_progress_goes_up_to_the_end(tmp_path, source):
    steps = []
    clips = [clip_of(source, 0, 1), clip_of(source, 1, 2)]
    export(clips, tmp_path / "out", formats=("mp4", "edl"), on_progress=lambda *step: steps.append(step))
    assert steps == sorted(steps) and steps[0] == (0, 4) and steps[-1] == (4, 4)
    steps.clear()
    both, options = ("gif", "mp4", "webp"), Options(join=True)
    export(clips, tmp_path / "o", formats=both, options=options, on_progress=lambda *step: steps.append(step))
    assert steps == sorted(steps) and steps[-1] == (8, 8)
    steps.clear()
    make_reel(clips, tmp_path / "out" / "r.mp4", max_seconds=9, on_progress=lambda *step: steps.append(step))
    assert steps == sorted(steps) and steps[0] == (0, 4) and steps[-1] == (4, 4)


def test_a_copy_says_where_it_really_begins(tmp_path):
    path = write_clip(
        tmp_path / "a.mp4", count=60, keyframe_every=20, options={"sc_threshold": "0", "bf": "0"}
    )
    exported = export([clip_of(path, 2.5, 4.0)], tmp_path / "out", options=Options(copy=True))
    [entry] = manifest_of(exported)["entries"]
    assert entry["clips"][0]["span"] == {"start_seconds": 2.5, "end_seconds": 4.0}
    assert entry["clips"][0]["written_span"] == {"start_seconds": 2.0, "end_seconds": 4.0}
    assert [index for _, index in frames_of(tmp_path / "out" / entry["file"])] == list(range(20, 40))


def test_clips_are_joined_in_their_order(tmp_path, source):
    clips = [clip_of(source, 3.0, 3.2), clip_of(source, 1.0, 1.2)]
    exported = export(clips, tmp_path / "out", options=Options(name="both", join=True))
    assert names(tmp_path / "out") == ["both.manifest.json", "both.mp4"]
    assert [index for _, index in frames_of(tmp_path / "out" / "both.mp4")] == [
        *range(75, 80),
        *range(25, 30),
    ]
    [entry] = manifest_of(exported)["entries"]
    assert [clip["placed"]["start_seconds"] for clip in entry["clips"]] == [0.0, 0.2]


def test_lists_of_several_rates_are_told_apart(tmp_path, source):
    other = write_rated(tmp_path / "videos" / "other.mp4", NTSC)
    clips = [clip_of(source, 0, 1), clip_of(other, 0, 1)]
    exported = export(clips, tmp_path / "out", formats=("edl", "otio"), options=Options(name="x"))
    assert names(tmp_path / "out") == ["x.25.edl", "x.29.97df.edl", "x.manifest.json", "x.otio"]
    assert exported.warnings == (
        "An EDL has one frame rate, so there is one file for each of 25, 29.97df fps.",
    )
    assert manifest_of(exported)["warnings"] == list(exported.warnings)
    plain = export(clips, tmp_path / "ndf", formats=("edl",), options=Options(name="x", drop_frame=False))
    assert [output.path.name for output in plain.outputs] == ["x.25.edl", "x.29.97.edl"]


def test_two_sources_of_one_name_do_not_get_into_each_others_way(tmp_path):
    paths = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        paths.append(write_rated(tmp_path / folder / "gate.mp4", 25))
    clips = [clip_of(path, 0, 1, content_id=str(path)) for path in paths]
    export(clips, tmp_path / "out", formats=("mp4", "edl", "edl-markers"), options=Options(name="x"))
    assert names(tmp_path / "out") == [
        *(
            "gate_00-00-00_00-00-01.mp4",
            "gate_00-00-00_00-00-01_2.mp4",
            "gate_markers.edl",
            "gate_markers_2.edl",
        ),
        *("x.edl", "x.manifest.json"),
    ]
    text = (tmp_path / "out" / "x.edl").read_text()
    assert "001  GATE     " in text and "002  GATE2    " in text


@pytest.mark.parametrize(
    "name", ["ends with dot..mp4", "a\nb\x1b[31m.mp4", "-rf.mp4", "con.mp4", "ü" * 100 + ".mp4"]
)
def test_a_hostile_file_name_is_written_safely(tmp_path, name):
    path = write_rated(tmp_path / name, 25, count=30)
    exported = export(
        [clip_of(path, 0, 0.5)], tmp_path / "out", formats=("mp4", "edl", "otio", "fcpxml", "vtt")
    )
    for each in names(tmp_path / "out"):
        assert each.isprintable() and len(each.encode()) < 130
    assert verify(exported.manifest, identify=lambda path: f"content of {name}").problems == ()


# What is there stays


def test_nothing_is_written_over_unless_asked_for(tmp_path, source):
    out, clip = tmp_path / "out", clip_of(source, 0, 1)
    first = export([clip], out, options=Options(name="x"))
    before = {path: path.read_bytes() for path in out.iterdir()}
    second = export([clip], out, options=Options(name="x"))
    assert {path: path.read_bytes() for path in before} == before
    assert [output.path.name for output in second.outputs] == ["gate_00-00-00_00-00-01_2.mp4"]
    assert second.manifest.name == "x_2.manifest.json"
    first.outputs[0].path.write_bytes(b"old")
    third = export([clip], out, options=Options(name="x", overwrite=True))
    assert (third.outputs[0].path, third.manifest) == (first.outputs[0].path, first.manifest)
    assert len(names(out)) == 4 and verify(third.manifest).problems == ()


def test_a_source_is_not_written_over_whatever_is_asked_for(tmp_path):
    folder = tmp_path / "videos"
    folder.mkdir()
    path = write_rated(folder / "gate_00-00-00_00-00-01.mp4", 25, count=30)
    other = write_rated(folder / "gate_00-00-00_00-00-01_00-00-00_00-00-01.mp4", 25, count=30)
    before = path.read_bytes(), other.read_bytes()
    options = Options(name="x", overwrite=True, protected=[str(other)])
    exported = export([clip_of(path, 0, 1)], folder, options=options)
    assert (path.read_bytes(), other.read_bytes()) == before
    assert exported.outputs[0].path.name == "gate_00-00-00_00-00-01_00-00-00_00-00-01_2.mp4"
    reel = make_reel([clip_of(path, 0, 1)], path, max_seconds=5, options=Options(overwrite=True))
    assert path.read_bytes() == before[0] and reel.outputs[0].path != path


def test_a_full_disk_leaves_nothing_and_what_was_there_stays(tmp_path, source):
    out = tmp_path / "out"
    out.mkdir()
    (out / "gate_00-00-00_00-00-02.mp4").write_bytes(b"old")
    script = (
        "import resource, sys\nfrom pathlib import Path\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from tiny_exports import clip_of\nfrom service.export import Options, export\n"
        f"clips = [clip_of({str(source)!r}, 0, 2), clip_of({str(source)!r}, 1, 4)]\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
        "try:\n"
        f"    export(clips, Path({str(out)!r}), formats=('csv', 'mp4'), options=Options(overwrite=True))\n"
        "except Exception as exc:\n"
        "    print(type(exc).__name__, exc)\n"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.startswith("FootageError ") and "cannot be written" in answer.stdout
    assert names(out) == ["gate_00-00-00_00-00-02.mp4"]
    assert (out / "gate_00-00-00_00-00-02.mp4").read_bytes() == b"old"


STAGING = """
import sys
from pathlib import Path
from service.export.staging import staging
with staging(Path(sys.argv[1]), overwrite=False, sources=()) as made:
    made.new("gate", ".csv").write_text("half")
    print("written", flush=True)
    sys.stdin.readline()
"""


def test_what_a_killed_export_left_is_cleared_by_the_next_and_what_goes_on_is_not(tmp_path, source):
    def begin():
        process = subprocess.Popen(
            [sys.executable, "-c", STAGING, str(tmp_path / "out")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout.readline() == "written\n"
        return process

    with begin() as killed:
        killed.kill()
    assert names(tmp_path / "out")
    with begin() as goes_on:
        export([clip_of(source, 0, 1)], tmp_path / "out", formats=("edl",))
        goes_on.communicate("\n", timeout=60)
    assert names(tmp_path / "out") == ["clips.edl", "clips.manifest.json", "gate.csv"]


def test_a_folder_that_cannot_be_is_told(tmp_path, source):
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match="is not a folder"):
        export([clip_of(source, 0, 1)], tmp_path / "file")
    with pytest.raises(FootageError, match="cannot be written"):
        export([clip_of(source, 0, 1)], tmp_path / "file" / "below")


# What cannot be exported


def test_a_source_that_is_gone_costs_its_own_clips_alone(tmp_path, source):
    gone = write_rated(tmp_path / "videos" / "gone.mp4", 25)
    clips = [clip_of(gone, 0, 1), clip_of(source, 0, 1), clip_of(gone, 1, 2)]
    gone.unlink()
    exported = export(clips, tmp_path / "out", formats=("mp4", "edl"))
    assert exported.failures == ((str(gone), "gone.mp4 does not exist"),)
    assert manifest_of(exported)["failures"] == [{"source": str(gone), "reason": "gone.mp4 does not exist"}]
    assert len(exported.outputs) == 2
    with pytest.raises(VideoError, match=r"gone\.mp4 does not exist"):
        export([clips[0]], tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_a_stream_that_cannot_be_copied_costs_its_own_clip_alone(tmp_path, source):
    path = write_clip(tmp_path / "videos" / "a.webm", count=20, codec="libvpx")
    exported = export(
        [clip_of(path, 0, 1), clip_of(source, 0, 1)], tmp_path / "out", options=Options(copy=True)
    )
    assert len(exported.outputs) == 1 and "cannot be copied" in exported.failures[0][1]
    with pytest.raises(VideoError, match="cannot be copied"):
        export([clip_of(path, 0, 1)], tmp_path / "none", options=Options(copy=True))
    assert not list((tmp_path / "none").iterdir())


def test_requests_without_sense_are_refused_before_anything_is_written(tmp_path, source):
    clip = clip_of(source, 0, 1)
    for clips, formats, options, says in (
        ([], ("mp4",), Options(), "nothing to export"),
        ([clip], (), Options(), "cannot be exported as nothing"),
        ([clip], ("avi",), Options(), "cannot be exported as avi"),
        ([clip], ("mp4", "edl"), Options(start_timecode="01:00:00:30"), "not a valid timecode at 25 fps"),
    ):
        with pytest.raises(UsageError, match=says):
            export(clips, tmp_path / "out", formats=formats, options=options)
    with pytest.raises(UsageError, match="both copied and joined"):
        Options(copy=True, join=True)
    with pytest.raises(UsageError, match="is not a timecode"):
        Options(start_timecode="1h")
    with pytest.raises(UsageError, match=r"does not end in \.mp4"):
        make_reel([clip], tmp_path / "out" / "reel.mov", max_seconds=5)
    with pytest.raises(UsageError, match="cannot last 0 s"):
        make_reel([clip], tmp_path / "out" / "reel.mp4", max_seconds=0)
    assert not (tmp_path / "out").exists()


# Reels


def test_a_reel_has_what_fits_in_order_of_time(tmp_path, source):
    clips = [
        clip_of(source, 3.0, 4.0, confidence=0.99, title="a"),
        clip_of(source, 0.0, 1.9, confidence=0.95, title="b"),
        clip_of(source, 2.0, 2.8, confidence=0.9, title="c"),
    ]
    exported = make_reel(clips, tmp_path / "reel.mp4", max_seconds=2)
    assert names(tmp_path) == ["reel.edl", "reel.manifest.json", "reel.mp4", "reel.otio", "videos"]
    assert [index for _, index in frames_of(tmp_path / "reel.mp4")] == [*range(50, 70), *range(75, 100)]
    assert verify(exported.manifest).outputs == 3
    by_score = make_reel(clips, tmp_path / "best.mp4", max_seconds=2, order="score")
    assert [cut.clip.title for cut in by_score.outputs[0].cuts] == ["a", "c"]


@pytest.mark.parametrize("most", [0.3, 0.5, 1.0, 1.7])
@pytest.mark.parametrize("rate", [Fraction(25), NTSC])
def test_a_reel_is_never_longer_than_asked_for(tmp_path, rate, most):
    path = write_rated(tmp_path / "a.mp4", rate)
    clips = [clip_of(path, start, start + 0.61, title=str(start)) for start in (0.0, 1.01, 2.02, 3.03)]
    make_reel(clips, tmp_path / "reel.mp4", max_seconds=most)
    with av.open(str(tmp_path / "reel.mp4")) as made:
        video = made.streams.video[0]
        assert float(video.duration * video.time_base) <= most + 1e-6
        assert float(video.duration * video.time_base) > min(0.6, most - 0.05)


def test_order_by_time_goes_by_the_wall_clock_where_it_is_known(tmp_path, source):
    other = write_rated(tmp_path / "videos" / "a other.mp4", 25)
    late = clip_of(other, 0, 1, title="late", recorded_at="2026-03-01T12:00:00+00:00")
    early = clip_of(source, 0, 1, title="early", recorded_at="2026-03-01T11:59:59+00:00")
    result = [make_reel(clips, tmp_path / "r.mp4", max_seconds=9) for clips in ([late, early], [early, late])]
    for unknown in ("", "2026-03-01T1"):
        clips = [replace(early, recorded_at=unknown), late]
        result.append(make_reel(clips, tmp_path / "r.mp4", max_seconds=9))
    orders = [[cut.clip.title for cut in each.outputs[0].cuts] for each in result]
    assert orders == [["early", "late"], ["early", "late"], ["late", "early"], ["late", "early"]]
    assert [each.outputs[0].path.name for each in result] == ["r.mp4", "r_2.mp4", "r_3.mp4", "r_4.mp4"]


def test_titles_say_file_clock_or_query(source):
    made = cut(clip_of(source, 1, 2, recorded_at="2026-03-01T11:59:59+00:00"))
    assert title_of(made, "file") == "gate.mp4"
    assert title_of(made, "clock") == "2026-03-01 12:00:00"
    assert title_of(made, "query") == "a dog"
    west = cut(clip_of(source, 1, 2, recorded_at="2026-03-01T11:59:59-05:00"))
    assert title_of(west, "clock") == "2026-03-01 12:00:00"
    for unknown in ("", "2026-03-01T1"):
        assert title_of(cut(clip_of(source, 1, 2, recorded_at=unknown)), "clock") == "gate.mp4"


def test_words_are_burnt_into_a_reel(tmp_path, source):
    make_reel([clip_of(source, 1, 2)], tmp_path / "bare.mp4", max_seconds=5)
    lettering = Lettering("file", source_time=True)
    make_reel(
        [clip_of(source, 1, 2)], tmp_path / "titled.mp4", max_seconds=5, options=Options(lettering=lettering)
    )
    assert (tmp_path / "titled.mp4").stat().st_size != (tmp_path / "bare.mp4").stat().st_size


# From matches to clips


def test_clips_tell_what_led_to_them(source):
    video = clip_of(source, 0, 1).video
    one, two = (Provenance("m", revision, "p", "b") for revision in "12")
    first = Match(
        *(video, str(source), Span(1, 2), "a dog runs", 0.8, True, "found"),
        0.9,
        window=Window("", 1, Span(0, 4)),
    )
    second = replace(
        first, span=Span(3, 4), text="a cat sits", verdict="uncertain", grounded=False, confidence=None
    )
    [joint] = combine("then", [[first], [second]])
    assert (joint.span, joint.parts) == (Span(1, 4), (first, second))
    origins = Origins({video.content_id: {0: one, 1: two}}, {str(source): "2026-03-01"}, one)
    single, both = clips_of([first, joint], query="a dog THEN a cat", origins=origins)
    assert (single.span, single.captioned_by, single.grounded_by) == (Span(1, 2), two, one)
    assert (single.title, single.query, single.recorded_at) == (
        "a dog runs",
        "a dog THEN a cat",
        "2026-03-01",
    )
    assert (both.span, both.text, both.verdict) == (Span(1, 4), "a dog runs … a cat sits", "uncertain")
    assert (both.grounded, both.grounded_by, both.captioned_by, both.confidence) == (False, None, None, None)


def test_handles_end_where_the_video_does(source):
    clip = clip_of(source, 1, 4)
    assert widened(clip, 0.5, 0.25).span == Span(0.5, 4.25)
    assert widened(clip, 5, 5).span == Span(0, clip.video.duration_seconds)
    assert widened(clip, 0, 0) == clip


# Manifests


def test_what_is_missing_or_changed_is_told(tmp_path, source):
    clips = [clip_of(source, 0, 1), clip_of(source, 1, 2), clip_of(source, 2, 3)]
    exported = export(clips, tmp_path / "out")
    first, second, third = (output.path for output in exported.outputs)
    first.unlink()
    second.write_bytes(second.read_bytes() + b"x")
    data = bytearray(third.read_bytes())
    data[-1] ^= 1
    third.write_bytes(data)
    verified = verify(exported.manifest)
    assert [problem.file for problem in verified.problems] == [path.name for path in (first, second, third)]
    sentences = [problem.sentence for problem in verified.problems]
    assert sentences[0].endswith("is missing.") and "bytes, not" in sentences[1] and "SHA-256" in sentences[2]
    assert (verified.outputs, verified.sources) == (3, 0)


def test_sources_are_compared_on_request(tmp_path, source):
    exported = export([clip_of(source, 0, 1)], tmp_path / "out")
    assert verify(exported.manifest, identify=lambda path: "content of gate.mp4").problems == ()
    [problem] = verify(exported.manifest, identify=lambda path: "another").problems
    assert problem.sentence == "gate.mp4 has changed since the export."

    def gone(path):
        raise VideoError(f"{path} cannot be read: gone")

    [problem] = verify(exported.manifest, identify=gone).problems
    assert problem.sentence == f"{source} cannot be read: gone."


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not valid JSON"),
        ("[]", "not a manifest of an export"),
        ('{"format": "something"}', "not a manifest of an export"),
        ('{"format": "footage export", "format_version": 2}', "manifest of version 2"),
        ('{"format": "footage export", "format_version": 1}', "is damaged"),
        ('{"format": "footage export", "format_version": 1, "entries": [{"file": "a"}]}', "is damaged"),
    ],
)
def test_what_is_no_manifest_is_refused(tmp_path, text, says):
    path = tmp_path / "x.manifest.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=says) as caught:
        verify(path)
    assert caught.value.hint


@pytest.mark.parametrize("file", ["../secret", "/etc/passwd", "..", "a\\b", "a/b", ""])
def test_a_manifest_cannot_point_outside_its_folder(tmp_path, source, file):
    exported = export([clip_of(source, 0, 1)], tmp_path / "out")
    result = manifest_of(exported)
    result["entries"][0]["file"] = file
    exported.manifest.write_text(json.dumps(result))
    with pytest.raises(UsageError, match="is damaged"):
        verify(exported.manifest)


def test_a_query_that_is_no_text_is_written_all_the_same(tmp_path, source):
    query = "a \udcff dog\n"
    clip = clip_of(source, 0, 1, title=query, query=query)
    exported = export([clip], tmp_path / "out", formats=FORMATS, options=Options(name=query))
    assert "a dog.otio" in names(tmp_path / "out")
    assert manifest_of(exported)["entries"][0]["clips"][0]["query"] == "a ? dog\n"
