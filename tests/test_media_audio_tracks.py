"""Several audio tracks (commentary, stadium, a microphone each) are all kept and named, and may be chosen."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from xml.etree import ElementTree as ET

import av
import numpy as np
import opentimelineio
import pytest
from tiny_clips import write_clip
from tiny_exports import clip_of
from typer.testing import CliRunner

from footage.core.errors import UsageError
from footage.core.types import Span
from footage.media.audio_tracks import audio_tracks, choose
from footage.media.sandbox import write_preview
from service.export import Options, export, make_reel
from ui.cli.exports import read_audio
from ui.cli.main import app

TONES = 440, 880, 1760
NAMES = [("eng", "Commentary", 2, True), ("deu", "Stadium", 1, False), ("", "", 1, False)]


def write_tracks(path, *, tones=TONES, codec="aac", default=0):
    """A film of 3 s with one tone per track; the first is stereo, the others mono."""
    inputs = [f"sine={tone}:d=3:r=48000" for tone in tones]
    command = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=3"]
    for each in inputs:
        command += ["-f", "lavfi", "-i", each]
    command += ["-map", "0:v", "-c:v", "libx264", "-g", "25", "-pix_fmt", "yuv420p", "-c:a", codec]
    for number in range(len(tones)):
        language, title, channels, _ = NAMES[number]
        command += ["-map", f"{number + 1}:a", f"-ac:a:{number}", str(channels)]
        command += [f"-metadata:s:a:{number}", f"language={language}"] * bool(language)
        command += [f"-metadata:s:a:{number}", f"title={title}"] * bool(title)
        command += [f"-disposition:a:{number}", "default" if number == default else "0"]
    subprocess.run([*command, str(path)], check=True)
    return path


def tones_in(path):
    """Pitch in hertz, language, title, channels, and default flag of each audio track, by PyAV and FFT."""
    found = []
    with av.open(str(path)) as source:
        count = len(source.streams.audio)
    for number in range(count):
        with av.open(str(path)) as source:
            stream = source.streams.audio[number]
            samples = np.concatenate([frame.to_ndarray()[0] for frame in source.decode(stream)])
            spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
            steps = np.fft.rfftfreq(len(samples), 1 / stream.codec_context.sample_rate)
            language, name = stream.language or "", stream.metadata["handler_name"]
            default = bool(stream.disposition & av.stream.Disposition.default)
            found.append(
                (
                    round(float(steps[spectrum.argmax()]), -1),
                    language if language != "und" else "",
                    name if name != "SoundHandler" else "",
                    stream.codec_context.channels,
                    default,
                )
            )
    return found


def named(*numbers):
    return [(TONES[number - 1], *NAMES[number - 1]) for number in numbers]


def manifest_of(exported):
    return json.loads(exported.manifest.read_text())


@pytest.fixture(scope="module")
def match(tmp_path_factory):
    return write_tracks(tmp_path_factory.mktemp("tracks") / "match.mkv")


@pytest.mark.parametrize("copied", [True, False])
def test_all_audio_tracks_are_kept_with_their_names_and_the_manifest_lists_them(match, tmp_path, copied):
    exported = export([clip_of(match, 0.5, 2.5)], tmp_path, options=Options(copy=copied))
    assert tones_in(exported.outputs[0].path) == named(1, 2, 3)
    [entry] = manifest_of(exported)["entries"]
    result = entry["clips"][0]["audio"]
    assert [(each["language"], each["title"], each["channels"], each["default"]) for each in result] == NAMES
    assert [(each["track"], each["stream_index"]) for each in result] == [(1, 1), (2, 2), (3, 3)]
    assert exported.warnings == ()


@pytest.mark.parametrize("copied", [True, False])
def test_audio_tracks_are_chosen_by_number(match, tmp_path, copied):
    exported = export([clip_of(match, 0.5, 2.5)], tmp_path, options=Options(copy=copied, audio=(2, 3)))
    [_, stadium, other] = named(1, 2, 3)
    found = tones_in(exported.outputs[0].path)
    assert [each[:4] for each in found] == [stadium[:4], other[:4]]
    assert [each["track"] for each in manifest_of(exported)["entries"][0]["clips"][0]["audio"]] == [2, 3]
    none = export([clip_of(match, 0.5, 2.5)], tmp_path, options=Options(copy=copied, audio=()))
    assert tones_in(none.outputs[0].path) == []
    assert manifest_of(none)["entries"][0]["clips"][0]["audio"] == []


def test_each_audio_track_is_cut_to_the_sample(match, tmp_path):
    exported = export([clip_of(match, 0.52, 2.2)], tmp_path)
    with av.open(str(exported.outputs[0].path)) as source:
        ends = [float(s.duration * s.time_base) for s in source.streams.audio]
        starts = [float((s.start_time or 0) * s.time_base) for s in source.streams.audio]
    assert ends == pytest.approx([1.68] * 3, abs=0.03)
    assert starts == pytest.approx([0] * 3, abs=0.03)


def test_a_track_that_a_file_does_not_have_is_named(match, tmp_path):
    mute = write_clip(tmp_path / "mute.mp4", count=40)
    clips = [clip_of(match, 0.5, 1.5), clip_of(mute, 0.5, 1.5)]
    exported = export(clips, tmp_path / "out", options=Options(audio=(4,)))
    assert list(exported.warnings) == [
        "match.mkv has no audio track 4; it has 3",
        "mute.mp4 has no audio track 4; it has none",
    ]
    assert [tones_in(output.path) for output in exported.outputs] == [[], []]


def test_a_reel_plays_the_default_track_of_each_source_and_says_so(match, tmp_path):
    second = write_tracks(tmp_path / "second.mkv", tones=TONES[:2], default=1)
    clips = [clip_of(match, 0.5, 1.5), clip_of(second, 0.5, 1.5, title="a cat", confidence=0.5)]
    exported = make_reel(clips, tmp_path / "out" / "reel.mp4", max_seconds=10, order="score")
    assert (
        "match.mkv has 3 audio tracks; the film has track 1 (eng, Commentary, 2 channels)"
        in exported.warnings
    )
    assert (
        "second.mkv has 2 audio tracks; the film has track 2 (deu, Stadium, 1 channel)" in exported.warnings
    )
    result = manifest_of(exported)["entries"][0]["clips"]
    assert [[track["track"] for track in clip["audio"]] for clip in result] == [[1], [2]]
    with av.open(str(exported.outputs[0].path)) as source:
        samples = np.concatenate([frame.to_ndarray()[0] for frame in source.decode(audio=0)])
    for start, tone in ((0.2, 440), (1.2, 880)):
        part = samples[int(start * 48_000) : int((start + 0.5) * 48_000)]
        assert np.abs(np.fft.rfft(part)).argmax() / 0.5 == pytest.approx(tone, abs=4)


def test_a_reel_plays_the_chosen_track_and_is_silent_where_there_is_none(match, tmp_path):
    second = write_tracks(tmp_path / "second.mkv", tones=TONES[:1])
    clips = [clip_of(match, 0.5, 1.5), clip_of(second, 0.5, 1.5, title="a cat", confidence=0.5)]
    how = {"max_seconds": 10, "order": "score"}
    exported = make_reel(clips, tmp_path / "out" / "reel.mp4", **how, options=Options(audio=(2,)))
    assert list(exported.warnings) == ["second.mkv has no audio track 2; it has 1"]
    with av.open(str(exported.outputs[0].path)) as source:
        samples = np.concatenate([frame.to_ndarray()[0] for frame in source.decode(audio=0)])
    part = samples[9_600:33_600]
    assert np.abs(np.fft.rfft(part)).argmax() / 0.5 == pytest.approx(880, abs=4)
    assert np.abs(samples[52_800:]).max() < 1e-3
    mute = make_reel(clips, tmp_path / "out" / "mute.mp4", **how, options=Options(audio=()))
    assert tones_in(mute.outputs[0].path) == []


def test_a_film_of_several_clips_takes_one_track(match, tmp_path):
    with pytest.raises(UsageError, match="one audio track"):
        Options(join=True, audio=(1, 2))
    with pytest.raises(UsageError, match="one audio track"):
        make_reel([clip_of(match, 0, 1)], tmp_path / "a.mp4", max_seconds=9, options=Options(audio=(1, 2)))


def test_edit_lists_have_all_audio_tracks_or_those_chosen(match, tmp_path):
    forms = ("otio", "edl", "fcpxml", "csv")

    def lists(**how):
        exported = export([clip_of(match, 0.5, 2.5)], tmp_path, formats=forms, options=Options(**how))
        return {output.format: output.path.read_text() for output in exported.outputs}

    every, some = lists(), lists(audio=(2,))
    # OpenTimelineIO: one track of sound for each
    timelines = [
        opentimelineio.adapters.read_from_string(each["otio"], "otio_json") for each in (every, some)
    ]
    assert [[track.name for track in line.audio_tracks()] for line in timelines] == [
        ["A1", "A2", "A3"],
        ["A1"],
    ]
    sounds = [
        [track[0].metadata["footage"]["audio_track"]["title"] for track in line.audio_tracks()]
        for line in timelines
    ]
    assert sounds == [["Commentary", "Stadium", ""], ["Stadium"]]
    # EDL: four channels in all, and their names
    lines = every["edl"].splitlines()
    assert " AA/V " in lines[3] and lines[4] == "AUD  3  4"
    assert "* AUDIO TRACK 2 (deu, Stadium, 1 channel)" in lines
    assert "AUD" not in some["edl"].replace("* AUDIO", "") and "Commentary" not in some["edl"]
    assert (
        len(opentimelineio.adapters.read_from_string(every["edl"], "cmx_3600", rate=25).video_tracks()) == 1
    )
    # Final Cut: sources, channels, and the names of those that are on
    asset = ET.fromstring(every["fcpxml"]).find(".//asset")
    assert (asset.get("audioSources"), asset.get("audioChannels")) == ("3", "4")
    channels = [
        [
            (each.get("srcCh"), each.get("role"), each.get("enabled", "1"))
            for each in ET.fromstring(text).iter("audio-channel-source")
        ]
        for text in (every["fcpxml"], some["fcpxml"])
    ]
    roles = ["dialogue.Commentary eng", "dialogue.Stadium deu", "dialogue.Track 3"]
    assert channels[0] == list(zip(["1, 2", "3", "4"], roles, "111", strict=True))
    assert channels[1] == list(zip(["1, 2", "3", "4"], roles, "010", strict=True))
    [row] = csv.DictReader(io.StringIO(every["csv"]))
    assert row["audio"] == "1 eng Commentary 2 ch; 2 deu Stadium 1 ch; 3 1 ch"


def test_one_track_is_listed_as_ever(tmp_path):
    one = write_tracks(tmp_path / "one.mkv", tones=TONES[:1])
    exported = export([clip_of(one, 0.5, 2.5)], tmp_path / "out", formats=("edl", "fcpxml"))
    edl, fcpxml = (output.path.read_text() for output in exported.outputs)
    assert " AA/V " in edl and "\nAUD" not in edl
    assert "audio-channel-source" not in fcpxml and 'hasAudio="1"' in fcpxml


def test_a_preview_has_the_default_track_alone(match, tmp_path):
    write_preview(match, Span(0.5, 1.5), tmp_path / "preview.mp4")
    assert [each[0] for each in tones_in(tmp_path / "preview.mp4")] == [440]


def test_tracks_without_a_default_are_played_from_the_first(tmp_path):
    path = write_tracks(tmp_path / "a.mkv", default=9)
    with av.open(str(path)) as source:
        tracks = audio_tracks(source)
    assert [track.default for track in tracks] == [False] * 3
    assert choose(tracks, "main") == tracks[:1] and choose((), "main") == ()


@pytest.mark.parametrize(
    ("text", "choice"), [(None, None), ("all", None), ("none", ()), ("2", (2,)), ("3, 1,3", (1, 3))]
)
def test_the_choice_of_tracks_is_read(text, choice):
    assert read_audio(text) == choice


@pytest.mark.parametrize("text", ["", "0", "-1", "eng", "1,", "1.5", "²"])
def test_a_choice_that_is_none_is_refused(text):
    with pytest.raises(UsageError, match="--audio cannot be"):
        read_audio(text)


def test_a_reel_of_all_tracks_is_refused_before_anything_is_searched():
    answer = CliRunner().invoke(app, ["reel", "a dog", "--audio", "all"])
    assert answer.exit_code == 2 and "one audio track" in answer.output
