"""Checks the captions of an index against their videos, event by event; knows no query and loads no model.

Two things are kept for each event: the time that the find model gives for it, and the ruling of the judges
on the claims of its caption (``search.claims``).
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Protocol

from footage.core.errors import FileError, FootageError, VideoError
from footage.core.timecode import iou
from footage.core.types import CaptionEvent, Event, Span, Video, Window
from footage.core.windows import run_of
from footage.objects.paths import media_path
from footage.store import Store
from footage.store.audits import Audit, AuditRuling, worst_first
from search.claims.records import CheckedEntry, CheckedVideo, ClaimJudge, TextEntry
from search.grounding.proposals import window_on
from search.grounding.window_queries import EventFinder, WindowQuestion, unexpected_sentence
from search.query.parser import parse_query

logger = logging.getLogger(__name__)
RIGHT_IOU = 0.5
"""The two times agree from this IoU on; the field's usual bar for a span that is right."""
EVENTS_AT_ONCE = 32
"""Events of one video that are checked, and kept, together: what a cancelled audit loses at most. Judges tell
events of a video apart better when they see many."""


Watch = Callable[[Video, str, Sequence[Span]], Sequence[CaptionEvent]]
"""Captions some spans of a video anew, for judges to compare with; not with the captions of the index."""


class CheckVideo(Protocol):
    """``search.claims.check.check_video``, or a stand-in for it."""

    def __call__(
        self,
        video: Video,
        path: str,
        entries: Sequence[TextEntry],
        judges: Sequence[ClaimJudge],
        *,
        seen: Sequence[CaptionEvent] | None = None,
    ) -> CheckedVideo:
        """Check the texts about a video."""
        ...


@dataclass(frozen=True, slots=True)
class AuditProblem:
    """Why events of a video could not be audited."""

    path: str
    """A file that holds it; the content id where there is none."""
    reason: str
    """Why, one sentence."""
    events: int
    """How many of its events."""


@dataclass(frozen=True, slots=True)
class AuditRun:
    """What an audit came to."""

    audits: tuple[Audit, ...]
    """One for each chosen event that was audited now or before: wrong captions first, then the least
    agreement."""
    skipped: int
    """How many of them were audited before, by the same judges with the same text."""
    problems: tuple[AuditProblem, ...]
    """Videos with events that could not be audited, in the order of the videos."""


