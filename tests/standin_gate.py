"""The app with a model that answers only while a gate is open: to look at a page while the model checks."""

from __future__ import annotations

import threading

from standin_truth import TruthModel

GATE = threading.Event()
"""Closed: the model does not answer."""


class GatedModel(TruthModel):
    """Answers once the gate is open."""

    def run(self, requests):
        assert GATE.wait(120)
        return super().run(requests)
