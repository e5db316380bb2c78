"""Writes the report of a caption measurement: one HTML file with tables and frames, without other files."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

from evaluation.captions import autodq
from evaluation.captions.quality import CaptionQuality
from evaluation.captions.relations import RELATIONS, RULINGS, JudgedClip, JudgedItem
from evaluation.schemas.caption_quality import (
    AspectFigureFields,
    CaptionQualityRecord,
    QualityIntervalFields,
    QualityScoreFields,
    SideBySideFields,
)
from footage.core.atomic import whole_file
from footage.core.errors import VideoError
from footage.core.plain_text import evened
from footage.core.timecode import format_time

MOST_LISTED = 200
"""Most claims in each list of the report."""
FRAMES_OF_CLAIM = 3
"""Most frames beside one claim."""
FRAME_WIDTH = 240
"""Width of a frame, in pixels."""
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""The page loads nothing, runs nothing and sends nothing."""
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b}
table{border-collapse:collapse;margin:.7rem 0 1.4rem}caption{text-align:left;font-weight:600;padding:.2rem 0}
th,td{border-bottom:1px solid #ccc;padding:.25rem .8rem;text-align:left;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
article{border-top:1px solid #ccc;padding:.6rem 0}article p{margin:.15rem 0}
img{width:240px;height:auto;margin:.3rem .4rem .3rem 0}small,.dim{color:#555}
"""


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
    parts = [_head(record)]
    for aspect, figures in record.aspects.items():
        clips = quality.of(aspect)
        parts += [f"<h2>{_text(aspect.capitalize())}</h2>", _figures(figures)]
        if figures.video is not None:
            # The table of both views, and the claims for which they differ.
            parts.append(_both("Claims of the captions", figures.video.predicted))
            parts.append(_both("Claims of the references", figures.video.reference))
            parts.append(
                _claims(
                    "Better than the reference: the video supports what the reference does not say",
                    autodq.better_than_reference(clips),
                    places,
                )
            )
            parts.append(
                _claims(
                    "Wrong references: the video contradicts what the reference says",
                    autodq.wrong_references(clips),
                    places,
                )
            )
        parts.append(_failed(clips))
    parts += [_retrieval(record), _provenance(record)]
    body = "\n".join(filter(None, parts))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Caption quality</title><style>{_STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"
    )


def _head(record: CaptionQualityRecord) -> str:
    return (
        f"<h1>Caption quality</h1>\n<p>{record.clips:,} clips, references in the format "
        f"{_text(record.format)}, captions of {_text(record.captions)}.</p>"
    )


def _figures(figures: AspectFigureFields) -> str:
    rows = [_score_row("text", figures.overall, figures.intervals)]
    if figures.video is not None:
        rows.append(_score_row("video", figures.video.overall, figures.video.intervals))
    overall = _table("All categories, with 95 % intervals", ("judged by", "F1", "recall", "precision"), rows)
    by_category = [_score_row(name, scores, None) for name, scores in figures.categories.items()]
    categories = _table("By category, judged by text", ("category", "F1", "recall", "precision"), by_category)
    shares = {
        "captions": figures.predicted_relations,
        "references": figures.reference_relations,
    }
    relations = [
        (side, *(f"{getattr(row, relation):.3f}" for relation in RELATIONS))
        for side, row in shares.items()
        if row is not None
    ]
    relation_table = _table("Share of each relation", ("claims of the", *RELATIONS), relations)
    alpha = "none" if figures.alpha is None else f"{figures.alpha:.3f}"
    counts = (
        f"<p>{figures.judged:,} clips judged, {figures.failed:,} left out; "
        f"{figures.predicted_claims:,} claims of captions, {figures.reference_claims:,} of references. "
        f"Krippendorff's alpha of the judges: {alpha}.</p>"
    )
    return "\n".join([overall, categories, relation_table, counts])


def _score_row(
    name: str, scores: QualityScoreFields | None, intervals: QualityIntervalFields | None
) -> tuple[str, ...]:
    if scores is None:
        return (name, "", "", "")
    cells = [name]
    for figure in ("f1", "recall", "precision"):
        text = f"{getattr(scores, figure):.3f}"
        if intervals is not None:
            low, high = getattr(intervals, figure)
            text += f" ({low:.3f} to {high:.3f})"
        cells.append(text)
    return tuple(cells)


def _both(title: str, table: SideBySideFields) -> str:
    columns = (*RULINGS, autodq.NO_RULING)
    rows = []
    for relation in RELATIONS:
        counts = getattr(table, relation).model_dump(by_alias=True)
        rows.append((relation, *(f"{counts[column]:,}" for column in columns)))
    return _table(f"{title}: text (rows) and video (columns)", ("", *columns), rows)


def _claims(title: str, claims: Sequence[tuple[JudgedClip, JudgedItem]], places: Mapping[str, Path]) -> str:
    shown = claims[:MOST_LISTED]
    only = f", the first {MOST_LISTED} shown" if len(claims) > len(shown) else ""
    articles = [_claim(clip, item, places) for clip, item in shown]
    return "\n".join([f"<h3>{_text(title)} ({len(claims):,}{only})</h3>", *articles])


def _claim(clip: JudgedClip, item: JudgedItem, places: Mapping[str, Path]) -> str:
    lines = [f"<p><b>{_text(item.text)}</b> <small>clip {_text(clip.id)}</small></p>"]
    lines.append(f'<p class="dim">text: {item.relation}; video: {item.ruling}</p>')
    for vote in item.seen:
        said = "; ".join(filter(None, [vote.instead and f"instead: {vote.instead}", *vote.evidence]))
        lines.append(
            f"<p><small>{_text(vote.judge)}: {vote.ruling or vote.problem}. {_text(said)}</small></p>"
        )
    moments = dict.fromkeys(moment for vote in item.seen for moment in vote.frames)
    if not moments and item.span is not None:  # nothing was seen: what is at the claimed time
        moments = {(item.span.start_seconds + item.span.end_seconds) / 2: None}
    path = places.get(clip.id)
    if path is not None:
        lines += _frames(path, list(moments)[:FRAMES_OF_CLAIM])
    return f"<article>{''.join(lines)}</article>"


def _frames(path: Path, moments: Iterable[float]) -> list[str]:
    """Frames of a video as pictures in the page; a sentence in place of those that cannot be read."""
    from footage.media.sandbox import write_thumbnail

    pictures = []
    with tempfile.TemporaryDirectory(prefix="footage-report-") as folder:
        for number, moment in enumerate(moments):
            at, place = format_time(moment), Path(folder) / f"{number}.jpg"
            try:
                write_thumbnail(path, moment, place, max_width=FRAME_WIDTH)
            except VideoError as error:
                pictures.append(f"<p><small>No frame at {at}: {_text(str(error))}</small></p>")
                continue
            data = base64.b64encode(place.read_bytes()).decode("ascii")
            pictures.append(f'<img alt="frame at {at}" title="{at}" src="data:image/jpeg;base64,{data}">')
    return pictures


def _failed(clips: Sequence[JudgedClip]) -> str:
    rows = [(clip.id, clip.problem) for clip in clips if clip.problem]
    return _table("Clips left out", ("clip", "reason"), rows[:MOST_LISTED]) if rows else ""


def _retrieval(record: CaptionQualityRecord) -> str:
    if not record.retrieval:
        return ""
    rows = [
        (kind, direction, *(f"{value:.3f}" for value in recalls.values()))
        for kind, scores in record.retrieval.items()
        for direction, recalls in (
            ("text to video", scores.text_to_video),
            ("video to text", scores.video_to_text),
        )
    ]
    names = list(next(iter(record.retrieval.values())).text_to_video)
    bias = "" if record.rebias is None else f"<p>ReBias: {record.rebias:.3f} (0: none).</p>"
    return f"<h2>Retrieval by captions</h2>{_table('', ('captions', 'direction', *names), rows)}{bias}"


def _provenance(record: CaptionQualityRecord) -> str:
    prompts = [(each.name, str(each.version), each.hash) for each in record.prompts]
    costs = [
        (name, f"{cost.calls:,}", f"{cost.kept:,}", f"{cost.prompt_tokens:,}", f"{cost.answer_tokens:,}")
        for name, cost in record.costs.items()
    ]
    heads = ("judge of texts", "calls", "kept answers", "tokens of questions", "tokens of answers")
    watched = ", ".join(map(_text, record.video_judges)) or "none"
    return "\n".join(
        [
            "<h2>How it was judged</h2>",
            _table("", heads, costs),
            f"<p>Judges of videos: {watched}.</p>",
            _table("Prompts", ("prompt", "version", "hash"), prompts),
        ]
    )


def _table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells from the second on are numbers where they begin with a digit."""
    lines = [f"<tr>{''.join(f'<th>{_text(head)}</th>' for head in heads)}</tr>"]
    for row in rows:
        cells = [
            f'<td class="n">{_text(cell)}</td>'
            if number and cell[:1].isdigit()
            else f"<td>{_text(cell)}</td>"
            for number, cell in enumerate(row)
        ]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    caption = f"<caption>{_text(title)}</caption>" if title else ""
    return f"<table>{caption}{''.join(lines)}</table>"


def _text(text: str) -> str:
    """A text as HTML: escaped, without control characters and marks that turn the direction of writing."""
    return escape(evened(text))
