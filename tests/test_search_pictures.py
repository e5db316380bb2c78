"""What pictures add to a search by words: drawn clips, a real index, the demo embedders, an oracle."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from standin_oracle import OracleModel

from evaluation.suites.drawn import lose
from footage.core.config import load_settings
from footage.core.image_hit import ImageHit
from footage.core.types import Hit, Span
from footage.embed.image_embedder import load_image_embedder
from footage.embed.text_embedder import load_embedder
from footage.store import Store
from footage.synthetic.clips import SyntheticClip, SyntheticEvent, random_scene, write_clip
from indexer.pipeline import index
from indexer.tracks.factories import image_maker
from search.engine import Engine
from search.grounding.options import GroundingOptions
from search.grounding.pictures import PICTURE_MEASURES, PictureLead, VideoPictures
from search.query.contraries import MOST_CONTRARIES, contraries
from search.query.parser import parse_query
from search.retrieval.background import Scale
from search.retrieval.images import ImageRetriever, joined
from search.retrieval.query_pictures import picture_bonus
from search.retrieval.retriever import Retriever

RED_RIGHT = "a red car drives from left to right"
CAR_RIGHT = SyntheticEvent("car", "red", "drives", "from left to right", 2.0, 6.0, 1)
CAR_LEFT = SyntheticEvent("car", "red", "drives", "from right to left", 3.0, 7.0, 2)
BALL = SyntheticEvent("ball", "green", "bounces", "in the middle", 8.0, 11.0, 3)
DOG = SyntheticEvent("dog", "blue", "runs", "from left to right", 4.0, 8.0, 4)
EVENTS = {"lost": (CAR_RIGHT, BALL), "left": (CAR_LEFT,), "dog": (DOG,)}


@pytest.fixture(scope="module")
def clips():
    rng = np.random.default_rng(5)
    return {
        name: SyntheticClip(random_scene(rng), events, 12.0, n)
        for n, (name, events) in enumerate(EVENTS.items())
    }


@pytest.fixture(scope="module")
def embedder():
    return load_embedder("minilm")


@pytest.fixture(scope="module")
def image_embedder():
    return load_image_embedder("demo-clip")


@pytest.fixture(scope="module")
def library(tmp_path_factory, clips):
    folder = tmp_path_factory.mktemp("library")
    for name, clip in clips.items():
        write_clip(clip, folder / f"{name}.mp4", fps=8)
    return folder


def indexed(folder, paths, embedder, image_embedder, *, model):
    store = Store.open(folder / "index.lancedb", create=True)
    maker = image_maker("demo-clip", load_settings(None), lambda: image_embedder)
    index(paths, store=store, model=model, embedder=embedder, makers=[maker])
    return store


@pytest.fixture(scope="module")
def store(tmp_path_factory, clips, library, embedder, image_embedder):
    """Captions and image vectors of all clips, without the captions of the red car that drives right."""
    made = indexed(
        tmp_path_factory.mktemp("index"),
        [library],
        embedder,
        image_embedder,
        model=OracleModel(list(clips.values())),
    )
    lose(made, embedder, {str((library / "lost.mp4").resolve()): [Span(2.0, 6.0)]})
    return made


@pytest.fixture(scope="module")
def images(store, image_embedder):
    return ImageRetriever(store, image_embedder)


@pytest.fixture(scope="module")
def engine(store, clips, embedder, images):
    return Engine(store, embedder, OracleModel(list(clips.values())), images=images)


def where(match):
    return match.path.rsplit("/", 1)[-1].removesuffix(".mp4")


def pictures_of(matches):
    return [match for match in matches if match.track == "image"]


def test_what_no_caption_mentions_is_found_where_pictures_lead(engine, store, embedder, clips):
    without = Engine(store, embedder, OracleModel(list(clips.values()))).search(RED_RIGHT)
    result = engine.search(RED_RIGHT)
    right = [match for match in result.matches if where(match) == "lost" and match.grounded]
    assert [match.span for match in right] == [Span(2.0, 6.0)]
    assert right[0] in result.matches[:2]  # not behind all captions that come less near
    assert PICTURE_MEASURES.keys() <= dict(right[0].measures).keys()
    assert any(line.startswith("The picture at 0:0") for line in right[0].evidence)
    assert result.looked.windows <= without.looked.windows + 2


def test_without_a_model_pictures_are_answers_that_were_not_checked(engine):
    matches = engine.search(RED_RIGHT, ground=False).matches
    (match,) = pictures_of(matches)  # the other red car is not among them: its caption explains it
    assert (where(match), match.text, match.verdict, match.grounded) == ("lost", "", "not checked", False)
    assert match.confidence is None and 0.5 <= match.score <= 1
    assert 1.0 <= match.span.start_seconds < match.span.end_seconds <= 7.0
    assert match.evidence[0].endswith("nearer than any picture comes to 98% of unrelated queries.")


@pytest.mark.parametrize("filters", ["event-longer:30s", "path:*dog*"])
def test_filters_hold_for_pictures(engine, filters):
    assert pictures_of(engine.search(f"{RED_RIGHT} {filters}", ground=False).matches) == []
    grounded = engine.search(f"{RED_RIGHT} {filters}").matches
    assert not any(match.grounded and where(match) == "lost" for match in grounded)


def test_only_some_videos_are_searched_by_picture(engine, store):
    dog = next(file.content_id for file in store.files.all() if file.path.endswith("dog.mp4"))
    assert {where(m) for m in engine.search(RED_RIGHT, ground=False, content_ids=[dog]).matches} == {"dog"}


def test_an_excluded_word_in_a_caption_takes_the_pictures_of_its_time(engine):
    green = "a green ball bounces in the middle"
    assert all(where(m) != "lost" for m in pictures_of(engine.search(f"{green} -ball", ground=False).matches))


def test_a_search_of_words_alone_and_of_other_tracks_looks_at_no_picture(engine):
    assert pictures_of(engine.search(RED_RIGHT, ground=False, arm="text").matches) == []
    assert pictures_of(engine.search(f"{RED_RIGHT} in:speech", ground=False).matches) == []


def test_an_index_of_pictures_alone_is_searched(tmp_path, library, embedder, image_embedder, clips):
    store = indexed(tmp_path, [library / "lost.mp4"], embedder, image_embedder, model=None)
    engine = Engine(
        store, embedder, OracleModel(list(clips.values())), images=ImageRetriever(store, image_embedder)
    )
    assert [m.track for m in engine.search(RED_RIGHT, ground=False).matches][:1] == ["image"]
    result = engine.search(RED_RIGHT)
    assert Span(2.0, 6.0) in [m.span for m in result.matches if m.grounded]
    assert result.coverage.tracks["image:demo-clip"].videos == 1 and not result.coverage.is_empty


def test_the_service_has_the_model_look_where_pictures_alone_lead(
    tmp_path, library, embedder, image_embedder, clips
):
    from service.search import SearchRequest, search
    from service.session import Loaders, Service

    store = indexed(tmp_path, [library / "lost.mp4"], embedder, image_embedder, model=None)
    service = Service(
        load_settings(None, db=str(store.path), model="demo"),
        loaders=Loaders(
            model=lambda settings: OracleModel(list(clips.values())),
            embedder=lambda settings: embedder,
            image_embedder=lambda settings, name: image_embedder,
        ),
    )
    result = search(service, SearchRequest(query=RED_RIGHT))
    assert Span(2.0, 6.0) in [match.span for match in result.matches if match.grounded]
    assert result.looked.windows and result.notes == ()


def test_without_pictures_no_score_changes(store, embedder):
    retriever, query = Retriever(store, embedder), parse_query(RED_RIGHT)
    assert retriever.retrieve(query, pictures={}) == retriever.retrieve(query)


def test_pictures_add_to_a_video_at_most_a_bounded_score(store, embedder):
    retriever, query = Retriever(store, embedder), parse_query(RED_RIGHT)
    plain = {c.video.content_id: c for c in retriever.retrieve(query)}
    name = next(iter(plain))
    lead = PictureLead(Span(2, 6), 3.0, 1000.0, 0.02)
    more = {c.video.content_id: c for c in retriever.retrieve(query, pictures={name: [lead]})}
    assert picture_bonus({name: [lead]}) == {name: pytest.approx(0.1)}
    assert more[name].hits[0].score == pytest.approx(plain[name].hits[0].score + 0.1)
    assert all(more[other] == plain[other] for other in plain if other != name)


def test_a_service_whose_image_embedder_cannot_be_loaded_searches_texts_and_says_so(store, tmp_path):
    from footage.core.errors import ModelUnavailableError
    from service.session import Loaders, Service

    def unavailable(*_):
        raise ModelUnavailableError("the weights of demo-clip are not here")

    settings = load_settings(None, db=str(store.path), model="demo")
    service = Service(settings, loaders=Loaders(image_embedder=unavailable))
    result = service.engine().search(RED_RIGHT, ground=False)
    assert result.matches and pictures_of(result.matches) == []
    assert result.notes == (
        "The pictures of the index are not searched: the weights of demo-clip are not here",
    )


def test_a_part_of_a_combined_query_may_rest_on_pictures(engine):
    (first, *_) = engine.search(f"{RED_RIGHT} THEN a green ball bounces", ground=False).matches
    assert [part.track for part in first.parts] == ["image", "caption"]
    assert (where(first), first.text, first.verdict) == ("lost", BALL.sentence, "not checked")


# -- Measures of a span ------------------------------------------------------------------------------------


def seen(similarities, *, best=(), contrasts=None, least=None):
    shown = [ImageHit("v", 0, Span(n, n + 1), n + 0.5, s) for n, s in enumerate(similarities)]
    return VideoPictures(
        "demo-clip",
        "v",
        (PictureLead(Span(0, 1), 0.5, 5.0, 0.02), PictureLead(Span(3, 4), 3.5, 4.0, 0.02)),
        shown,
        None if contrasts is None else np.array(contrasts),
        Scale(0.2, 0.1),
        tuple(best),
        least,
    )


@given(
    st.lists(st.floats(-1, 1), min_size=1, max_size=6),
    st.floats(-3, 3),
    st.floats(0, 5),
    st.floats(0.1, 4),
)
def test_measures_lie_between_0_and_1_and_more_likeness_never_speaks_against(
    similarities, other, start, length
):
    best = [("w", Span(0, 1), other)]
    span = Span(start, start + length)
    measures = seen(similarities, best=best).measures(span)
    nearer = seen([s + 0.1 for s in similarities], best=best).measures(span)
    if span.start_seconds >= len(similarities):  # put on the grid
        assert measures == {}
        return
    assert measures.keys() == PICTURE_MEASURES.keys()
    assert all(0 <= value <= 1 for value in measures.values())
    assert nearer["pictured"] >= measures["pictured"]
    assert nearer["pictured_elsewhere"] <= measures["pictured_elsewhere"]


@given(st.lists(st.sampled_from([0.1, 0.14, 0.3, 0.5, 0.9]), max_size=12))
def test_stretches_of_one_video_share_no_time_and_hold_every_picture(similarities):
    hits = [ImageHit("v", 0, Span(n, n + 1), float(n), s) for n, s in enumerate(similarities)]
    spans = sorted(span for span, _ in joined(hits))
    assert sum(span.duration_seconds for span in spans) == len(hits)
    assert all(one.end_seconds <= other.start_seconds for one, other in pairwise(spans))


def test_a_better_picture_elsewhere_and_a_nearer_contrary_speak_against():
    span = Span(0, 1)
    alone = seen([0.9], best=[("v", span, 7.0)]).measures(span)
    beaten = seen([0.9], best=[("w", span, 70.0)]).measures(span)
    assert (alone["pictured_elsewhere"], alone["contrast"]) == (0.0, 0.5)
    assert beaten["pictured_elsewhere"] == pytest.approx(0.9)
    assert seen([0.9], contrasts=[-8.0]).measures(span)["contrast"] < 0.2
    assert seen([0.9], contrasts=[8.0]).measures(span)["contrast"] > 0.8


def test_of_pictures_that_were_not_looked_at_the_bound_counts():
    assert seen([0.9], least=0.2).measures(Span(10, 12))["pictured"] == pytest.approx(0.1192, abs=1e-4)
    assert seen([0.9]).measures(Span(10, 12)) == {}


def test_sentences_say_what_pictures_say():
    assert seen([0.9]).sentence(Span(0, 1)) == (
        "The picture at 0:00.5 is nearer to the query than pictures are by chance."
    )
    assert "nearer to a contrary of it" in seen([0.9], contrasts=[-8.0]).sentence(Span(0, 1))
    assert "others in the library are" in seen([0.1], best=[("w", Span(0, 1), 9.0)]).sentence(Span(0, 1))
    assert seen([0.1]).sentence(Span(0, 1)) == "No picture searched is nearer to the query than chance."
    assert seen([0.9]).sentence(Span(5, 6)) == ""


def hit(span, text, similarity):
    return Hit("event", text, "v", (0,), span, text, similarity, similarity)


def test_leads_that_a_caption_explains_or_words_exclude_are_dropped():
    query = parse_query(f"{RED_RIGHT} -dog")
    left = hit(Span(0, 2), "A red car drives from right to left.", 0.9)
    dog = hit(Span(3, 4), "A dog runs.", 0.3)
    assert [lead.at_seconds for lead in seen([0.9]).worth_asking(query, [left]).leads] == [3.5]
    assert [lead.at_seconds for lead in seen([0.9]).worth_asking(query, [dog]).leads] == [0.5]
    assert [lead.at_seconds for lead in seen([0.9]).worth_asking(query, [], [Span(3, 5)]).leads] == [0.5]
    assert len(seen([0.9]).worth_asking(query, [hit(Span(0, 4), "A street.", 0.2)]).leads) == 2


# -- Contraries --------------------------------------------------------------------------------------------


def test_contraries_change_what_one_picture_shows_and_nothing_else():
    found = contraries("A red car drives from left to right")
    assert "A blue car drives from left to right" in found and len(found) == 9 + 1
    assert all(text.endswith(" car drives from left to right") for text in found)
    assert "two women walk" in contraries("two men walk")
    assert "a street at night" not in contraries("a street by day")
    assert contraries("a street by day") == ("a street by night",)
    assert contraries("somebody runs") == ()
    assert not any(text.count("blue") == 2 for text in contraries("a red car and a blue car"))


@given(st.text(max_size=60))
def test_contraries_of_any_text_are_few_and_never_the_text(text):
    found = contraries(text)
    assert text not in found and len(found) == len(set(found)) <= MOST_CONTRARIES


def test_looking_everywhere_finds_it_with_and_without_pictures(engine, store, embedder, clips):
    everywhere = GroundingOptions(exhaustive=True)
    for each in (engine, Engine(store, embedder, OracleModel(list(clips.values())))):
        spans = [m.span for m in each.search(RED_RIGHT, looking=everywhere).matches if m.grounded]
        assert Span(2.0, 6.0) in spans
