"""The app with a model that knows the sample clips: for tests, and to look at the app without weights."""

from __future__ import annotations

from standin_truth import TruthModel

from ui.web.app import main

main(load_model=lambda settings: TruthModel())
