"""What an audit of captions is worth to searches: less weight for wrong captions, and no evidence by them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from standin_finder import StandinFinder, TestVideo, index_videos
from standin_judge import StandinJudge, check_whole

from footage.embed.text_embedder import load_embedder
from indexer.correcting import correct
from search.audit import audit
from search.engine import Engine
from search.grounding.window_queries import EventFinder
from search.query.parser import parse_query
from search.retrieval.retriever import CONTRADICTED_WEIGHT, PASSAGE_WEIGHT, Retriever

RED, BLUE = "A red car drives by.", "A blue car drives by."
BALL = "A ball bounces."
RIGHT = TestVideo("right", 60, 40, {RED: [(5, 10)], BALL: [(20, 24)]})
WRONG = TestVideo("a_wrong", 160, 40, {BLUE: [(5, 10)]}, captioned={RED: [(5, 10)]})
VIDEOS = [RIGHT, WRONG]
ERROR = f'the video shows "{BLUE}", not "{RED}".'


@pytest.fixture
def store(tmp_path):
    return index_videos(tmp_path, VIDEOS, load_embedder("minilm"))


class OneVideoJudge(StandinJudge):
    """Sees a blue car in one video alone."""

    def check(self, video, path, claims):
        if video.content_id != "content-a_wrong":
            return StandinJudge({}).check(video, path, claims)
        return super().check(video, path, claims)


def audited(store, instead=None):
    judge = OneVideoJudge({RED: BLUE} if instead is None else instead)
    return audit(store, EventFinder(StandinFinder(VIDEOS)), [judge], check=check_whole).audits


def asked(store, query, *, ground=True):
    return Engine(store, load_embedder("minilm"), StandinFinder(VIDEOS)).search(query, ground=ground).matches


def test_answers_are_the_same_to_the_byte_without_a_wrong_caption(store):
    queries = ["a red car", BALL, "a blue car -red", "nothing of the kind"]
    before = [repr(asked(store, query, ground=ground)) for query in queries for ground in (True, False)]
    audits = audited(store, instead={})
    assert {each.ruling for each in audits} == {"supported"}
    after = [repr(asked(store, query, ground=ground)) for query in queries for ground in (True, False)]
    assert after == before
    kept = audited(store)
    assert kept == audits  # the same judge: nothing is judged again


def test_a_wrong_caption_comes_after_a_right_one_of_the_same_words(store):
    retriever = Retriever(store, load_embedder("minilm"))
    query = parse_query("a red car drives by")
    before = {each.video.content_id: each.hits[0] for each in retriever.retrieve(query)}
    assert next(iter(before)) == "content-a_wrong"
    audited(store)
    after = {each.video.content_id: each.hits[0] for each in retriever.retrieve(query)}
    assert next(iter(after)) == "content-right" and after["content-right"] == before["content-right"]
    was, now = before["content-a_wrong"], after["content-a_wrong"]
    assert was.similarity - now.similarity == pytest.approx(CONTRADICTED_WEIGHT, abs=1e-5)
    assert was.score - now.score == pytest.approx(CONTRADICTED_WEIGHT * (1 + PASSAGE_WEIGHT), abs=1e-5)
    assert now.wrong and not was.wrong


@pytest.mark.parametrize("arm", ["text", "vector", "hybrid"])
def test_the_order_changes_in_every_arm(store, arm):
    retriever, query = Retriever(store, load_embedder("minilm")), parse_query("a red car drives by")
    audited(store)
    assert retriever.retrieve(query, arm=arm)[0].video.content_id == "content-right"


def test_a_wrong_time_lowers_no_score_but_is_no_evidence(store):
    [wrong, *_] = audited(store)
    errors = tuple(replace(error, kind="time") for error in wrong.errors)
    store.annotations.audits.put([replace(wrong, errors=errors)])
    retriever, query = Retriever(store, load_embedder("minilm")), parse_query("a red car drives by")
    [first, *_] = retriever.retrieve(query)
    assert first.video.content_id == "content-a_wrong" and first.hits[0].wrong
    captions = retriever.captions(query, ["content-a_wrong", "content-right"])
    assert [bool(hit.wrong) for hit in captions["content-a_wrong"]] == [True]
    assert not any(hit.wrong for hit in captions["content-right"])
    slight = tuple(replace(error, severity="minor") for error in errors)
    store.annotations.audits.put([replace(wrong, errors=slight)])
    assert not store.annotations.audits.contradicted()


def test_a_wrong_caption_is_no_evidence_for_a_verdict(store):
    def of_wrong(query):
        return [match for match in asked(store, query) if match.video.content_id == "content-a_wrong"]

    [before] = of_wrong("a blue car drives by")
    assert before.grounded and "It says" in " ".join(before.evidence)  # red, not blue, by the caption
    audited(store)
    [after] = of_wrong("a blue car drives by")
    assert after.grounded and after.confidence > before.confidence
    assert f"The audit found this caption wrong: {ERROR}" in after.evidence
    assert "There is no caption there." not in after.evidence and after.text == ""
    assert "similarity" not in dict(after.measures)

    caption = [match for match in of_wrong("a red car drives by") if match.text == RED]
    assert all(match.verdict != "found" for match in caption)
    assert all(any(ERROR in sentence for sentence in match.evidence) for match in caption)


def test_why_says_so_where_the_model_was_not_asked(store):
    audited(store)
    [match] = [each for each in asked(store, RED, ground=False) if each.video.content_id == "content-a_wrong"]
    assert match.evidence[1] == f"The audit found this caption wrong: {ERROR}"


def test_a_kept_and_a_corrected_caption_count_again(store):
    [wrong, *_] = audited(store)
    embedder = load_embedder("minilm")
    retriever, query = Retriever(store, embedder), parse_query("a red car drives by")
    store.annotations.audits.decide(wrong.event_id, "kept")
    assert retriever.retrieve(query)[0].video.content_id == "content-a_wrong"
    store.annotations.audits.decide(wrong.event_id, "")
    assert retriever.retrieve(query)[0].video.content_id == "content-right"
    [event] = store.events.of("content-a_wrong")
    correct(store, event, text="A red car drives by, slowly.", span=event.span, embedders=lambda: [embedder])
    [hit] = [each.hits[0] for each in retriever.retrieve(query) if each.video.content_id == "content-a_wrong"]
    assert not hit.wrong


def test_audits_are_read_once_for_each_version(store):
    audited(store)
    audits = store.annotations.audits
    first = audits.contradicted()
    assert audits.contradicted() is first and audits.standing(store.events) is audits.standing(store.events)
    audits.decide(next(iter(first)), "kept")
    assert audits.contradicted() is not first
