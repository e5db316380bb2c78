"""The suite of pictures beside captions: what it draws, what it takes out, and what its figures count."""

from __future__ import annotations

import pytest
from standin_oracle import OracleModel

from evaluation.own_library import Asked
from evaluation.suites.drawn import LIBRARY_SECONDS
from evaluation.suites.drawn_pictures import (
    THINGS,
    WITHHELD,
    draw_pictures,
    random_stream,
    withheld_things,
    without,
)
from evaluation.suites.picture_search import evaluate_picture_search
from evaluation.suites.scoring import draw_clips
from evaluation.suites.uncaptioned import (
    PictureModels,
    UncaptionedAnswers,
    evaluate_uncaptioned,
    looked_at_moment,
    uncaptioned_figures,
)
from footage.core.config import load_settings
from footage.core.types import Match, Span, Video
from footage.embed.image_embedder import load_image_embedder
from footage.embed.text_embedder import load_embedder
from search.grounding.calibration import UNCALIBRATED
from search.grounding.evidence import CAPTION_MEASURES, MODEL_MEASURES
from search.grounding.options import GroundingOptions
from service import factories
from service.session import Service

SEED = 3
TRUTH = {"a": (Span(10, 20),)}


def match(start=10.0, end=20.0, *, sure=0.9, verdict="found", measures=None):
    video = Video("a", 60, 64, 48, 25, "h264")
    measures = dict.fromkeys(MODEL_MEASURES, sure) if measures is None else dict(measures)
    return Match(
        video,
        "/a.mp4",
        Span(start, end),
        "",
        0.5,
        True,
        verdict,
        confidence=sure,
        measures=tuple(measures.items()),
    )


def asked(truths, *matches, shown=()):
    return Asked("a dog runs", truths, matches, 1.0, matches, len(shown), {"a": tuple(shown)})


FOUND, WRONG, NAMED, NOTHING = (
    asked(TRUTH, match()),
    asked(TRUTH, match(30, 40)),
    asked(TRUTH, match(sure=0.5, verdict="uncertain")),
    asked(TRUTH),
)
ABSENT, CLAIMED = asked({}), asked({}, match(sure=0.8))


def figures(*, whole=(FOUND, ABSENT), lost=(FOUND,), absent=(ABSENT,)):
    return uncaptioned_figures(UncaptionedAnswers(whole, lost, absent), UNCALIBRATED)


def test_of_what_has_no_caption_only_the_right_moment_counts_as_found():
    scores = figures(lost=(FOUND, WRONG, NAMED, NOTHING))
    assert scores["uncaptioned_found_recall"] == 0.25
    assert scores["uncaptioned_named_recall"] == 0.5
    assert scores["uncaptioned_found_precision"] == 1.0
    assert scores["uncaptioned_found_span_precision"] == 0.5
    assert scores["verdict_AUROC_uncaptioned"] == pytest.approx(0.875)


def test_precision_is_of_both_rounds_and_recall_of_the_whole_index():
    scores = figures(whole=(FOUND, FOUND, NOTHING, CLAIMED), lost=(NOTHING,), absent=(CLAIMED, ABSENT))
    assert scores["found_precision"] == 0.5 and scores["uncaptioned_found_precision"] == 0.0
    assert scores["found_recall"] == pytest.approx(2 / 3, abs=1e-4)
    assert scores["found_precision@1in10"] == pytest.approx((0.2 / 3) / (0.2 / 3 + 0.9), abs=1e-4)


def test_where_nothing_is_found_there_is_no_precision():
    scores = figures(whole=(NOTHING, ABSENT), lost=(NAMED,))
    assert not [name for name in scores if "precision" in name]


def test_without_captions_the_evidence_of_captions_counts_for_nothing():
    alone = dict.fromkeys(MODEL_MEASURES, 0.9)
    said = {**dict.fromkeys(CAPTION_MEASURES, 1.0), "clash": 0.0, "elsewhere": 0.0}
    captioned = asked(TRUTH, match(sure=0.99, measures=[*alone.items(), *said.items()]))
    unlikely = asked({}, match(sure=0.01, verdict="not found", measures=dict(alone, shift=0.95).items()))
    scores = figures(whole=(captioned, unlikely))
    assert scores["verdict_AUROC"] == 1.0 and scores["verdict_AUROC_without_captions"] == 0.0


def test_a_moment_was_looked_at_when_half_of_it_was_shown():
    assert looked_at_moment(asked(TRUTH, shown=[Span(0, 15)]))
    assert not looked_at_moment(asked(TRUTH, shown=[Span(0, 14), Span(20, 50)]))


def test_things_that_are_withheld_are_in_no_clip_and_in_some_pictures():
    rng = random_stream(SEED)
    withheld = withheld_things(rng)
    clips = draw_clips(SEED, 6, LIBRARY_SECONDS)
    left = [(event.kind, event.colour) for clip in without(clips, withheld) for event in clip.events]
    assert len(withheld) == WITHHELD and left and not withheld & set(left)
    assert len(left) < sum(len(clip.events) for clip in clips)
    pictures = draw_pictures(THINGS, rng)
    assert [picture.thing for picture in pictures] == list(THINGS)
    for picture in pictures:
        cut, whole = picture.pixels[picture.box], picture.pixels
        assert 0 < cut.shape[0] * cut.shape[1] < whole.shape[0] * whole.shape[1]


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    return load_settings(
        None, model="demo", image_embedder="demo-clip", db=tmp_path_factory.mktemp("index") / "none"
    )


def test_what_lost_its_captions_is_asked_again_beside_as_many_absent_ones(tmp_path, settings):
    images = load_image_embedder()
    scores, answers = evaluate_uncaptioned(
        OracleModel(draw_clips(SEED, 2, LIBRARY_SECONDS)),
        load_embedder("minilm"),
        PictureModels(images, factories.load_image_maker(settings, images.name, lambda: images)),
        seed=SEED,
        libraries=1,
        videos=2,
        present=6,
        absent=6,
        looking=GroundingOptions(calibration=UNCALIBRATED),
        folder=tmp_path,
    )
    again = {answer.text for answer in answers.lost}
    assert 0 < len(again) < scores["present"] and len(answers.absent) == len(answers.lost)
    assert again < {answer.text for answer in answers.whole if answer.truths}
    # The oracle writes every caption, so that only what was taken out is missing.
    before = {answer.text: answer for answer in answers.whole}
    for answer in answers.lost:
        assert any(_captioned(match, answer) for match in before[answer.text].indexed)
        assert not any(_captioned(match, answer) for match in answer.indexed)
    assert scores["uncaptioned_looked_recall"] >= scores["uncaptioned_named_recall"]
    assert 0 <= scores["verdict_AUROC_without_captions"] <= 1


def _captioned(match, answer):
    """Whether an answer of the index alone is the caption of what was asked for."""
    return match.text and any(
        abs(match.span.start_seconds - span.start_seconds) < 1
        and abs(match.span.end_seconds - span.end_seconds) < 1
        for span in answer.truths.get(match.video.content_id, ())
    )


def test_search_by_picture_finds_and_rejects_in_unseen_clips(tmp_path, settings):
    scores, answers = evaluate_picture_search(
        Service(settings), "demo-clip", seed=77_001, videos=2, folder=tmp_path
    )
    assert scores["image_R@1"] >= 0.9 and scores["image_absent_AUROC"] >= 0.9
    assert len(answers) == scores["image_queries"] > scores["image_absent"] > 0
    assert all(len(answer.right) == len(answer.matches) for answer in answers)