def audit(
    store: Store,
    asker: EventFinder,
    judges: Sequence[ClaimJudge] = (),
    *,
    check: CheckVideo | None = None,
    watch: Watch | None = None,
    sample: int | None = None,
    again: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> AuditRun:
    """Check captioned events: ask the model when each happens, and the judges whether the caption holds.

    Results are kept after every ``EVENTS_AT_ONCE`` events. Events that the same judges audited with the same
    text are skipped; a corrected caption is another event.

    Args:
        store: The index.
        asker: Asks the find model for times, each in a window that shows the event at its middle.
        judges: Judges of captions; none for times alone.
        check: Checks captions with the judges; ``search.claims.check.check_video`` when None.
        watch: Captions the footage around events anew; None for judges that need no captions.
        sample: Most events, chosen by hash, so that the same are chosen again; all when None.
        again: Audit events that were audited before, too.
        on_progress: Called with (events done, events in all).

    Raises:
        StoreError: when the index cannot be read or written.
        ModelError: when the model or a judge fails as a whole; what was audited by then is kept.
    """
    # 1. What is to be done.
    events = _chosen(store.events.all(), sample)
    names = tuple(judge.name for judge in judges)
    done = {} if again else _done(store, events, names)
    due = [event for event in events if event.id not in done]
    videos = store.videos.of({event.content_id for event in due})
    auditor = _Auditor(asker, judges, check, watch)
    found: dict[str, Audit] = dict(done)
    problems: list[AuditProblem] = []
    if on_progress:
        on_progress(len(done), len(events))
    finished = len(done)

    # 2. Video by video, some events at a time; a file that cannot be used leaves the others alone.
    for content_id, group in groupby(due, key=lambda event: event.content_id):
        path = store.files.path_of(content_id)
        reasons: Counter[str] = Counter()
        for tried, checked in auditor.in_steps(videos[content_id], path, list(group), reasons):
            new = [each for each in checked if each is not None]
            store.annotations.audits.put(new)
            found |= store.annotations.audits.of([each.event_id for each in new])
            finished += tried
            if on_progress:
                on_progress(finished, len(events))
        problems += [AuditProblem(path or content_id, reason, count) for reason, count in reasons.items()]

    # 3. Everything that is known about the chosen events.
    return AuditRun(tuple(sorted(found.values(), key=worst_first)), len(done), tuple(problems))


def agreement_rate(audits: Sequence[Audit]) -> float:
    """Share of audits whose two times agree (``RIGHT_IOU``), 0 to 1; 0 for none."""
    return sum(each.agreement >= RIGHT_IOU for each in audits) / len(audits) if audits else 0.0


class _Auditor:
    """Audits some events of one video."""

    def __init__(
        self,
        asker: EventFinder,
        judges: Sequence[ClaimJudge],
        check: CheckVideo | None,
        watch: Watch | None,
    ) -> None:
        self._asker, self._judges, self._check, self._watch = asker, list(judges), check, watch

    def in_steps(
        self, video: Video, path: str, events: Sequence[Event], reasons: Counter[str]
    ) -> Iterator[tuple[int, list[Audit | None]]]:
        """The audits of a video's events, ``EVENTS_AT_ONCE`` at a time.

        Args:
            video: The video.
            path: A file that holds it; empty for none.
            events: Its events.
            reasons: Counts here, by reason, the events that could not be audited, or not by the judges.

        Yields:
            Number of events that were tried, and their audits; None for an event without one. After a file
            that cannot be used, all that are left have been tried.
        """
        for start in range(0, len(events), EVENTS_AT_ONCE):
            some = events[start : start + EVENTS_AT_ONCE]
            try:
                audits = self._audited(video, path, some, reasons)
            except (VideoError, FileError) as error:
                reason = str(error)
            except FootageError:
                raise
            except Exception as error:
                logger.exception("%s could not be audited", path)
                reason = unexpected_sentence(error)
            else:
                yield len(some), audits
                continue
            reasons[reason] += len(events) - start
            yield len(events) - start, []
            return

    def _audited(
        self, video: Video, path: str, events: Sequence[Event], reasons: Counter[str]
    ) -> list[Audit | None]:
        """The audits of some events.

        Raises:
            VideoError: the file cannot be used.
            FileError: the same.
        """
        if not path or not media_path(path).is_file():
            raise FileError("The file cannot be reached now." if path else "The video has no file any more.")
        audits = [self._timed(video, path, event, reasons) for event in events]
        if not self._judges:
            return audits
        entries = [TextEntry(event.id, event.text, (event.span,)) for event in events]
        seen = self._watch(video, path, [event.span for event in events]) if self._watch else ()
        checked = (self._check or _check_video())(video, path, entries, self._judges, seen=seen)
        rulings = {entry.entry.id: entry for entry in checked.entries}
        names = tuple(judge.name for judge in self._judges)
        for place, (event, timed) in enumerate(zip(events, audits, strict=True)):
            entry = rulings.get(event.id)
            if timed is not None and entry is not None:
                audits[place] = with_rulings(timed, entry, names)
                if not entry.is_checked:
                    reasons[entry.problem or "No judge could check the caption."] += 1
        return audits

    def _timed(self, video: Video, path: str, event: Event, reasons: Counter[str]) -> Audit | None:
        """The audit of an event's time; None, and a reason counted, where the model could not be asked."""
        profile, provenance = self._asker.model.profile, self._asker.model.provenance
        whole = run_of(event.span, Span(0, video.duration_seconds), video.gaps)
        window = window_on(event.span, within=whole, length_seconds=profile.window_seconds) or whole
        question = WindowQuestion(video, path, Window(event.content_id, -1, window))
        [reply] = self._asker.ask(parse_query(event.text[:1000], plain=True).prompt, [question])
        if reply.problem:
            reasons[reply.problem] += 1
            return None
        agreement = iou(reply.span, event.span) if reply.span else 0.0
        return Audit(
            event_id=event.id,
            content_id=event.content_id,
            span=event.span,
            text=event.text,
            found=reply.span,
            agreement=round(agreement, 4),
            model=provenance.model,
            revision=provenance.revision,
            audited_at=time.time(),
        )


def with_rulings(audit: Audit, checked: CheckedEntry, judges: Sequence[str]) -> Audit:
    """An audit with the ruling of the judges on the caption; unchanged where none could check it.

    The caption is contradicted where most judges see the same error, and supported where there is none and
    at least one claim is supported.
    """
    if checked.problem or not checked.is_checked:
        return audit
    rulings = [vote.ruling for claim in checked.claims for vote in claim.votes]
    supported, contradicted = rulings.count("supported"), rulings.count("contradicted")
    ruled = supported + contradicted
    wrong = any(error.is_consensus for error in checked.errors)
    ruling: AuditRuling = "contradicted" if wrong else "supported" if supported else "not visible"
    return replace(
        audit,
        judges=tuple(judges),
        ruling=ruling,
        support=round(supported / ruled, 4) if ruled else None,
        errors=checked.errors,
    )


def _done(store: Store, events: Sequence[Event], judges: Sequence[str]) -> dict[str, Audit]:
    """The audits of events by the same judges, by event id."""
    wanted = {event.id: event for event in events}
    return {
        audit.event_id: audit
        for audit in store.annotations.audits.all()
        if (event := wanted.get(audit.event_id))
        and (audit.text, audit.span) == (event.text, event.span)
        and judges
        and set(audit.judges) == set(judges)
    }


def _chosen(events: Sequence[Event], sample: int | None) -> list[Event]:
    chosen = sorted(events, key=lambda event: hashlib.sha256(event.id.encode()).digest())[:sample]
    return sorted(chosen, key=lambda event: (event.content_id, event.span, event.id))


def _check_video() -> CheckVideo:
    from search.claims.check import check_video

    return check_video
