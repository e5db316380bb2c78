"""Claims of a text, sentences with another detail, and errors from votes."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from footage.core.types import CaptionEvent, Span, Video
from search.claims.check import check_video, errors_of, severity_of
from search.claims.extract import claims_of, details
from search.claims.records import CheckedClaim, Claim, SeenVideo, TextEntry, Vote
from search.claims.variants import changes, same_event, variants

SPAN = Span(3, 6)
VIDEO = Video(content_id="c", duration_seconds=20.0, width=96, height=64, fps=4.0, codec="h264")
WORDS = st.sampled_from(
    [
        *("a", "the", "two", "red", "blue", "car", "dog", "man", "women", "drives", "opens", "walking", "to"),
        *("from", "left", "right", "on", "in", "middle", '"open"', "then", "3", "rain", ",", ".", "''", "ß"),
        *("İ", "ﬁ", "door's"),
    ]
)
SENTENCES = st.one_of(st.text(max_size=60), st.lists(WORDS, max_size=12).map(" ".join))


def kinds(text: str) -> list[tuple[str, str]]:
    return [(each.kind, each.of(text)) for each in details(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "A red car drives from left to right.",
            [
                ("attribute", "red"),
                ("object", "car"),
                ("action", "drives"),
                ("action", "from left to right"),
            ],
        ),
        (
            "Two men walk to the left",
            [("count", "Two"), ("object", "men"), ("action", "walk"), ("action", "to the left")],
        ),
        (
            'A sign says "open" on the left',
            [("object", "sign"), ("action", "says"), ("text", "open"), ("attribute", "on the left")],
        ),
        (
            "The woman opens a large blue door, then leaves",
            [
                ("object", "woman"),
                ("action", "opens"),
                ("attribute", "blue"),
                ("object", "door"),
                ("order", "then"),
                ("action", "leaves"),
            ],
        ),
        ("the cars pass", [("object", "cars"), ("action", "pass")]),
        ("The old man's dog barks", [("object", "dog"), ("action", "barks")]),
        ("Jemand läuft.", []),
    ],
)
def test_a_sentence_is_taken_apart(text, expected):
    assert kinds(text) == expected


@given(SENTENCES)
def test_details_lie_inside_the_text_in_order_and_apart(text):
    found = details(text)
    assert found == sorted(found)
    assert all(0 <= each.start < each.end <= len(text) for each in found)
    assert all(one.end <= other.start for one, other in itertools.pairwise(found))


@given(SENTENCES, st.lists(st.sampled_from([SPAN, Span(1, 2), Span(8, 9)]), max_size=2, unique=True))
def test_every_entry_claims_that_something_happens_and_each_time(text, spans):
    entry = TextEntry("e", text, tuple(spans))
    claims = claims_of(entry)
    assert any(claim.kind == "action" for claim in claims)
    assert [claim.span for claim in claims if claim.kind == "time"] == spans
    assert all(claim.entry == "e" and claim.part in claim.text for claim in claims)


def test_a_sentence_without_known_words_is_one_claim():
    assert claims_of(TextEntry("e", "Jemand läuft.", ())) == [Claim("Jemand läuft.", "action", None, "", "e")]


@given(SENTENCES)
def test_a_sentence_equals_itself_and_no_variant_of_it(text):
    assert changes(text, text) == ()
    assert all(changes(text, other) for other in variants(text))


def test_variants_keep_article_and_capital():
    found = variants("A red car drives to the left.")
    assert found[0] == "A red car drives to the right."
    assert "An orange car drives to the left." in found
    assert variants("Two men jump")[:2] == ["Two women jump", "Three men jump"]
    assert variants("Rain falls") == []


def test_the_verb_of_another_thing_is_no_change_of_its_own():
    [change] = changes("A red dog runs to the left", "a red car drives from right to left.")
    assert (change.kind, change.part, change.instead) == ("object", "dog", "car")
    [verb] = changes("A red dog runs to the left", "a red dog limps to the left")
    assert (verb.kind, verb.instead) == ("action", "limps")
    assert same_event("A grey dog runs leftwards", "a gray dog runs from right to left")


# -- Errors from votes ---------------------------------------------------------------------------------------

RED = Claim("A red car drives", "attribute", SPAN, "red", "e")
CAR = Claim("A red car drives", "object", SPAN, "car", "e")
TIME = Claim("A red car drives", "time", SPAN, "", "e")
ENTRY = TextEntry("e", "A red car drives", (SPAN,))
YES, NO, BLIND = Vote("j", "supported"), Vote("j", "contradicted"), Vote("j", None, problem="dark")
BLUE = Vote("j", "contradicted", instead="blue", frames=(4.0,))


def errors(**votes):
    claims = {"red": RED, "car": CAR, "time": TIME}
    return errors_of(ENTRY, [CheckedClaim(claims[name], tuple(some)) for name, some in votes.items()])


def test_no_error_without_a_contradiction():
    assert errors(red=[YES, BLIND], car=[YES, Vote("j", "not visible")]) == ()
    assert errors_of(ENTRY, []) == ()


def test_a_majority_is_consensus_and_a_tie_is_not():
    [error] = errors(red=[BLUE, BLUE, YES], car=[YES, YES, YES])
    assert (error.kind, error.severity, error.votes_for, error.votes) == ("attribute", "minor", 2, 3)
    assert error.is_consensus
    assert error.suggestion == "A blue car drives"
    assert error.frames == (4.0,)
    [tie] = errors(red=[BLUE, YES], car=[YES, YES])
    assert not tie.is_consensus


def test_abstentions_do_not_count():
    [error] = errors(red=[BLUE, BLIND, BLIND], car=[YES, BLIND, BLIND])
    assert (error.votes_for, error.votes) == (1, 1)
    assert error.is_consensus


def test_the_suggestion_is_what_most_judges_see():
    green = Vote("j", "contradicted", instead="green")
    [error] = errors(red=[green, BLUE, BLUE], car=[YES, YES, YES])
    assert error.suggestion == "A blue car drives"
    [sentence] = errors(car=[Vote("j", "contradicted", instead="A red dog runs")], red=[YES])
    assert sentence.suggestion == "A red dog runs"


@pytest.mark.parametrize(
    ("text", "part", "instead", "suggestion"),
    [
        ("A white dog runs.", "dog", "a van", "A white van runs."),
        ("The man runs.", "man", "a woman", "The woman runs."),
        ("A red car stops.", "red", "orange", "An orange car stops."),
        ("An orange car stops.", "orange", "red", "A red car stops."),
        ("A scarf lies near a car.", "car", "van", "A scarf lies near a van."),
        ("Cars pass behind trees.", "trees", "a wall", "Cars pass behind a wall."),
        ("A man stands behind trees.", "trees", "a wall", "A man stands behind a wall."),
    ],
)
def test_a_suggestion_is_a_sentence(text, part, instead, suggestion):
    claim = Claim(text, "object", part=part, entry="e")
    vote = Vote("j", "contradicted", instead=instead)
    other = CheckedClaim(Claim(text, "action", entry="e"), (YES,))
    [error] = errors_of(TextEntry("e", text, ()), [CheckedClaim(claim, (vote,)), other])
    assert error.suggestion == suggestion


def test_an_entry_of_which_a_judge_supports_nothing_is_invented():
    [error] = errors(red=[NO, NO], car=[NO, NO], time=[NO, BLIND])
    assert (error.kind, error.severity, error.votes_for, error.votes) == ("invented", "major", 2, 2)
    split = errors(red=[NO, BLUE], car=[NO, YES], time=[NO, YES])
    assert {each.kind: each.votes_for for each in split} == {"invented": 1, "attribute": 1}


def test_a_wrong_time_says_when_it_is():
    [error] = errors(red=[YES], time=[Vote("j", "contradicted", span=Span(4, 7), instead="x")])
    assert (error.kind, error.severity, error.suggestion) == ("time", "minor", "0:04.0-0:07.0")
    [far] = errors(red=[YES], time=[Vote("j", "contradicted", span=Span(12, 15), instead="x")])
    assert far.severity == "major"


def test_severity_follows_one_rule():
    assert severity_of("object") == severity_of("missing") == severity_of("action") == "major"
    assert severity_of("attribute") == severity_of("count") == "minor"
    assert severity_of("time") == "major"


class FixedJudge:
    """Gives each claim the same vote."""

    def __init__(self, vote):
        self.vote = vote

    @property
    def name(self):
        return self.vote.judge

    def check(self, video, path, claims):
        return [self.vote for _ in claims]


class FixedWatcher(FixedJudge):
    """Sees some events beside its vote, and keeps what it was given."""

    def __init__(self, vote, *unnamed):
        super().__init__(vote)
        self.unnamed, self.seen = unnamed, []

    def watch(self, video, path, claims, *, seen=None):
        self.seen.append(seen)
        return SeenVideo(tuple(self.check(video, path, claims)), self.unnamed)


def test_judges_that_agree_on_a_missing_event_report_it_once():
    one = FixedWatcher(YES, CaptionEvent(Span(8, 10), "A dog runs."))
    two = FixedWatcher(YES, CaptionEvent(Span(8, 10.5), "a dog runs"), CaptionEvent(SPAN, "A cat sits."))
    seen = [CaptionEvent(SPAN, "A cat sits.")]
    checked = check_video(VIDEO, "v.mp4", [ENTRY], [one, two, FixedJudge(YES)], seen=seen)
    assert [(each.suggestion, each.votes_for, each.votes) for each in checked.missing] == [
        ("A cat sits.", 1, 2),
        ("A dog runs.", 2, 2),
    ]
    assert one.seen == two.seen == [seen]
    [entry] = checked.entries
    assert entry.errors == ()
    assert all(len(each.votes) == 3 for each in entry.claims)


def test_an_entry_that_no_judge_can_decide_says_why():
    checked = check_video(VIDEO, "v.mp4", [ENTRY], [FixedJudge(BLIND)])
    [entry] = checked.entries
    assert not entry.is_checked
    assert entry.problem == "dark"
    assert check_video(VIDEO, "v.mp4", [], [FixedJudge(BLIND)]).entries == ()
