"""Pictures of moments and their addresses in the app, for notifications; sends nothing."""

from __future__ import annotations

import io
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from footage.core.errors import FootageError
from service import sources

if TYPE_CHECKING:
    from footage.core.alerts import AlertMoment
    from footage.core.config import Settings
    from service.session import Service

POSTER_WIDTH = 640
"""Largest width of a picture, in pixels."""
MOST_POSTERS = 10
"""Most pictures of a notification."""
_JPEG_QUALITY = 80
logger = logging.getLogger(__name__)


def posters_of(service: Service, moments: Sequence[AlertMoment]) -> dict[str, bytes]:
    """A JPEG picture of the middle of each moment by its id; those that cannot be read are left out.

    Args:
        service: Its index knows whether a file is still the one that was indexed.
        moments: The moments; of more than ``MOST_POSTERS`` only the first have pictures.
    """
    found: dict[str, bytes] = {}
    for moment in moments[:MOST_POSTERS]:
        if not moment.path:
            continue
        try:
            found[moment.id] = _poster(service, moment)
        except FootageError as error:
            logger.info("no picture of a moment", extra={"fields": {"reason": type(error).__name__}})
    return found


def _poster(service: Service, moment: AlertMoment) -> bytes:
    from PIL import Image

    from footage.media import sandbox

    middle = moment.span.middle_seconds
    with sources.unchanged(moment.path, service.store().files.at(moment.path)):
        pixels = sandbox.frame_at(
            moment.path,
            middle,
            max_width=POSTER_WIDTH,
            timeout_seconds=service.settings.decode_timeout_seconds,
        )
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=_JPEG_QUALITY)
    return out.getvalue()


def links_to(settings: Settings, moments: Sequence[AlertMoment]) -> dict[str, str]:
    """Addresses in the app by the id of the moment; none where the app's address is not set."""
    if not settings.app_url:
        return {}
    return {
        moment.id: f"{settings.app_url.rstrip('/')}/library?{urlencode({'video': moment.content_id})}"
        for moment in moments
        if moment.content_id
    }
