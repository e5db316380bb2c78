"""Writes the report of a caption measurement: one HTML page with figures and frames, without other files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

from evaluation.captions import autodq
from evaluation.captions.quality import CaptionQuality
from evaluation.captions.relations import RELATIONS, RULINGS, JudgedClip, Relation
from evaluation.captions.report_claims import MOST_LISTED, ClaimFrames, claim_list
from evaluation.pages.html_parts import Html, document, element, interval_bar, joined, table
from evaluation.schemas.caption_quality import (
    AspectFigureFields,
    CaptionQualityRecord,
    QualityIntervalFields,
    QualityScoreFields,
    SideBySideFields,
    VideoBasisFields,
)
from footage import __version__
from footage.core.atomic import whole_file
from search.claims.records import Ruling

_SCORES: tuple[Literal["f1", "recall", "precision"], ...] = ("f1", "recall", "precision")
_NAMES = {"f1": "F1", "recall": "Recall", "precision": "Precision"}
_MEANINGS: dict[Relation, str] = {
    "entailment": "the other text says so",
    "neutral": "it does not mention it",
    "contradiction": "it says otherwise",
}


def write_report(
    out: Path, quality: CaptionQuality, record: CaptionQualityRecord, places: Mapping[str, Path]
) -> None:
    """Write the report; the file appears only when it is whole.

    Args:
        out: The HTML file.
        quality: The judged captions.
        record: Their figures.
        places: Video file of each clip, by the clip's id, to take frames from.

    Raises:
        FootageError: when the file cannot be written.
    """
    page = report_page(quality, record, places)
    with whole_file(out) as partial:
        partial.write_text(page, encoding="utf-8", errors="replace")


def report_page(quality: CaptionQuality, record: CaptionQualityRecord, places: Mapping[str, Path]) -> str:
    """The report as one HTML page."""
    frames = ClaimFrames(places)
    body = element(
        "main",
        _head(record),
        *(
            joined(*_aspect(aspect.capitalize(), figures, quality.of(aspect), frames))
            for aspect, figures in record.aspects.items()
        ),
        *_retrieval(record),
        *_provenance(record),
        element(
            "footer",
            element("p", "A judge is a model and can be wrong. Compare figures only under the same judges."),
            element(
                "p",
                f"Made by footage {__version__}, eval captions. This page loads nothing and runs no script.",
            ),
        ),
        class_="wrap",
    )
    return document("Caption quality", body)


# --- the parts, from top to bottom --------------------------------------------------------------------------


def _head(record: CaptionQualityRecord) -> Html:
    facts = {
        "Clips": f"{record.clips:,}",
        "References": f"format {record.format}",
        "Judges of texts": ", ".join(record.judges) or "none",
        "Judges of videos": ", ".join(record.video_judges) or "none: the references count as right",
    }
    lead = (
        "Captions and references were taken apart into claims. Recall is the share of the references' claims "
        "that the captions contain, precision the share of the captions' claims that are right."
    )
    if record.video_judges:
        lead += " The claims were also compared with the videos."
    return element(
        "header",
        element("p", "Caption quality", class_="kicker"),
        element("h1", f"Captions of {record.captions}"),
        element("p", lead, class_="lead"),
        element(
            "dl",
            *(joined(element("dt", term), element("dd", text)) for term, text in facts.items()),
            class_="facts",
        ),
    )


def _aspect(
    name: str, figures: AspectFigureFields, clips: Sequence[JudgedClip], frames: ClaimFrames
) -> Iterator[Html]:
    """One aspect: tiles, figures with intervals, categories, relations, the video's view, clips left out."""
    yield element("h2", name)
    yield _tiles(figures)
    yield element("h3", "All categories", class_="title")
    yield _overall(figures)
    yield _counts(figures)
    if len(figures.categories) > 1:
        yield element("h3", "By category, judged by text", class_="title")
        rows = [
            (category, *(f"{getattr(scores, each):.3f}" for each in _SCORES))
            for category, scores in figures.categories.items()
        ]
        yield table(("Category", *(_NAMES[each] for each in _SCORES)), rows, numbers=(1, 2, 3))
    yield element("h3", "How the texts relate", class_="title")
    yield _relations(figures)
    if figures.video is not None:
        yield from _video(figures.video, clips, frames)
    yield from _left_out(clips)


