"""What an editing program wants of a package: which lists, which versions, which names; pure.

Where each choice comes from:

- DaVinci Resolve conforms by file name and source timecode as long as "Assist using Reel Names" is off, which
  is its default, and reads mixed frame rates from XML and OTIO, but not from an EDL (DaVinci Resolve 18.6
  manual, "How Reel Names Are Identified" and "Importing Effects when Conforming Edits").
- Premiere Pro reads the XML of Final Cut Pro 7, and OTIO since 25.6 (Adobe, "Migrate projects from Final Cut
  Pro" and "Reframe with OTIO files"). From an EDL it takes a clip's name only if the reel is "AX" (style
  "premiere" of the CMX 3600 adapter of OpenTimelineIO 1.0.0).
- Final Cut Pro reads FCPXML; ``src`` may be relative to the document (Apple, "FCPXML Reference: Resources");
  10.6 and later write version 1.10 (Apple, "Importing FCPXML Data").
- CMX 3600 has reel names of eight letters and digits (SMPTE 258M).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from service.export.fcpxml import VERSION

Program = Literal["resolve", "premiere", "final-cut"]
PROGRAMS: tuple[Program, ...] = get_args(Program)
"""The editing programs that there is a preset for."""
ListFormat = Literal["otio", "edl", "fcpxml", "xmeml", "csv"]


@dataclass(frozen=True, slots=True)
class Preset:
    """What one program wants."""

    title: str
    """Name of the program."""
    formats: tuple[ListFormat, ...]
    """The lists of a package, the one to open first."""
    to_open: str
    """What a reader does with the first list, one sentence."""
    guide: str
    """The page of the documentation, without its ending."""
    fcpxml_version: str = VERSION
    """Version of FCPXML."""
    tape_reels: bool = True
    """Whether an EDL names a reel for each file; otherwise it says "AX", and the clip's name counts."""


PRESETS: Mapping[Program, Preset] = {
    "resolve": Preset(
        "DaVinci Resolve",
        ("otio", "fcpxml", "edl", "csv"),
        "In DaVinci Resolve choose File > Import > Timeline, and open {list}.",
        "export-resolve",
        fcpxml_version="1.9",
    ),
    "premiere": Preset(
        "Premiere Pro",
        ("xmeml", "otio", "edl", "csv"),
        "In Premiere Pro choose File > Import, and open {list}.",
        "export-premiere",
        tape_reels=False,
    ),
    "final-cut": Preset(
        "Final Cut Pro",
        ("fcpxml", "csv"),
        "In Final Cut Pro choose File > Import > XML, and open {list}.",
        "export-final-cut",
    ),
}
"""The presets."""
ANY = Preset(
    "any editing program",
    ("otio", "fcpxml", "xmeml", "edl", "csv"),
    "Open {list} in a program that reads OpenTimelineIO, or one of the other lists.",
    "export-resolve",
)
"""For a program that there is no preset for: every list."""


def preset_of(program: Program | None) -> Preset:
    """The preset of a program; every list when None."""
    return ANY if program is None else PRESETS[program]
