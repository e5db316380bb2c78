"""A corrected event is found by its new words at once, whatever is done to the index afterwards."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
from standin_truth import SAMPLES, TruthModel

from footage.core.corrections import standing
from footage.core.errors import UsageError
from footage.core.types import Provenance, Span
from footage.embed.text_embedder import load_embedder
from footage.store import Store
from footage.store.checking import check
from indexer.correcting import add, correct, corrected, redo, remove, undo
from indexer.events import Projector
from indexer.pipeline import index, reembed
from search.engine import Engine

WORDS = "An orange tractor pulls a plough."


class OtherModel(TruthModel):
    """Captions the same videos in other words."""

    provenance = Provenance("other", "1", "test", "test")

    def _events(self, prepared):
        for number, (_, start, end) in enumerate(super()._events(prepared)):
            yield f"Something number {number} moves about.", start, end


@pytest.fixture(scope="module")
def embedder():
    return load_embedder()


@pytest.fixture(scope="module")
def first(tmp_path_factory, embedder):
    """An index of one sample clip, to be copied."""
    folder = tmp_path_factory.mktemp("clips")
    shutil.copy(SAMPLES / "beach_dusk.mp4", folder)
    store = Store.open(folder / "index.lancedb", create=True)
    index([folder / "beach_dusk.mp4"], store=store, model=TruthModel(), embedder=embedder)
    return folder


@pytest.fixture
def store(first, tmp_path):
    shutil.copytree(first / "index.lancedb", tmp_path / "index.lancedb")
    return Store.open(tmp_path / "index.lancedb")


def again(store, first, embedder, model=None, mix="replace"):
    clip = first / "beach_dusk.mp4"
    return index([clip], store=store, model=model or OtherModel(), embedder=embedder, mix=mix)


def say(store, embedder, event=None, text=WORDS, **changes):
    event = event or store.events.all()[0]
    return correct(store, event, text=text, author="Ann", embedders=lambda: [embedder], **changes)


def best(store, embedder, query=WORDS) -> str:
    result = Engine(store, embedder).search(query, ground=False)
    return result.matches[0].text


def test_new_words_are_found_at_once_and_the_old_ones_no_more(store, embedder):
    event = store.events.all()[0]
    kept = say(store, embedder, event, span=Span(1, 7))
    assert kept.searchable and kept.correction.original_text == event.text
    assert best(store, embedder) == WORDS
    assert store.texts.search("orange tractor")[0].span == Span(1, 7)
    assert event.text not in {each.text for each in store.events.all()}
    passages = [text.text for text in store.texts.all() if text.owner_kind == "passage"]
    assert WORDS in passages[0] and event.text not in passages[0]
    assert corrected(store, event.content_id).matched == (kept.correction,)


def test_taken_back_the_caption_is_there_again_and_the_version_is_kept(store, embedder):
    before = (store.events.all(), set(store.texts.all()))
    one = say(store, embedder)
    other = next(event for event in store.events.all() if event.text == WORDS)
    two = say(store, embedder, other, text="A yellow tractor.")
    assert two.correction.original_text == one.correction.original_text
    undo(store, two.correction, embedders=lambda: [embedder])
    assert WORDS in {event.text for event in store.events.all()}
    undo(store, one.correction, embedders=lambda: [embedder])
    assert (store.events.all(), set(store.texts.all())) == before
    said = store.annotations.corrections.all()
    assert len(said) == 2 and all(each.undone_at for each in said) and not standing(said)


def test_captioned_anew_in_the_same_words_it_still_stands(store, first, embedder):
    say(store, embedder)
    model = TruthModel()
    model.provenance = replace(model.provenance, revision="2")
    again(store, first, embedder, model)
    assert best(store, embedder) == WORDS
    assert len(corrected(store, store.events.all()[0].content_id).matched) == 1


def test_captioned_anew_in_other_words_it_is_kept_beside_them_and_named(store, first, embedder):
    say(store, embedder)
    again(store, first, embedder)
    assert best(store, embedder) == WORDS
    response = [event.text for event in store.events.all()]
    assert response.count(WORDS) == 1 and "Something number 0 moves about." in response
    assert [each.text for each in corrected(store, store.events.all()[0].content_id).unmatched] == [WORDS]


def test_every_way_to_events_gives_the_same(store, first, embedder):
    say(store, embedder)
    texts = set(store.texts.all())
    reembed(store, embedder)
    assert set(store.texts.all()) == texts
    Projector(store, embedder).project(store.events.all()[0].content_id)
    assert set(store.texts.all()) == texts
    again(store, first, embedder, TruthModel(), mix="refuse")
    assert set(store.texts.all()) == texts


def test_said_while_a_run_goes_on_it_is_taken_in_by_the_next_one(store, first, embedder):
    event = store.events.all()[0]
    with Store.open(store.path).writing():
        assert not say(store, embedder, event).searchable
    assert event in store.events.all() and store.vectors.uncorrected(embedder.name) == {event.content_id}
    again(store, first, embedder, TruthModel(), mix="refuse")
    assert best(store, embedder) == WORDS and not store.vectors.uncorrected(embedder.name)


def test_a_removed_event_is_found_no_more_and_undoing_brings_it_back(store, embedder):
    before = (store.events.all(), set(store.texts.all()))
    event = before[0][0]
    kept = remove(store, event, author=" Ann ", embedders=lambda: [embedder])
    assert kept.searchable and kept.correction.removes and kept.correction.author == "Ann"
    assert [each.id for each in store.events.all()] == [each.id for each in before[0][1:]]
    assert event.text not in {row.text for row in store.vectors.of(embedder.name, event.content_id).values()}
    assert not any(event.text in text.text for text in store.texts.all())
    assert check(store.path).findings == []
    assert not store.vectors.uncorrected(embedder.name)
    undo(store, kept.correction, embedders=lambda: [embedder])
    assert (store.events.all(), set(store.texts.all())) == before
    assert not store.vectors.uncorrected(embedder.name)
    [version] = store.annotations.corrections.all()
    redo(store, version, embedders=lambda: [embedder])
    assert event.id not in {each.id for each in store.events.all()}


def test_an_event_that_a_person_corrected_or_added_can_be_removed_too(store, embedder):
    event = store.events.all()[0]
    say(store, embedder, event)
    made = next(each for each in store.events.all() if each.text == WORDS)
    removed = remove(store, made, embedders=lambda: [embedder]).correction
    assert (removed.original_text, removed.original_span) == (event.text, event.span)
    assert not {WORDS, event.text} & {each.text for each in store.events.all()}
    undo(store, removed, embedders=lambda: [embedder])
    assert WORDS in {each.text for each in store.events.all()}
    here = {"content_id": event.content_id, "text": "A fox passes.", "span": Span(1, 3)}
    add(store, **here, embedders=lambda: [embedder])
    fox = next(each for each in store.events.all() if each.text == "A fox passes.")
    remove(store, fox, embedders=lambda: [embedder])
    assert "A fox passes." not in {each.text for each in store.events.all()}
    assert not store.vectors.uncorrected(embedder.name)


def test_removed_or_restored_while_a_run_goes_on_the_next_one_takes_it_in(store, first, embedder):
    event = store.events.all()[0]
    with Store.open(store.path).writing():
        kept = remove(store, event, embedders=lambda: [embedder])
    assert not kept.searchable and store.vectors.uncorrected(embedder.name) == {event.content_id}
    again(store, first, embedder, TruthModel(), mix="refuse")
    assert event not in store.events.all() and not store.vectors.uncorrected(embedder.name)
    with Store.open(store.path).writing():
        assert not undo(store, kept.correction, embedders=lambda: [embedder]).searchable
    assert store.vectors.uncorrected(embedder.name) == {event.content_id}
    again(store, first, embedder, TruthModel(), mix="refuse")
    assert event in store.events.all() and not store.vectors.uncorrected(embedder.name)


def test_a_second_embedder_learns_of_it_when_it_embeds_anew(store, embedder):
    class Other(type(embedder)):
        def __init__(self):
            self.__dict__.update(embedder.__dict__)
            self.name = "other"

    other = Other()
    reembed(store, other)
    event = store.events.all()[0]
    say(store, embedder, event)
    assert store.vectors.uncorrected("other") == {event.content_id}
    assert reembed(store, other) > 0
    assert WORDS in {row.text for row in store.vectors.of("other", event.content_id).values()}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"text": "  "}, "needs a text"),
        ({"text": "x" * 1001}, "at most 1,000"),
        ({"span": Span(19, 500)}, "not a valid segment"),
        ({"span": Span(500, 510)}, "not a valid segment"),
        ({"span": Span(5, 5)}, "not a valid segment"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_kept(store, embedder, changes, message):
    with pytest.raises(UsageError, match=message):
        say(store, embedder, **changes)
    event = store.events.all()[0]
    with pytest.raises(UsageError, match="nothing was changed"):
        say(store, embedder, event, text=event.text)
    assert store.annotations.corrections.all() == []


def test_a_forgotten_video_takes_its_corrections_along(store, embedder):
    kept = say(store, embedder)
    store.contents.forget(kept.correction.content_id)
    assert store.annotations.corrections.all() == []
