"""The arithmetic of caption quality: AutoDQ, both views, CaReBench's retrieval."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.captions import autodq
from evaluation.captions.autodq import CaptionScores
from evaluation.captions.carebench import (
    CaptionRetrievalScores,
    caption_retrieval,
    rebias,
    retrieval_scores,
    text_vectors,
)
from evaluation.captions.drafts import majority
from evaluation.captions.quality import CaptionQuality, quality_record
from evaluation.captions.relations import RELATIONS, RULINGS, JudgedClip, JudgedItem

E, N, C = "entailment", "neutral", "contradiction"
YES, NO, DARK = "supported", "contradicted", "not visible"


def item(relation, ruling=None, *, text="a dog runs", votes=None):
    return JudgedItem(text, votes or (relation,), relation, ruling=ruling)


def clip(reference, predicted, *, name="1", category="film", problem=""):
    """A clip from relations, or from (relation, ruling)."""

    def items(given):
        return tuple(item(*each) if isinstance(each, tuple) else item(each) for each in given)

    return JudgedClip(name, category, "events", items(reference), items(predicted), problem)


relations = st.lists(st.tuples(st.sampled_from(RELATIONS), st.sampled_from([*RULINGS, None])), max_size=6)
clips = st.lists(
    st.builds(clip, relations, relations, category=st.sampled_from(["film", "street", "home"])),
    min_size=1,
    max_size=8,
)


# --- AutoDQ -------------------------------------------------------------------------------------------------


def test_one_clip_counts_entailed_claims_alone():
    scores = autodq.clip_scores(clip([E, E, N, C, E], [E, N]))
    assert (scores.recall, scores.precision) == (3 / 5, 1 / 2)
    assert scores.f1 == pytest.approx(2 * 0.6 * 0.5 / 1.1)


def test_a_side_without_claims_gets_one_and_nothing_right_gets_zero():
    assert autodq.clip_scores(clip([], [])) == CaptionScores(1.0, 1.0)
    assert autodq.clip_scores(clip([E], [])) == CaptionScores(1.0, 1.0)
    assert autodq.clip_scores(clip([N], [C])).f1 == 0


def test_f1_of_a_category_is_that_of_mean_recall_and_mean_precision():
    given_clips = [clip([E], [N]), clip([N], [E])]  # each of them has an F1 of 0
    [(name, scores)] = autodq.category_scores(given_clips).items()
    assert name == "film" and (scores.recall, scores.precision, scores.f1) == (0.5, 0.5, 0.5)


def test_categories_count_alike_however_many_clips_they_have():
    film = [clip([E], [E], name=str(n)) for n in range(9)]
    street = [clip([N], [E, N], name="s", category="street")]
    overall = autodq.overall_scores([*film, *street])
    assert (overall.recall, overall.precision) == (0.5, 0.75)
    assert overall.f1 == pytest.approx(0.6)
    assert list(autodq.category_scores([*street, *film])) == ["film", "street"]


def test_the_published_rounding_three_decimals():
    # Two sources of three clips: recalls 1/3, 2/3, 1 and 1/7, 0, 1; precisions 1, 1/2, 1/6 and 1, 1, 0.
    film = [clip([E, N, N], [E]), clip([E, E, N], [E, C]), clip([E], [E, *[N] * 5])]
    home = [clip([E, *[N] * 6], [E]), clip([C], [E]), clip([E], [C])]
    given_clips = [*film, *(replace(each, category="home") for each in home)]
    record = quality_record(
        CaptionQuality("dream1k", "x", ("events",), tuple(given_clips), ("judge",)), draws=20
    )
    figures = record.aspects["events"]
    assert figures.categories["film"].fields() == {"f1": 0.606, "recall": 0.667, "precision": 0.556}
    assert figures.categories["home"].fields() == {"f1": 0.485, "recall": 0.381, "precision": 0.667}
    assert figures.overall.fields() == {"f1": 0.564, "recall": 0.524, "precision": 0.611}


def test_failed_clips_are_counted_and_left_out():
    failed = clip([], [], name="2", problem="No events could be taken from the caption: it timed out")
    quality = CaptionQuality("footage", "x", ("events",), (clip([E], [N]), failed), ("judge",))
    figures = quality_record(quality, draws=20).aspects["events"]
    assert (figures.judged, figures.failed) == (1, 1)
    assert (figures.overall.recall, figures.overall.precision) == (1.0, 0.0)
    nothing = quality_record(replace(quality, clips=(failed,)), draws=20).aspects["events"]
    assert nothing.overall is None and nothing.intervals is None and nothing.predicted_relations is None


def test_shares_of_relations_are_over_all_claims_of_a_side():
    shares = autodq.relation_shares([clip([E, C], [N, N, C, E]), clip([E, E], [])], "predicted")
    assert shares == {E: 0.25, N: 0.5, C: 0.25}
    assert autodq.relation_shares([clip([E, C], []), clip([E, E], [])], "reference") == {
        E: 0.75,
        N: 0,
        C: 0.25,
    }


@given(clips)
def test_figures_stay_between_zero_and_one_and_f1_between_recall_and_precision(given_clips):
    for basis in ("text", "video"):
        for scores in [
            autodq.overall_scores(given_clips, basis),
            *autodq.category_scores(given_clips, basis).values(),
        ]:
            low, high = sorted([scores.recall, scores.precision])
            assert 0 <= low <= high <= 1
            assert low - 1e-12 <= scores.f1 <= high + 1e-12 or scores.f1 == 0


@given(clips, st.integers(0, 7), st.sampled_from(["reference", "predicted"]))
def test_another_entailed_claim_never_lowers_a_figure(given_clips, number, side):
    number %= len(given_clips)
    before = given_clips[number]
    more = replace(before, **{side: (*before.side(side), item(E))})
    if not before.side(side):
        return  # from 1, which stands for no claims, it stays 1
    after = [*given_clips[:number], more, *given_clips[number + 1 :]]
    old, new = autodq.overall_scores(given_clips), autodq.overall_scores(after)
    assert new.recall >= old.recall - 1e-12 and new.precision >= old.precision - 1e-12
    assert new.f1 >= old.f1 - 1e-12


@given(clips)
def test_the_order_of_clips_does_not_matter(given_clips):
    one, other = autodq.overall_scores(given_clips), autodq.overall_scores(given_clips[::-1])
    assert (one.recall, one.precision) == pytest.approx((other.recall, other.precision))


def test_intervals_hold_the_figure_and_narrow_with_more_clips():
    few = [clip([E] if n % 3 else [N], [E] if n % 2 else [N], name=str(n)) for n in range(12)]
    many = [replace(each, id=f"{each.id}/{n}") for n in range(10) for each in few]
    one = autodq.overall_intervals(few, draws=200)["f1"]
    ten = autodq.overall_intervals(many, draws=200)["f1"]
    assert one.low <= one.value <= one.high and one.value == pytest.approx(ten.value)
    assert ten.high - ten.low < (one.high - one.low) / 2


# --- text and video, side by side ---------------------------------------------------------------------------


def test_the_video_rules_where_it_shows_something_and_the_text_elsewhere():
    predicted = [(N, YES), (C, YES), (E, NO), (E, DARK), (N, DARK), (E, None), (N, None)]
    scores = autodq.clip_scores(clip([], predicted), "video")
    assert (
        scores.precision == 4 / 7
    )  # two that only the video has, and two entailed ones that it cannot decide
    assert autodq.clip_scores(clip([], predicted)).precision == 3 / 7


def test_wrong_references_do_not_count_against_recall():
    reference = [(E, YES), (N, NO), (C, NO), (N, YES)]
    assert autodq.clip_scores(clip(reference, []), "text").recall == 1 / 4
    assert autodq.clip_scores(clip(reference, []), "video").recall == 1 / 2
    assert autodq.clip_scores(clip([(N, NO)], []), "video").recall == 1.0


def test_both_views_are_counted_and_what_differs_is_listed():
    one = clip([(E, NO), (C, NO), (N, DARK)], [(N, YES), (C, YES), (E, YES), (N, NO), (N, None)])
    failed = clip([(N, NO)], [(N, YES)], problem="no answer")
    table = autodq.side_by_side([one, failed], "predicted")
    assert table[N] == {YES: 1, NO: 1, DARK: 0, autodq.NO_RULING: 1}
    assert table[C][YES] == table[E][YES] == 1
    assert sum(sum(row.values()) for row in table.values()) == 5
    assert [each.relation for _, each in autodq.better_than_reference([one, failed])] == [N, C]
    assert [each.relation for _, each in autodq.wrong_references([one, failed])] == [E, C]


@given(clips)
def test_the_table_holds_every_claim_once_and_the_lists_follow_from_it(given_clips):
    for side in ("reference", "predicted"):
        table = autodq.side_by_side(given_clips, side)
        assert sum(sum(row.values()) for row in table.values()) == sum(
            len(each.side(side)) for each in given_clips
        )
    table = autodq.side_by_side(given_clips, "predicted")
    assert len(autodq.better_than_reference(given_clips)) == table[N][YES] + table[C][YES]
    table = autodq.side_by_side(given_clips, "reference")
    assert len(autodq.wrong_references(given_clips)) == sum(row[NO] for row in table.values())


@given(clips)
def test_without_rulings_both_views_agree(given_clips):
    blind = [
        replace(
            each,
            reference=tuple(replace(one, ruling=None) for one in each.reference),
            predicted=tuple(replace(one, ruling=DARK) for one in each.predicted),
        )
        for each in given_clips
    ]
    assert autodq.overall_scores(blind, "video") == autodq.overall_scores(given_clips, "text")


# --- several judges -----------------------------------------------------------------------------------------


def test_most_votes_win_and_a_tie_is_neutral():
    assert majority([E, E, N], N) == E
    assert majority([C, E, C, None], N) == C
    assert majority([C, E], N) == N and majority([C, E, C, E, None], N) == N
    assert majority([None, None], N) is None and majority([None, E], N) == E
    assert majority([YES, NO], DARK) == DARK


@pytest.mark.parametrize(
    ("votes", "alpha"),
    [
        ([(E, E), (N, N), (C, C)], 1.0),
        ([(E,), (N,)], None),  # one judge
        ([(E, E), (E, E)], None),  # no variation
        ([(E, N), (N, E)], -0.5),
    ],
)
def test_agreement_of_the_judges(votes, alpha):
    one = replace(clip([], []), predicted=tuple(item(N, votes=each) for each in votes))
    quality = CaptionQuality("footage", "x", ("events",), (one,), ("a", "b"))
    assert quality_record(quality, draws=5).aspects["events"].alpha == alpha


# --- CaReBench's retrieval ----------------------------------------------------------------------------------


def test_a_hit_is_any_of_its_texts_among_the_first():
    videos = np.eye(3)
    texts = np.array([[1.0, 0, 0], [0.0, 0.6, 0.8], [0.0, 1, 0], [0.0, 0, 1]])
    scores = retrieval_scores(texts, videos, [0, 1, 1, 2])
    assert scores.text_to_video == {1: 3 / 4, 5: 1.0, 10: 1.0}
    assert scores.video_to_text == {1: 1.0, 5: 1.0, 10: 1.0}
    assert scores.mean_recall == pytest.approx((3 / 4 + 5) / 6)


@given(st.integers(2, 12), st.integers(0, 1000))
def test_recalls_grow_with_k_and_equal_texts_and_videos_are_found(count, seed):
    vectors = np.random.default_rng(seed).normal(size=(count, 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    same = retrieval_scores(vectors, vectors, range(count))
    assert same.text_to_video[1] == same.video_to_text[1] == 1.0
    turned = retrieval_scores(vectors, vectors[::-1], range(count))
    for recalls in (turned.text_to_video, turned.video_to_text):
        assert 0 <= recalls[1] <= recalls[5] <= recalls[10] <= 1
        assert recalls[10] == 1 or count > 10


def test_rebias_is_the_distance_of_the_ratio_from_one():
    spatial = CaptionRetrievalScores({1: 0.8, 5: 0.9, 10: 1.0}, {1: 0.8, 5: 0.9, 10: 1.0})
    temporal = CaptionRetrievalScores({1: 0.5, 5: 0.7, 10: 0.9}, {1: 0.5, 5: 0.7, 10: 0.9})
    assert rebias(temporal, spatial) == pytest.approx(1 - 0.7 / 0.9)
    assert rebias(spatial, temporal) == pytest.approx(0.9 / 0.7 - 1)
    assert rebias(spatial, spatial) == 0
    nothing = CaptionRetrievalScores({1: 0.0, 5: 0.0, 10: 0.0}, {1: 0.0, 5: 0.0, 10: 0.0})
    assert rebias(temporal, nothing) is None and rebias(nothing, spatial) == 1


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        retrieval_scores(np.eye(2), np.eye(2), [0])
    with pytest.raises(ValueError, match="do not fit"):
        retrieval_scores(np.zeros((0, 2)), np.eye(2), [])


class WordEmbedder:
    """A text embedder of word counts, by a hash of each word; refuses more than 150 words."""

    name, dimension = "words", 64

    def embed(self, texts, *, kind="document"):
        rows = np.zeros((len(texts), self.dimension), np.float32)
        for row, text in zip(rows, texts, strict=True):
            assert len(text.split()) <= 150
            for word in text.split():
                row[sum(map(ord, word)) % self.dimension] += 1
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)

    def embed_words(self, words):
        return self.embed(words)


def test_long_captions_are_embedded_whole_in_parts():
    long = " ".join(f"word{n}" for n in range(400))
    start = " ".join(long.split()[:150])
    vectors = text_vectors([long, start, ""], WordEmbedder())
    assert np.linalg.norm(vectors[0]) == pytest.approx(1) and not vectors[2].any()
    assert vectors[0] @ vectors[1] < 0.999  # what comes after the first part counts
    assert vectors.shape == (3, 64)


def test_retrieval_by_captions_finds_the_clip_that_is_described():
    references = ["a red car stops", "two dogs run", "a child jumps"]
    captions = ["red car stops here", "dogs run fast", "jumps of a child"]
    scores = caption_retrieval(references, captions, WordEmbedder())
    assert scores.text_to_video[1] == scores.video_to_text[1] == 1.0
    assert not math.isnan(scores.mean_recall)
