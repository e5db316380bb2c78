"""Tracks of an index as subtitle files, and words with their details, through the real store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from footage.core.config import Settings
from footage.core.track_events import track_caption
from footage.core.tracks import SCREEN_TEXT_TRACK, SPEECH_TRACK, SUBTITLE_TRACK
from footage.core.types import (
    CaptionEvent,
    File,
    Provenance,
    Span,
    SpokenWord,
    TextBox,
    Video,
    Window,
    WindowRecord,
)
from footage.embed.text_embedder import load_embedder
from footage.media.sandbox import read_subtitles
from footage.store import Store
from indexer.events import Projector
from service.session import Service
from service.transcript import track_coverage, transcripts
from ui.cli.main import app as command

UNDER = Provenance("engine", "1", "1", "")


def word(start: float, text: str) -> SpokenWord:
    return SpokenWord(Span(start, start + 0.5), text, 0.9)


def joined(content_id, events, cuts):
    """Join what a cut parted: two events that touch at one of the cuts."""
    merged: list[CaptionEvent] = []
    for event in events:
        if merged and merged[-1].span.end_seconds == event.span.start_seconds in {
            c.start_seconds for c in cuts
        }:
            last = merged.pop()
            span = Span(last.span.start_seconds, event.span.end_seconds)
            text = last.text if last.text == event.text else f"{last.text} {event.text}"
            event = CaptionEvent(span, text, event.confidence, event.language)
        merged.append(event)
    return tuple(merged)


SPEECH = {
    0: [
        CaptionEvent(Span(1, 2), "Hello there.", 0.9, "en", (word(1, "Hello"), word(1.5, "there."))),
        CaptionEvent(Span(9, 10), "Cut", 0.4, "en", (word(9, "Cut"),)),
    ],
    1: [CaptionEvent(Span(10, 11), "in two", 0.8, "en", (word(10, "in"), word(10.5, "two")))],
}
SCREEN = {
    0: [CaptionEvent(Span(4, 10), "EXIT 12", 0.9, "", boxes=(TextBox(4, 0.1, 0.1, 0.2, 0.2),))],
    1: [CaptionEvent(Span(10, 15), "EXIT 12", 0.9, "", boxes=(TextBox(12, 0.3, 0.1, 0.4, 0.2),))],
}
SUBTITLES = {
    0: [CaptionEvent(Span(1, 2), "Hallo.", None, "de"), CaptionEvent(Span(1, 2), "Hello.", None, "en")]
}


@pytest.fixture(scope="module")
def db(tmp_path_factory) -> Path:
    db = tmp_path_factory.mktemp("index") / "index.lancedb"
    store, embedder = Store.open(db, create=True), load_embedder()
    with store.writing():
        for name in ("talk", "silent"):
            store.videos.put([Video(name, 20.0, 640, 360, 25.0, "h264", "mp4")])
            store.files.put([File(f"/films/{name}.mp4", name, state="indexed", duration_seconds=20.0)])
        for track, windows in (
            (SPEECH_TRACK, SPEECH),
            (SCREEN_TEXT_TRACK, SCREEN),
            (SUBTITLE_TRACK, SUBTITLES),
        ):
            projector = Projector(store, embedder, track=track, merge=joined)
            for number, events in windows.items():
                window = Window("talk", number, Span(10 * number, 10 * number + 10))
                store.windows.commit([WindowRecord(window, track_caption(events), UNDER, track)])
            projector.project("talk")
    return db


@pytest.fixture
def service(db) -> Service:
    return Service(Settings(db=db))


def test_words_and_boxes_come_with_the_events_also_of_those_that_windows_cut(service):
    speech, screen, german, english = transcripts(service, "talk")
    assert [(each.track, each.language) for each in (speech, screen, german, english)] == [
        ("speech", "en"),
        ("screen-text", ""),
        ("subtitles", "de"),
        ("subtitles", "en"),
    ]
    assert [line.text for line in speech.lines] == ["Hello there.", "Cut in two"]
    assert [each.text for each in speech.lines[0].words] == ["Hello", "there."]
    assert [each.text for each in speech.lines[1].words] == ["Cut", "in", "two"]
    assert [box.at_seconds for box in screen.lines[0].boxes] == [4, 12]
    assert transcripts(service, "silent") == []


def test_the_coverage_of_each_track_of_a_video(service):
    covered = track_coverage(service, ["talk", "silent"])
    assert [(each.track, each.seconds, each.seconds_total) for each in covered["talk"]] == [
        ("speech", 20.0, 20.0),
        ("screen-text", 20.0, 20.0),
        ("subtitles", 10.0, 20.0),
    ]
    assert [each.seconds for each in covered["silent"]] == [0, 0, 0]


def run(*arguments: str):
    return CliRunner().invoke(command, ["captions", "export", *arguments])


def test_one_video_goes_to_stdout(db):
    result = run("/films/talk.mp4", "--format", "srt", "--db", str(db))
    assert result.exit_code == 0 and result.stdout == (
        "1\n00:00:01,000 --> 00:00:02,000\nHello there.\n\n2\n00:00:09,000 --> 00:00:11,000\nCut in two\n\n"
    )
    assert run("--format", "txt", "--track", "screen-text", "--db", str(db)).stdout == "[0:04.0] EXIT 12\n"


def test_a_folder_gets_a_file_for_each_video_and_language(db, tmp_path):
    out = tmp_path / "subs"
    result = run("--format", "vtt", "--track", "subtitles", "--out", str(out), "--db", str(db), "--json")
    assert result.exit_code == 0, result.output
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(record["video"], record["language"]) for record in records] == [
        ("/films/talk.mp4", "de"),
        ("/films/talk.mp4", "en"),
    ]
    assert sorted(path.name for path in out.iterdir()) == ["talk.de.vtt", "talk.en.vtt"]
    [cue] = read_subtitles(out / "talk.de.vtt")
    assert (cue.span, cue.text) == (Span(1, 2), "Hallo.")
    again = run("--format", "vtt", "--track", "subtitles", "--out", str(out), "--db", str(db))
    assert again.exit_code == 0 and len(list(out.iterdir())) == 4  # nothing is replaced


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--format", "srt", "--track", "subtitles"], "stdout takes one"),
        (["--format", "srt", "--track", "caption"], "nothing of the track caption"),
        (["/films/silent.mp4", "--format", "srt"], "nothing of the track speech"),
        (["/films/other.mp4", "--format", "srt"], "is not in the index"),
        (["/films/talk.mp4"], "JSON Lines hold all videos"),
        (["--format", "srt", "--track", "sound"], "--track cannot be 'sound'"),
    ],
)
def test_what_cannot_be_written_is_said_in_a_sentence(db, arguments, said):
    result = run(*arguments, "--db", str(db))
    assert result.exit_code != 0 and said in result.stderr.replace("\n", " ") and not result.stdout
