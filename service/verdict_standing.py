"""Says what stands behind the verdicts of searches, by the name of the model; loads none."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from footage.core.config import Settings


def verdict_standing(settings: Settings) -> str:
    """What stands behind the verdicts of searches, in a sentence, by the name of the model; loads no model.

    Raises:
        FileError: when the calibration cannot be read.
        UsageError: when its content makes no sense.
    """
    from search.grounding.calibration import load_calibration, read_calibration, standing

    finds = settings.for_finds
    named = finds.model.partition("#")[2] or finds.model
    calibration = read_calibration(settings.calibration) if settings.calibration else load_calibration(named)
    return standing(calibration)
