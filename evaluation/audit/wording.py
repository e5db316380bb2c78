"""Words and numbers of an audit, for the terminal and the page."""

from __future__ import annotations

from evaluation.audit.figures import AuditFigures, CountedShare
from search.claims.records import ClaimError

LEAST_AGREEMENT = 0.667
"""Krippendorff's own bar for tentative conclusions (Content Analysis, 2nd edition, 2004, p. 241)."""


def percent(share: CountedShare) -> str:
    """A share as in "12.5 %"; a dash where there is nothing to share."""
    return f"{share.interval.value:.1%}".replace("%", " %") if share.total else "\N{EN DASH}"


def range_of(share: CountedShare) -> str:
    """The interval of a share as in "8.1 to 17.0 %"."""
    if not share.total:
        return "\N{EN DASH}"
    return f"{100 * share.interval.low:.1f} to {100 * share.interval.high:.1f} %"


def estimate_sentence(figures: AuditFigures) -> str:
    """The corrected share in words; empty where there is none."""
    found, accuracy = figures.estimate, figures.accuracy
    if found is None or accuracy is None:
        return ""
    return (
        f"Estimated true share of entries with an error: {100 * found.value:.1f} % "
        f"({100 * found.low:.1f} to {100 * found.high:.1f} %), for judges that find "
        f"{100 * accuracy.sensitivity:.0f} % of the wrong entries and call "
        f"{100 - 100 * accuracy.specificity:.0f} % of the right ones wrong."
    )


def agreement_sentence(agreement: float) -> str:
    """Krippendorff's alpha of the judges, and what it means."""
    sentence = f"Agreement of the judges (Krippendorff's alpha; 1: full, 0: by chance): {agreement:.2f}."
    if agreement < LEAST_AGREEMENT:
        sentence += f" Below {LEAST_AGREEMENT}, do not rely on the consensus."
    return sentence


def votes_of(error: ClaimError) -> str:
    """Who sees an error, as in "2 of 3 judges"."""
    return f"{error.votes_for} of {error.votes} {'judge' if error.votes == 1 else 'judges'}"


def counted(number: int, noun: str, nouns: str) -> str:
    """A number and its noun: "1 entry", "1,200 entries"."""
    return f"{number:,} {noun if number == 1 else nouns}"