def _tiles(figures: AspectFigureFields) -> Html:
    def tile(value: str, label: str, *, more: str = "") -> Html:
        rest = (element("span", more, class_="whole"),) if more else ()
        return element("div", element("b", value), element("span", label), *rest, class_="tile")

    def f1(scores: QualityScoreFields | None, intervals: QualityIntervalFields | None, label: str) -> Html:
        if scores is None:
            return tile("\N{EN DASH}", label)
        return tile(f"{scores.f1:.3f}", label, more=f"95 % interval {_range(intervals, 'f1')}")

    tiles = [f1(figures.overall, figures.intervals, "F1 by text")]
    video = figures.video
    if video is not None:
        tiles += [
            f1(video.overall, video.intervals, "F1 by video"),
            tile(f"{video.better_than_reference:,}", "claims better than the reference"),
            tile(f"{video.wrong_references:,}", "wrong claims in references"),
        ]
    elif figures.overall is not None:
        tiles += [tile(f"{getattr(figures.overall, each):.3f}", f"{each} by text") for each in _SCORES[1:]]
    return element("div", *tiles, class_="tiles")


def _overall(figures: AspectFigureFields) -> Html:
    bases = [("text", figures.overall, figures.intervals)]
    if figures.video is not None:
        bases.append(("video", figures.video.overall, figures.video.intervals))
    heads = [
        element("th", name, scope="col", class_=class_)
        for name, class_ in (
            ("Figure", None),
            ("Value", "number"),
            ("95 % interval", "number wide"),
            ("From 0 to 1", "wide"),
        )
    ]
    rows = [
        element(
            "tr", element("th", f"{_NAMES[each]} by {basis}", scope="row"), *_cells(scores, intervals, each)
        )
        for each in _SCORES
        for basis, scores, intervals in bases
    ]
    inside = joined(element("thead", element("tr", *heads)), element("tbody", *rows))
    return element("div", element("table", inside), class_="panel shares")


def _cells(
    scores: QualityScoreFields | None, intervals: QualityIntervalFields | None, name: str
) -> Iterator[Html]:
    if scores is None:
        yield element("td", "none: no clip was judged", colspan=3)
        return
    value, range_ = float(getattr(scores, name)), _range(intervals, name)
    low, high = (value, value) if intervals is None else getattr(intervals, name)
    yield element("td", f"{value:.3f}", element("span", range_, class_="narrow"), class_="number")
    yield element("td", range_, class_="number wide")
    yield element("td", interval_bar(low, value, high, f"{value:.3f}, interval {range_}"), class_="wide")


def _range(intervals: QualityIntervalFields | None, name: str) -> str:
    if intervals is None:
        return "\N{EN DASH}"
    low, high = getattr(intervals, name)
    return f"{low:.3f} to {high:.3f}"


def _counts(figures: AspectFigureFields) -> Html:
    sentence = (
        f"{figures.judged:,} clips judged, {figures.failed:,} left out; {figures.predicted_claims:,} claims "
        f"of captions, {figures.reference_claims:,} of references. Intervals: bootstrap over clips."
    )
    if figures.alpha is not None:
        sentence += (
            f" Agreement of the judges (Krippendorff's alpha; 1: full, 0: by chance): {figures.alpha:.2f}."
        )
    return element("p", sentence, class_="note")


def _relations(figures: AspectFigureFields) -> Html:
    shares = {"captions": figures.predicted_relations, "references": figures.reference_relations}
    rows = [
        (f"Claims of the {side}", *(f"{100 * getattr(row, each):.1f} %" for each in RELATIONS))
        for side, row in shares.items()
        if row is not None
    ]
    heads = [joined(each.capitalize(), _hint(_MEANINGS[each])) for each in RELATIONS]
    return table(("Share", *heads), rows, numbers=(1, 2, 3))


