"""Makes judges of videos from models: by grounding where a model finds events, else by questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from footage.core.errors import UsageError
from footage.core.types import CaptionEvent, Video
from search.claims.judges import AskingJudge, GroundingJudge
from search.claims.records import Claim, ClaimJudge, SeenVideo, Vote, WatchingJudge
from search.grounding.window_queries import EventFinder
from service.events import Listener, ignore
from service.session import Loaders, Service

if TYPE_CHECKING:
    from footage.vlm.protocol import VideoModel

SHORTER = 0.12
"""Share by which the windows of each further run are shorter, so that it sees other frames."""
TEMPERATURE = 0.7
"""Sampling temperature of answers in several runs, where the settings name none: greedy answers are equal."""


class NamedRun:
    """One run of a judge among several, with a name of its own."""

    def __init__(self, judge: ClaimJudge, number: int) -> None:
        """Take a judge.

        Args:
            judge: The judge.
            number: Which run it is, from 1.
        """
        self._judge, self._number = judge, number

    @property
    def name(self) -> str:
        """The judge's name with the number of the run."""
        return f"{self._judge.name}, run {self._number}"

    def check(self, video: Video, path: str, claims: list[Claim]) -> list[Vote]:
        """As ``ClaimJudge``."""
        return [replace(vote, judge=self.name) for vote in self._judge.check(video, path, claims)]


class WatchingRun(NamedRun):
    """One run of a judge that also sees events which no claim is about."""

    def __init__(self, judge: WatchingJudge, number: int) -> None:
        """As of ``NamedRun``."""
        super().__init__(judge, number)
        self._watching = judge

    def watch(
        self, video: Video, path: str, claims: list[Claim], *, seen: Sequence[CaptionEvent] | None = None
    ) -> SeenVideo:
        """As ``WatchingJudge``."""
        view = self._watching.watch(video, path, claims, seen=seen)
        return replace(view, votes=tuple(replace(vote, judge=self.name) for vote in view.votes))


def check_judges(
    service: Service, names: Sequence[str], *, loaders: Loaders | None = None, on_event: Listener = ignore
) -> None:
    """Make sure that the models of ``load_judges`` are known and there; loads none.

    Args:
        service: As of ``load_judges``.
        names: As of ``load_judges``.
        loaders: As of ``load_judges``.
        on_event: Receives that weights are looked for.

    Raises:
        UsageError: a name stands for no model.
        FootageError: a model is not there.
    """
    if not names:
        service.check_model("find", on_event=on_event)
    for name in names:
        _session(service, name, 1, loaders).check_model(on_event=on_event)


def load_judges(
    service: Service,
    names: Sequence[str],
    *,
    runs: int = 1,
    loaders: Loaders | None = None,
    on_event: Listener = ignore,
) -> list[ClaimJudge]:
    """The judges of some models, one for each run.

    A model that finds events judges by grounding, with captions where it or the captioning model writes them;
    one that only answers questions is asked about each claim. Further runs of the first kind see other
    windows, those of the second kind sample their answers.

    Args:
        service: Its settings name the model where ``names`` is empty; it embeds texts for all judges.
        names: Models as the setting ``model`` takes them: a name, a folder or an address with a model.
        runs: Judges for each model.
        loaders: How models are made; as the settings say when None.
        on_event: Receives that models are being loaded.

    Raises:
        UsageError: a model can neither find events nor answer questions, or two judges are the same.
        FootageError: a model cannot be loaded.
    """
    if names:
        models = [_models(service, name, runs, loaders, on_event) for name in names]
    else:
        service.check_model("find", on_event=on_event)
        models = [(service.find_model(on_event), service.model(on_event))]
    judges = [
        _judge(service, model, captioner, run, runs, on_event)
        for model, captioner in models
        for run in range(runs)
    ]
    called = [judge.name for judge in judges]
    if twice := sorted({name for name in called if called.count(name) > 1}):
        raise UsageError(f"{twice[0]} would judge twice.", hint="Name each model once.")
    return judges


def _models(
    service: Service, name: str, runs: int, loaders: Loaders | None, on_event: Listener
) -> tuple[VideoModel, VideoModel]:
    """The model of a name, which captions as well, in a session of its own."""
    own = _session(service, name, runs, loaders)
    own.check_model(on_event=on_event)
    model = own.model(on_event)
    return model, model


def _session(service: Service, name: str, runs: int, loaders: Loaders | None) -> Service:
    """A session whose model is the one of a name."""
    changes: dict[str, object] = {"model": name, "model_path": None}
    changes |= {"find_model": "", "find_model_path": None}
    if name == service.settings.model:
        changes["model_path"] = service.settings.model_path
    if runs > 1 and service.settings.temperature is None:
        changes["temperature"] = TEMPERATURE
    return Service(service.settings.model_copy(update=changes), loaders=loaders)


def _judge(
    service: Service, model: VideoModel, captioner: VideoModel, run: int, runs: int, on_event: Listener
) -> ClaimJudge:
    """The judge of one run of a model."""
    skills, seconds = model.profile.skills, service.settings.decode_timeout_seconds
    if "find" not in skills:
        if "ask" not in skills:
            raise UsageError(
                f"{model.profile.name} cannot judge: it can {', '.join(skills)}.",
                hint="A judge has to find events, or to answer questions: see footage models.",
            )
        judge = AskingJudge(model, timeout_seconds=seconds)
        return judge if runs == 1 else NamedRun(judge, run + 1)
    options = service.looking()
    if run:
        length = options.window_seconds or model.profile.window_seconds
        options = replace(options, window_seconds=round(length * (1 - SHORTER) ** run, 3))
    grounding = GroundingJudge(
        EventFinder(model, timeout_seconds=seconds),
        caption_model=captioner if "caption" in captioner.profile.skills else None,
        embedder=service.embedder(on_event),
        options=options,
        timeout_seconds=seconds,
    )
    return grounding if runs == 1 else WatchingRun(grounding, run + 1)
