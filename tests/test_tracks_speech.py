"""What is said, by the packaged recogniser: real clips, sentences of espeak-ng, and what is no speech."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_clips import write_clip
from tiny_speech import RATE, SENTENCES, placed, said, write_talk

from footage.core.errors import VideoError
from footage.core.track_events import events_from_json, events_to_json
from footage.core.types import CaptionEvent, Span, SpokenWord, Video
from footage.media.sandbox import probe
from indexer.tracks.protocol import TrackMaker, TrackReading
from indexer.tracks.speech import ENGLISH_ONLY, NO_SOUND, UNCLEAR, SpeechMaker, believed
from indexer.tracks.speech_model import PACKAGED, Heard, Recogniser, find, locate
from indexer.tracks.utterances import plain

WEBB = (
    "This is the optical and science segment of the Webb Space Telescope, in one of the largest clean rooms "
    "in the world, at NASA's Goddard Space Flight Center in Greenbelt, Maryland."
)


@pytest.fixture(scope="module")
def recogniser() -> Recogniser:
    return Recogniser(locate(find(PACKAGED, device="cpu")), threads=1)


def read_all(maker: TrackMaker, path: Path) -> tuple[Video, list[TrackReading], tuple[CaptionEvent, ...]]:
    """A video, what each window has, and the events of all of them merged."""
    video = probe(path)
    reader = maker.open(str(path), video)
    windows = maker.windows(video)
    readings = [reader.read(window) for window in windows]
    for window, reading in zip(windows, readings, strict=True):
        assert list(reading.events) == sorted(reading.events, key=lambda event: event.span)
        for event in reading.events:
            assert window.span.start_seconds <= event.span.start_seconds
            assert event.span.end_seconds <= window.span.end_seconds
            assert event.words and event.language and 0 < (event.confidence or 0) <= 1
        assert events_from_json(events_to_json(reading.events)) == reading.events
    events = tuple(event for reading in readings for event in reading.events)
    return video, readings, maker.merge("", events, tuple(window.span for window in windows))


def words_of(events: tuple[CaptionEvent, ...]) -> list[str]:
    return [plain(word.text) for event in events for word in event.words]


def plain_words(text: str) -> list[str]:
    return [word for word in map(plain, text.split()) if word]


def errors(wanted: list[str], found: list[str]) -> int:
    """Words that have to be put in, left out or changed."""
    row = list(range(len(found) + 1))
    for number, word in enumerate(wanted, 1):
        before, row[0] = row[0], number
        for place, other in enumerate(found, 1):
            before, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, before + (word != other))
    return row[-1]


def talk_of(sentences: tuple[str, ...], *, pause: float, start: float = 1.0):
    """The sentences one after the other: pieces to be placed, where each lies, the length."""
    pieces, spans = [], []
    for sentence in sentences:
        samples = said(sentence)
        pieces.append((start, samples))
        spans.append((start, start + len(samples) / RATE))
        start += len(samples) / RATE + pause
    return pieces, spans, start


def test_the_webb_clip_is_read_as_it_is_spoken(recogniser: Recogniser, test_data: Path) -> None:
    """Word for word but for case and punctuation; the voice starts at 0.7 s, measured by its loudness."""
    _, readings, events = read_all(SpeechMaker(recogniser), test_data / "videos/tc_nasa_13013.mp4")
    assert words_of(events) == plain_words(WEBB)
    assert "Webb Space Telescope" in " ".join(event.text for event in events)
    assert events[0].span.start_seconds == pytest.approx(0.6, abs=0.4)
    assert events[-1].span.end_seconds == pytest.approx(12.0, abs=0.3)
    assert {event.language for event in events} == {"en"} and min(e.confidence or 0 for e in events) > 0.8
    assert readings[0].notes == (ENGLISH_ONLY,)


def test_another_real_clip_with_long_silence_is_read(recogniser: Recogniser, test_data: Path) -> None:
    _, _, events = read_all(SpeechMaker(recogniser), test_data / "videos_edge/ae_example.mp4")
    wanted = (
        "Hello. This is an example video for your convenience and pleasure. You are allowed to use this "
        "voice for any purpose, including commercial uses. On the bottom right you can see the time. When "
        "the time reaches 40 seconds, I will say banana. Banana."
    )
    assert errors(plain_words(wanted), words_of(events)) <= 3, "a small model may misread a word"
    assert words_of(events)[-1] == "banana"
    assert events[-1].span.start_seconds == pytest.approx(40.1, abs=0.2)
    assert all(event.span.duration_seconds <= 12 for event in events)


def test_real_clips_without_speech_have_none(recogniser: Recogniser, test_data: Path) -> None:
    """Music, street noise, silence, no sound at all: every real clip but the two that somebody speaks in."""
    maker, seen = SpeechMaker(recogniser, audio="all"), 0
    for path in sorted(test_data.glob("videos*/*")):
        if path.name in ("tc_nasa_13013.mp4", "ae_example.mp4"):
            continue
        try:
            _, readings, events = read_all(maker, path)
        except VideoError:
            continue  # not a video at all
        assert events == (), path.name
        assert all(ENGLISH_ONLY in each.notes or NO_SOUND in each.notes for each in readings), path.name
        seen += 1
    assert seen >= 20


@pytest.mark.parametrize("kind", ["hum", "noise", "chords", "clicks", "crackle"])
def test_sounds_that_are_no_speech_have_no_text(kind: str, recogniser: Recogniser, tmp_path: Path) -> None:
    at, rng = np.arange(30 * RATE) / RATE, np.random.default_rng(3)
    made = {
        "hum": lambda: 0.3 * np.sin(2 * np.pi * 100 * at),
        "noise": lambda: rng.normal(0, 0.2, len(at)),
        "chords": lambda: sum(
            0.15 * np.sin(2 * np.pi * note * 2 ** (np.floor(at) % 5 / 12) * at) for note in (220, 277, 330)
        ),
        "clicks": lambda: (np.arange(len(at)) % (RATE // 2) < 60) * 0.8,
        "crackle": lambda: rng.normal(0, 0.2, len(at)) * (rng.random(len(at)) < 0.01),
    }[kind]()
    path = write_talk(tmp_path / "a.mkv", [made.astype(np.float32)], seconds=30)
    _, _, events = read_all(SpeechMaker(recogniser), path)
    assert events == ()


@pytest.mark.parametrize("voice", ["de", "fr-fr", "es", "it", "pl", "ru"])
def test_a_model_of_english_invents_no_english_for_other_languages(
    voice: str, recogniser: Recogniser, tmp_path: Path
) -> None:
    text = {
        "de": "Der Ausschuss traf sich am Donnerstag wieder, um über die neue Brücke zu sprechen.",
        "fr-fr": "Le comité s'est réuni jeudi pour discuter du nouveau pont sur la rivière.",
        "es": "El comité se reunió de nuevo el jueves para hablar del nuevo puente sobre el río.",
        "it": "Il comitato si è riunito di nuovo giovedì per discutere del nuovo ponte sul fiume.",
        "pl": "Komisja spotkała się ponownie w czwartek, aby omówić nowy most przez rzekę.",
        "ru": "Комитет снова собрался в четверг, чтобы обсудить новый мост через реку.",
    }[voice]
    samples = said(text, voice=voice)
    path = write_talk(tmp_path / "a.mkv", [placed([(1.0, samples)], 10)], seconds=10)
    _, readings, events = read_all(SpeechMaker(recogniser), path)
    assert events == ()
    assert readings[0].notes == (UNCLEAR, ENGLISH_ONLY)


def test_spoken_sentences_lie_where_they_are_said_with_long_pauses_too(
    recogniser: Recogniser, tmp_path: Path
) -> None:
    """At most a quarter of the words are wrong (a small model, a robot's voice); times within 0.5 s."""
    pieces, spans, seconds = talk_of(SENTENCES, pause=4.0)
    path = write_talk(tmp_path / "a.mp4", [placed(pieces, seconds)], seconds=seconds)
    _, _, events = read_all(SpeechMaker(recogniser), path)
    wanted = plain_words(" ".join(SENTENCES))
    assert errors(wanted, words_of(events)) <= len(wanted) / 4
    assert len(events) == len(SENTENCES)
    for event, (start, end) in zip(events, spans, strict=True):
        assert event.span.start_seconds == pytest.approx(start, abs=0.5)
        assert event.span.end_seconds == pytest.approx(end, abs=0.5)


def test_no_word_is_lost_or_doubled_at_a_boundary(recogniser: Recogniser, tmp_path: Path) -> None:
    """Windows that cut sentences in two have the words of one window together, in any order of reading."""
    pieces, _, seconds = talk_of(SENTENCES + SENTENCES[:3], pause=0.2)
    path = write_talk(tmp_path / "a.mp4", [placed(pieces, seconds)], seconds=seconds)
    _, _, whole = read_all(SpeechMaker(recogniser), path)
    maker = SpeechMaker(recogniser, window_seconds=18)
    video, readings, parts = read_all(maker, path)
    assert len(readings) == 3
    wanted = plain_words(" ".join(SENTENCES + SENTENCES[:3]))
    assert abs(len(words_of(parts)) - len(words_of(whole))) <= 4
    assert errors(wanted, words_of(parts)) <= len(wanted) / 4
    cut = [window.span.end_seconds for window in maker.windows(video)[:-1]]
    assert any(event.span.start_seconds < at < event.span.end_seconds for event in parts for at in cut)

    backwards = maker.open(str(path), video)
    again = [backwards.read(window) for window in reversed(maker.windows(video))][::-1]
    assert again == readings


def test_a_clip_that_is_cut_short_loses_only_what_is_not_there(
    recogniser: Recogniser, tmp_path: Path
) -> None:
    pieces, spans, seconds = talk_of(SENTENCES[:4], pause=1.0)
    for name, lead in (("late.mkv", 2.5), ("early.mkv", -2.0)):
        path = write_talk(
            tmp_path / name,
            [placed(pieces, seconds)],
            seconds=seconds + 4,
            sound_from=max(0.0, lead),
            pictures_from=max(0.0, -lead),
        )
        _, _, events = read_all(SpeechMaker(recogniser), path)
        assert events[-1].span.end_seconds == pytest.approx(spans[-1][1] + lead, abs=0.5)


def test_two_tracks_with_the_same_sound_give_each_text_once(recogniser: Recogniser, tmp_path: Path) -> None:
    first, second = said(SENTENCES[0]), said(SENTENCES[2])
    one, both = placed([(1.0, first)], 12), placed([(1.0, first), (6.0, second)], 12)
    path = write_talk(tmp_path / "a.mkv", [one, both], seconds=12, languages=("eng", "eng"))
    _, _, main = read_all(SpeechMaker(recogniser), path)
    _, _, chosen = read_all(SpeechMaker(recogniser, audio=(2,)), path)
    _, _, every = read_all(SpeechMaker(recogniser, audio="all"), path)
    assert [len(events) for events in (main, chosen, every)] == [1, 2, 2]
    assert "tractor" in every[1].text and "tractor" not in main[0].text
    _, readings, none = read_all(SpeechMaker(recogniser, audio=(7,)), path)
    assert none == () and readings[0].notes == ("no sound track 7",)


def test_a_file_without_sound_says_so_and_an_image_has_no_window(
    recogniser: Recogniser, tmp_path: Path
) -> None:
    _, readings, events = read_all(SpeechMaker(recogniser), write_clip(tmp_path / "a.mp4"))
    assert events == () and readings == [TrackReading(notes=(NO_SOUND,))]
    assert SpeechMaker(recogniser).windows(Video("", 0.0, 8, 8, 0.0, "png", container="image")) == ()


def test_windows_that_read_the_same_have_one_provenance(recogniser: Recogniser) -> None:
    video = Video("x", 700.0, 8, 8, 25.0, "h264", gaps=(Span(310, 350),))
    maker = SpeechMaker(recogniser)
    assert [window.span for window in maker.windows(video)] == [
        Span(0, 300),
        Span(300, 310),
        Span(350, 650),
        Span(650, 700),
    ]
    provenance = maker.open("nowhere.mp4", video).provenance
    assert provenance.model == PACKAGED and len(provenance.revision) == 40
    assert "float32" in provenance.budget and provenance.prompt_version.startswith("speech-")
    assert SpeechMaker(recogniser, audio="all").open("nowhere.mp4", video).provenance != provenance
    with pytest.raises(VideoError, match=r"nowhere\.mp4 does not exist"):
        maker.open("nowhere.mp4", video).read(maker.windows(video)[0])


def heard(text: str, **more: float) -> Heard:
    words = tuple(
        SpokenWord(Span(number * 0.5, number * 0.5 + 0.5), each, 0.9)
        for number, each in enumerate(text.split())
    )
    return replace(Heard(words, -0.2, 0.1, 1.3), **more)


@pytest.mark.parametrize(
    ("change", "voiced", "kept"),
    [
        ({}, [(0.0, 3.0)], True),
        ({"mean_log_probability": -1.1}, [(0.0, 3.0)], False),
        ({"no_speech": 0.8, "mean_log_probability": -0.6}, [(0.0, 3.0)], False),
        ({"no_speech": 0.8}, [(0.0, 3.0)], True),
        ({"compression": 8.0}, [(0.0, 3.0)], False),
        ({}, [(5.0, 9.0)], False),
        ({}, [], False),
    ],
)
def test_text_that_is_likely_to_be_invented_is_left_out(change, voiced, kept: bool) -> None:
    words = believed([heard("a dog runs over there", **change)], voiced, least_confidence=0.4)
    assert bool(words) is kept


def test_text_that_is_not_sure_enough_or_repeats_itself_is_left_out() -> None:
    part = heard("well well " * 6)
    assert [word.text for word in believed([part], [(0, 9)], least_confidence=0.4)] == ["well"]
    unsure = replace(part, words=tuple(replace(word, confidence=0.2) for word in part.words))
    assert believed([unsure], [(0, 9)], least_confidence=0.4) == []