def _hint(words: str) -> Html:
    return element("span", words, class_="hint")


def _video(video: VideoBasisFields, clips: Sequence[JudgedClip], frames: ClaimFrames) -> Iterator[Html]:
    """What the video shows, beside what the texts say, and the claims for which they differ."""
    yield element("h3", "Text and video: claims of the captions", class_="title")
    yield _both(video.predicted, {("neutral", "supported"), ("contradiction", "supported")})
    yield element("p", "Marked: better than the reference.", class_="note")
    yield element("h3", "Text and video: claims of the references", class_="title")
    yield _both(video.reference, {(each, "contradicted") for each in RELATIONS})
    yield element("p", "Marked: wrong references.", class_="note")
    yield from claim_list(
        "Better than the reference",
        "The reference does not say this, or says otherwise; the video shows it.",
        autodq.better_than_reference(clips),
        frames,
    )
    yield from claim_list(
        "Wrong references",
        "The reference says this; the video shows otherwise.",
        autodq.wrong_references(clips),
        frames,
    )


def _both(counts: SideBySideFields, marked: set[tuple[Relation, Ruling]]) -> Html:
    """Claims by what the text says (rows) and what the video shows (columns)."""
    columns = (*RULINGS, autodq.NO_RULING)
    rows = []
    for relation in RELATIONS:
        row = getattr(counts, relation).model_dump(by_alias=True)
        cells: list[object] = [f"Text: {relation}"]
        for column in columns:
            number = f"{row[column]:,}"
            is_marked = (relation, column) in marked and row[column]
            cells.append(element("mark", number) if is_marked else number)
        rows.append(cells)
    heads = (f"Video: {column}" for column in columns)
    return table(("Claims", *heads), rows, numbers=range(1, len(columns) + 1))


def _left_out(clips: Sequence[JudgedClip]) -> Iterator[Html]:
    failed = [clip for clip in clips if clip.problem]
    if not failed:
        return
    yield element("h3", f"Clips left out ({len(failed):,})", class_="title")
    lines = [
        element("li", clip.id, element("span", clip.problem, class_="why")) for clip in failed[:MOST_LISTED]
    ]
    if len(failed) > MOST_LISTED:
        lines.append(element("li", f"{len(failed) - MOST_LISTED:,} more: see --json."))
    yield element("div", element("ul", *lines, class_="plain-list"), class_="panel")


def _retrieval(record: CaptionQualityRecord) -> Iterator[Html]:
    if not record.retrieval:
        return
    rows = [
        (f"{kind.capitalize()} captions, {direction}", *(f"{value:.3f}" for value in recalls.values()))
        for kind, scores in record.retrieval.items()
        for direction, recalls in (
            ("text to video", scores.text_to_video),
            ("video to text", scores.video_to_text),
        )
    ]
    names = list(next(iter(record.retrieval.values())).text_to_video)
    yield element("h2", "Retrieval by captions")
    yield table(("Captions", *names), rows, numbers=range(1, len(names) + 1))
    if record.rebias is not None:
        yield element("p", f"ReBias: {record.rebias:.3f} (0: none).", class_="note")


def _provenance(record: CaptionQualityRecord) -> Iterator[Html]:
    yield element("h2", "Calls and prompts")
    if record.costs:
        costs = [
            (name, f"{cost.calls:,}", f"{cost.kept:,}", f"{cost.prompt_tokens:,}", f"{cost.answer_tokens:,}")
            for name, cost in record.costs.items()
        ]
        heads = ("Judge of texts", "Calls", "Kept answers", "Tokens of questions", "Tokens of answers")
        yield table(heads, costs, numbers=range(1, 5))
    prompts = [(each.name, str(each.version), each.hash) for each in record.prompts]
    yield element("h3", "Prompts", class_="title")
    yield table(("Prompt", "Version", "Hash"), prompts, numbers=(1,))
