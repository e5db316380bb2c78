"""Notifications for tests of sinks."""

from __future__ import annotations

import io

from PIL import Image

from footage.core.alerts import AlertMoment
from footage.core.types import Span
from service.alerts.model import Notification

HOSTILE = "a van\r\nBcc: eve@example.org\x00 <script>alert(1)</script> $(touch x) \u202e'; --"
"""What a sign in front of a camera may say."""


def jpeg() -> bytes:
    """A small picture."""
    file = io.BytesIO()
    Image.new("RGB", (32, 18), "teal").save(file, "JPEG")
    return file.getvalue()


def moment(number: int = 1, **changes: object) -> AlertMoment:
    """A moment of an alert."""
    fields = {
        "id": f"m{number}",
        "alert_id": "a1",
        "kind": "moment",
        "content_id": "c" * 64,
        "path": "/srv/private/gate/gate_20260501.ts",
        "span": Span(12.5, 16.0),
        "starts_at": "2026-05-01T18:00:12.500000+02:00",
        "ends_at": "2026-05-01T18:00:16+02:00",
        "camera": "gate",
        "verdict": "found",
        "confidence": 0.91,
        "text": "A white van stops at the gate.",
        "evidence": ("The model finds it in both windows.",),
        "committed_at": 100.0,
        "recorded_at": 101.0,
    }
    return AlertMoment(**{**fields, **changes})


def notification(*moments: AlertMoment, **changes: object) -> Notification:
    """A notification about some moments, or one, with a picture of the first."""
    moments = moments or (moment(),)
    fields = {
        "id": "n1",
        "kind": "moment" if len(moments) == 1 else "digest",
        "alert_id": "a1",
        "alert_name": "Vans",
        "sent_at": 1_777_651_220.25,
        "moments": moments,
        "posters": {moments[0].id: jpeg()},
        "query": "a van stops",
        "links": {each.id: f"https://footage.example.org/?moment={each.id}" for each in moments},
    }
    return Notification(**{**fields, **changes})
