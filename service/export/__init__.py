"""Matches as clips, reels and edit lists in a folder, with a manifest beside them; does not search.

``clips_of`` makes clips of matches, ``read_results`` of printed ones; ``export`` and ``make_reel`` write
them, ``verify`` compares what lies there with what was written.
"""

from service.export.clips import Clip, Origins, clips_of, widened
from service.export.concat import Lettering, TitleKind
from service.export.manifest import ManifestProblem, Output, Verified, verify
from service.export.results import read_results
from service.export.run import FORMATS, Exported, Format, Options, Order, export, make_reel

__all__ = [
    "FORMATS",
    "Clip",
    "Exported",
    "Format",
    "Lettering",
    "ManifestProblem",
    "Options",
    "Order",
    "Origins",
    "Output",
    "TitleKind",
    "Verified",
    "clips_of",
    "export",
    "make_reel",
    "read_results",
    "verify",
    "widened",
]
