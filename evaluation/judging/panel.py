"""Opens the judges that a command names: several servers, several runs of each, one cache and one budget."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.judging.budget import JudgeBudget
from evaluation.judging.cache import AnswerCache
from evaluation.judging.dialect import JudgeSampling
from evaluation.judging.server_judge import OnJudged, ServerJudge
from footage.core.errors import UsageError

if TYPE_CHECKING:
    from footage.core.endpoint import Access
    from footage.vlm.backends.server.http_client import Patience

MOST_RUNS = 100
"""Most runs of one judge."""


def open_judges(
    addresses: Sequence[str],
    *,
    access: Access,
    folder: Path | None,
    runs: int = 1,
    budget: JudgeBudget | None = None,
    sampling: JudgeSampling | None = None,
    patience: Patience | None = None,
    on_progress: OnJudged | None = None,
    must_answer: bool = True,
) -> list[ServerJudge]:
    """Connect to every judge, and give one for each judge and run; asks no question.

    Args:
        addresses: Of the servers, as in http://127.0.0.1:8000/v1#model.
        access: How servers may be used (``service.factories.server_access`` of the settings).
        folder: Where answers are kept; None for nowhere.
        runs: How often each judge is asked; runs after the first are drawn with other seeds.
        budget: What all of them together may spend.
        sampling: Of the first run.
        patience: Of waits for a server that is away.
        on_progress: Called after each answer.
        must_answer: Whether the servers must be there now; False for estimates.

    Raises:
        UsageError: when there is no address, one comes twice or makes no sense, or ``runs`` is out of range.
        ModelUnavailableError: when a server cannot be reached, refuses the key, or has no such model.
    """
    if not addresses:
        raise UsageError("No judge was given.", hint="Give one as in --judge http://127.0.0.1:8000/v1#model.")
    if not 1 <= runs <= MOST_RUNS:
        raise UsageError(
            f"There can be 1 to {MOST_RUNS} runs of a judge, got {runs}.", hint="Write --runs 3."
        )
    budget = budget or JudgeBudget()
    cache = None if folder is None else AnswerCache(folder)
    judges: dict[str, ServerJudge] = {}
    for address in addresses:
        judge = ServerJudge.connect(
            address,
            access=access,
            sampling=sampling,
            cache=cache,
            budget=budget,
            patience=patience,
            on_progress=on_progress,
            must_answer=must_answer,
        )
        if judge.name in judges:
            raise UsageError(
                f"The judge {judge.name} was given twice.", hint="For several runs of one judge: --runs 3."
            )
        judges[judge.name] = judge
    return [judge.run(number) for judge in judges.values() for number in range(runs)]
