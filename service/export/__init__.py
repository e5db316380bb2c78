"""Matches as clips, reels and edit lists in a folder, with a manifest beside them; does not search.

``clips_of`` makes clips of matches, ``read_results`` of printed ones; ``export`` and ``make_reel`` write
them, ``verify`` compares what lies there with what was written.
"""

from service.export.clips import Clip, Origins, clips_of, widened
from service.export.concat import Lettering, TitleKind
from service.export.manifest import ManifestProblem, Output, Verified, verify
from service.export.package import MEDIA_KINDS, MediaKind, PackageOptions, write_package
from service.export.presets import PRESETS, PROGRAMS, Preset, Program
from service.export.results import read_results
from service.export.run import FORMATS, Exported, Format, Options, Order, export, make_reel

__all__ = [
    "FORMATS",
    "MEDIA_KINDS",
    "PRESETS",
    "PROGRAMS",
    "Clip",
    "Exported",
    "Format",
    "Lettering",
    "ManifestProblem",
    "MediaKind",
    "Options",
    "Order",
    "Origins",
    "Output",
    "PackageOptions",
    "Preset",
    "Program",
    "TitleKind",
    "Verified",
    "clips_of",
    "export",
    "make_reel",
    "read_results",
    "verify",
    "widened",
    "write_package",
]
