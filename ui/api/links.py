"""Links that go with records about moments: to the app, a clip and a poster; changes no record.

Links stand beside the records, in answers over HTTP and MCP alone, so that records are equal on all surfaces.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from footage.core.types import Span
from service.media_links import MediaKind, MediaSigner, moment_address

_LINKED: tuple[MediaKind, ...] = ("clip", "poster")


@dataclass(frozen=True, slots=True)
class LinkMaker:
    """Makes the links of records."""

    app_address: str = ""
    """Where the app is, such as "http://localhost:8501"; empty for no links to it."""
    api_address: str = ""
    """Where the HTTP API is; links to clips are paths of that server when empty."""
    signer: MediaSigner | None = None
    """Signs the addresses of clips and pictures; None for no such links."""

    def of(self, record: Mapping[str, Any]) -> dict[str, str]:
        """The links of a record, by name: "moment", "clip", "poster"; none where it is of no moment."""
        content_id, start, end = (record.get(key) for key in ("content_id", "start_seconds", "end_seconds"))
        if not isinstance(content_id, str) or not content_id or start is None or end is None:
            return {}
        return self.of_moment(content_id, Span(start, max(start, end)))

    def of_moment(self, content_id: str, span: Span) -> dict[str, str]:
        """The links of a moment of a video, by name."""
        links = {}
        if self.app_address:
            links["moment"] = moment_address(self.app_address, content_id, span)
        if self.signer is not None:
            for kind in _LINKED:
                links[kind] = self.api_address.rstrip("/") + self.signer.address(kind, content_id, span)
        return links

    def beside(self, records: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The links of some records, each with the number of its record, from 0."""
        made = ((number, self.of(record)) for number, record in enumerate(records))
        return [{"record": number, **links} for number, links in made if links]
