# ruff: noqa: RUF001 - the letters of other scripts are meant
"""Subtitles as a track: which files belong to a video, in which language, and what of them is kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_media_subtitles import with_track
from tiny_clips import write_clip

from footage.core.languages import language_code, same_language
from footage.core.speech_cover import has_words, spoken_events
from footage.core.text_files import decode_legacy_text
from footage.core.types import CaptionEvent, Span
from footage.media.sandbox import probe
from indexer.tracks.protocol import TrackReading
from indexer.tracks.subtitles import NO_SUBTITLES, PICTURES, SubtitleMaker, sidecars


def srt(*cues: tuple[float, float, str]) -> str:
    def clock(seconds: float) -> str:
        return f"{int(seconds) // 3600:02d}:{int(seconds) // 60 % 60:02d}:{seconds % 60:06.3f}".replace(
            ".", ","
        )

    return "\n".join(f"{n}\n{clock(a)} --> {clock(b)}\n{text}\n" for n, (a, b, text) in enumerate(cues, 1))


def read(path: Path, maker: SubtitleMaker | None = None) -> TrackReading:
    maker, video = maker or SubtitleMaker(), probe(path)
    (window,) = maker.windows(video)
    return maker.open(str(path), video).read(window)


def revision(path: Path, maker: SubtitleMaker | None = None) -> str:
    return (maker or SubtitleMaker()).open(str(path), probe(path)).provenance.revision


def said(reading: TrackReading) -> list[tuple[float, float, str, str]]:
    return [(e.span.start_seconds, e.span.end_seconds, e.language, e.text) for e in reading.events]


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("match.srt", ""),
        ("match.en.srt", "en"),
        ("match.eng.sdh.srt", "en"),
        ("match.de.forced.vtt", "de"),
        ("match.pt-BR.ass", "pt"),
        ("match.Deutsch.ssa", "de"),
        ("MATCH.FR.SRT", "fr"),
        ("match.mp4.es.srt", "es"),
        ("match_it.srt", "it"),
        ("match.Directors cut.srt", ""),
    ],
)
def test_a_file_beside_a_video_belongs_to_it_in_the_language_of_its_name(name: str, language: str) -> None:
    (found,) = sidecars(Path("/films/match.mp4"), ["match.mp4", "other.mp4", name])
    assert found.path == Path("/films") / name and found.language == language


@pytest.mark.parametrize(
    "name",
    ["other.srt", "matches.srt", "match_highlights.srt", "match.txt", "match", "rematch.srt", "match.2.srt"],
)
def test_other_files_do_not(name: str) -> None:
    assert sidecars(Path("/films/match.mp4"), ["match.mp4", "match.2.mp4", name]) == ()


def test_names_in_two_unicode_forms_are_one() -> None:
    (found,) = sidecars(Path("/films/caf\u00e9.mp4"), ["cafe\u0301.fr.srt"])
    assert found.language == "fr"


def test_all_sources_make_one_track_in_order_each_text_once(tmp_path: Path) -> None:
    path = with_track(tmp_path / "a.mkv", [(0.5, 1.5, "Hello"), (2.0, 3.0, "Inside only")])
    (tmp_path / "a.en.srt").write_text(srt((0.6, 1.4, "hello"), (3.0, 3.5, "[door closes] ♪ la ♪")))
    (tmp_path / "a.de.srt").write_text(srt((0.5, 1.5, "Hallo")))
    reading = read(path)
    assert said(reading) == [
        (0.5, 1.5, "de", "Hallo"),
        (0.6, 1.4, "en", "hello"),
        (2.0, 3.0, "", "Inside only"),
        (3.0, 3.5, "en", "[door closes] ♪ la ♪"),
    ]
    assert reading.notes == ()


def test_what_lies_outside_the_video_is_left_out_and_an_offset_moves_files_alone(tmp_path: Path) -> None:
    path = with_track(tmp_path / "a.mkv", [(2.0, 3.0, "Inside")])  # four seconds
    (tmp_path / "a.srt").write_text(srt((0.2, 0.8, "early"), (3.5, 9.0, "long"), (5.0, 6.0, "late")))
    assert said(read(path)) == [(0.2, 0.8, "", "early"), (2.0, 3.0, "", "Inside"), (3.5, 4.0, "", "long")]
    assert read(path).notes == ("a.srt: 1 subtitles outside the video",)
    moved = read(path, SubtitleMaker(offset_seconds=-1.5))
    assert said(moved) == [(2.0, 3.0, "", "Inside"), (2.0, 4.0, "", "long"), (3.5, 4.0, "", "late")]


def test_a_broken_file_does_not_stop_the_others_and_is_named(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", count=40)
    (tmp_path / "a.en.srt").write_bytes(b"\x00\x01\x02" * 500)
    (tmp_path / "a.fr.srt").mkdir()
    (tmp_path / "a.de.srt").write_text(srt((0.5, 1.5, "Hallo")))
    reading = read(path)
    assert said(reading) == [(0.5, 1.5, "de", "Hallo")]
    assert reading.notes == ("a.en.srt cannot be read", "a.fr.srt cannot be read")


def test_none_at_all_and_pictures_are_said(tmp_path: Path) -> None:
    assert read(write_clip(tmp_path / "a.mp4")) == TrackReading(notes=(NO_SUBTITLES,))
    import av
    from tiny_clips import picture_of

    with av.open(str(tmp_path / "b.mkv"), "w") as target:
        video = target.add_stream("libx264", rate=10)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        target.add_stream("dvdsub")
        for index in range(5):
            target.mux(video.encode(av.VideoFrame.from_ndarray(picture_of(index), format="rgb24")))
        target.mux(video.encode(None))
    assert read(tmp_path / "b.mkv") == TrackReading(notes=(PICTURES,))


def test_added_changed_and_removed_files_are_noticed(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4")
    maker = SubtitleMaker()
    seen = [revision(path, maker)]
    (tmp_path / "a.srt").write_text(srt((0.5, 1.5, "one")))
    seen.append(revision(path, maker))
    (tmp_path / "a.srt").write_text(srt((0.5, 1.5, "two")))
    seen.append(revision(path, maker))
    (tmp_path / "a.srt").rename(tmp_path / "a.de.srt")
    seen.append(revision(path, maker))
    seen.append(revision(path, SubtitleMaker(offset_seconds=1)))
    assert len(set(seen)) == 5
    (tmp_path / "a.de.srt").unlink()
    assert revision(path, maker) == seen[0]
    (tmp_path / "b.srt").write_text(srt((0.5, 1.5, "of another video")))
    assert revision(path, maker) == seen[0]


def test_the_webb_clip_has_its_text_inside(test_data: Path) -> None:
    reading = read(test_data / "videos/tc_nasa_13013.mp4")
    text = " ".join(event.text for event in reading.events)
    assert "optical and science segment of the Webb" in text and "Greenbelt, Maryland." in text
    assert {event.language for event in reading.events} == {"en"}
    assert len({event.text for event in reading.events}) == len(reading.events)


def test_shapes_that_are_drawn_are_no_text(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", count=40)
    fields = "Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text"
    head = f"[Script Info]\nScriptType: v4.00+\n\n[Events]\nFormat: {fields}\n"
    line = "Dialogue: 0,0:00:0{}.00,0:00:0{}.00,Default,,0,0,0,,{}\n"
    drawn = line.format(1, 2, "{\\an7\\p1}m 0 0 l 100 0 100 100{\\p0}")
    (tmp_path / "a.ass").write_text(head + drawn + line.format(2, 3, "{\\pos(1,2)}Words"))
    assert [event.text for event in read(path).events] == ["Words"]


@pytest.mark.parametrize(
    ("encoding", "language", "text"),
    [
        ("utf-8", "", "Grüße – 橋"),
        ("utf-8-sig", "", "Grüße"),
        ("utf-16", "", "Grüße"),
        ("cp1252", "", "Où est-il allé ? Ça va être très long."),
        ("cp1252", "de", "Äpfel, Öl und süße Grüße – größer als je zuvor."),
        ("cp1252", "", "Café"),
        ("cp1250", "pl", "Zażółć gęślą jaźń."),
        ("cp1250", "", "Zażółć gęślą jaźń. Czy mógłbyś przyjść później? Łódź jest piękna."),
        ("cp1251", "", "Комитет снова собрался в четверг. Никто не ожидал этого."),
        ("cp1253", "el", "Η επιτροπή συνεδρίασε ξανά."),
        ("cp1254", "tr", "Işık ve güneş, köprüyü görüştü."),
        ("cp1255", "he", "הוועדה נפגשה שוב ביום חמישי."),
        ("cp932", "", "委員会は木曜日に再び集まりました。橋について話します。"),
        ("gb18030", "", "委员会星期四再次开会讨论新的跨河大桥。"),
        ("cp949", "ko", "위원회는 목요일에 다시 모여 새 다리를 논의했습니다."),
    ],
)
def test_old_code_pages_are_read(encoding: str, language: str, text: str, tmp_path: Path) -> None:
    path = write_clip(tmp_path / "a.mp4", count=40)
    name = f"a.{language}.srt" if language else "a.srt"
    (tmp_path / name).write_bytes(srt((0.5, 1.5, text)).encode(encoding))
    assert [event.text for event in read(path).events] == [text]


@given(st.binary(max_size=300), st.sampled_from(["", "pl", "ja", "xx"]))
def test_any_bytes_are_text_or_refused(data: bytes, language: str) -> None:
    try:
        text = decode_legacy_text(data, language=language)
    except UnicodeDecodeError:
        return
    assert "\r" not in text


def test_languages_are_known_by_all_their_names() -> None:
    names = ["ger", "deu", "de", "German", "de-AT", "DE_at"]
    assert {language_code(name) for name in names} == {"de"}
    assert language_code("und") == language_code("x") == language_code("") == ""
    assert same_language("eng", "en") and same_language("", "en") and same_language("und", "")
    assert not same_language("de", "en") and not same_language("xyz", "en")


def event(start: float, end: float, text: str = "words", language: str = "en") -> CaptionEvent:
    return CaptionEvent(Span(start, end), text, None, language)


def test_speech_gives_way_to_subtitles_of_its_language() -> None:
    speech = [event(0, 4), event(5, 9), event(10, 14), event(20, 24), event(30, 34), event(40, 44)]
    subtitles = [
        event(0.2, 3.9, "Words.", "en"),
        event(5, 9, "Wörter.", "de"),
        event(10, 11, "Only the beginning"),
        event(20, 22, "First half,"),
        event(21.5, 24, "and second", ""),
        event(30, 34, "[applause] ♪"),
    ]
    assert spoken_events(speech, subtitles) == (speech[1], speech[2], speech[4], speech[5])
    assert spoken_events(speech, []) == tuple(speech)


spans = st.tuples(st.integers(0, 60), st.integers(1, 20), st.sampled_from(["en", "de", ""]))


@given(st.lists(spans, max_size=12), st.lists(spans, max_size=12))
def test_what_is_left_out_is_what_plain_counting_finds(spoken, written) -> None:
    speech = [event(a, a + n, "words", language) for a, n, language in spoken]
    subtitles = [event(a, a + n, "words", language) for a, n, language in written]
    kept = spoken_events(speech, subtitles)
    expected = []
    for each in speech:
        seconds = range(int(each.span.start_seconds), int(each.span.end_seconds))
        covered = sum(
            any(
                other.span.start_seconds <= second < other.span.end_seconds
                and same_language(each.language, other.language)
                for other in subtitles
            )
            for second in seconds
        )
        if covered * 2 < len(seconds):
            expected.append(each)
    assert list(kept) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[music]", False),
        ("♪ ♪", False),
        ("(laughs)", False),
        ("*sigh*", False),
        ("♪ la la ♪", True),
        ("Yes. [nods]", True),
    ],
)
def test_descriptions_of_sound_are_no_words(text: str, words: bool) -> None:
    assert has_words(text) is words
