"""Models, as operations: list, show, download, and the command that serves one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from service.download import DownloadRequest, download
from service.models import (
    ListedModel,
    ModelRequest,
    ModelsRequest,
    ServeCommand,
    ServeCommandRequest,
    model,
    models,
    serve_command,
)
from service.operations.operation import Operation
from service.schemas.setup import (
    CapabilityFields,
    DownloadRecord,
    ModelCardRecord,
    ModelRecord,
    ServeCommandRecord,
)

if TYPE_CHECKING:
    from footage.vlm.cards import CardCapability
    from footage.vlm.weights import Weights
    from service.events import Listener
    from service.schemas.base import Record
    from service.session import Service


def model_records(known: Iterable[ListedModel]) -> Iterator[ModelRecord]:
    """Known models, a line each."""
    for each in known:
        yield ModelRecord.of(each.profile, **_here(each))


def card_record(known: ListedModel, capabilities: Iterable[CardCapability]) -> ModelCardRecord:
    """One known model, with the capabilities of its card."""
    rows = [
        CapabilityFields(capability=row.capability, ours=row.ours, reason=row.reason, tests=list(row.tests))
        for row in capabilities
    ]
    return ModelCardRecord.of(known.profile, **_here(known), capabilities=rows)


def download_record(weights: Weights) -> DownloadRecord:
    """Weights that were fetched or found."""
    return DownloadRecord(
        name=weights.profile.name,
        repository=weights.model,
        revision=weights.revision,
        folder=str(weights.folder),
        licence=weights.profile.licence,
    )


def serve_command_record(command: ServeCommand) -> ServeCommandRecord:
    """The command that serves a model."""
    return ServeCommandRecord(command=list(command.words), model=command.address)


def _here(known: ListedModel) -> dict[str, Any]:
    return {
        "runs": list(known.runs),
        "weights_local": known.weights_local,
        "selected_for": list(known.selected_for),
    }


def _list(service: Service, request: ModelsRequest, *_: Any) -> Iterator[Record]:
    return model_records(models(service.settings, request))


def _show(service: Service, request: ModelRequest, *_: Any) -> Iterator[Record]:
    yield card_record(*model(service.settings, request))


def _download(service: Service, request: DownloadRequest, on_event: Listener, _: Any) -> Iterator[Record]:
    yield download_record(download(request, on_event=on_event))


def _serve_command(service: Service, request: ServeCommandRequest, *_: Any) -> Iterator[Record]:
    yield serve_command_record(serve_command(request))


ALL = (
    Operation("models list", "List the known models and their skills.", ModelsRequest, (ModelRecord,), _list),
    Operation(
        "models show",
        "Show one known model, and which capabilities of its card are available here.",
        ModelRequest,
        (ModelCardRecord,),
        _show,
    ),
    Operation(
        "models download",
        "Download the weights of a model, or find them here.",
        DownloadRequest,
        (DownloadRecord,),
        _download,
        role="admin",
        work="job",
    ),
    Operation(
        "models serve-command",
        "Show the vLLM command and the --model for a served model; starts nothing.",
        ServeCommandRequest,
        (ServeCommandRecord,),
        _serve_command,
    ),
)
"""The operations of this module."""
