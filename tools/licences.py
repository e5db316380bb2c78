"""Writes docs/reference/licences.md: the licence of everything that an installation of footage brings along.

    python tools/licences.py           # write the page
    python tools/licences.py --check   # fail where the page is not what would be written

It reads the metadata of the installed packages, so it is run where the locked dependencies are installed, on
Linux, where there are the most of them. It asks no server.
"""

from __future__ import annotations

import argparse
import ctypes
import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference" / "licences.md"
UNSTATED = {
    "cuda-toolkit": "LicenseRef-NVIDIA-Proprietary",  # holds nothing itself, names the nvidia- packages
    "torchcodec": "BSD-3-Clause",  # its dist-info/licenses/LICENSE
}
"""Packages whose metadata name no licence, and what their licence files say."""
WORDED = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0 License": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "Apache 2": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "BSD": "BSD",
    "BSD 2-Clause License": "BSD-2-Clause",
    "BSD License": "BSD",
    "BSD-Clause": "BSD",
    "ISC License": "ISC",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "NVIDIA Proprietary Software": "LicenseRef-NVIDIA-Proprietary",
    "Python Software Foundation License": "PSF-2.0",
}
"""Licences as they are worded in older metadata, by their names in SPDX; "BSD" where it says no more."""
BUNDLED = {
    "BSD-2-Clause": "aom dav1d avif openjp2",
    "BSD-3-Clause": "opus vpx webp webpmux webpdemux sharpyuv openblas scipy_openblas scipy_openblas64_",
    "BSD-3-Clause-Clear": "SvtAv1Enc",
    "MIT": "ctranslate2 Xau drm xcb xcb-shape xcb-shm xcb-xfixes harfbuzz lcms2 brotlicommon brotlidec vpl",
    "Apache-2.0": "crypto ssl opencore-amrnb opencore-amrwb",
    "IJG AND BSD-3-Clause": "jpeg",
    "libpng-2.0": "png16",
    "libtiff": "tiff",
    "Zlib": "z",
    "FTL": "freetype",
    "0BSD": "lzma",
    "BSD-3-Clause OR GPL-2.0-only": "zstd",
    "LGPL-2.1-or-later": "geos geos_c asound gnutls quadmath",
    "LGPL-2.0-or-later": "mp3lame",
    "LGPL-3.0-or-later": "avcodec avdevice avfilter avformat avutil swresample swscale",
    "LGPL-3.0-or-later OR GPL-2.0-or-later": "gmp hogweed nettle unistring",
    "GPL-2.0-or-later": "x264 x265",
    "GPL-3.0-or-later WITH GCC-exception-3.1": "gfortran gomp",
    "LicenseRef-NVIDIA-Proprietary": "cudart nvjpeg",
}
"""Shared libraries that wheels bring along, by licence; see the projects' own pages."""
HEAD = """# Licences of what is installed along

<!-- Written by tools/licences.py; `make audit` says whether it is up to date. -->

footage itself is Apache-2.0. Nothing below is part of its source or of its wheel: `make setup` downloads
each package from where it is published. Whoever passes on an installation as a whole, as a disk image or a
container does, passes on all of this, under these licences. Weights of models have their own:
[models.md](../how-to/models.md).

## What to look at before passing it on

- **PyAV's wheel (`av`) brings FFmpeg with x264 and x265.** FFmpeg calls this build "{ffmpeg}", but libx264
  and libx265, which lie beside it, are GPL-2.0-or-later. An image that holds them has to offer their
  source; both also have commercial licences. footage uses x264 where it writes H.264: previews, clips and
  reels.
- **NVIDIA's packages are proprietary.** torch needs them on Linux, also where there is no GPU. Their
  licence allows passing on the libraries with an application, under terms of its own; read it before
  publishing one.
- **H.264, H.265 and AAC are covered by patents** in some countries, whatever the licence of the code.
- The GPL of libgfortran and libgomp comes with the exception for runtime libraries: programs that use them
  may have any licence.
- FFmpeg's shared libraries of the system, which torchcodec reads video with, come from the system, not from
  here.
- Compiled packages (lancedb, pydantic-core, tokenizers and others) hold libraries that are linked in, which
  their own licence files name; the second table has only libraries that are files of their own.
- Packages under MPL-2.0 ask that changes to their own files stay under it, and nothing of the rest.

## Packages

| Package | Version | Licence | Needed for |
|---|---|---|---|
"""


def main() -> int:
    """Write the page, or compare it; the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    wanted = page()
    if not parser.parse_args().check:
        PAGE.write_text(wanted, encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != wanted:
        sys.stderr.write("docs/reference/licences.md is not up to date: python tools/licences.py\n")
        return 1
    return 0


def page() -> str:
    """The page as it is to be.

    Raises:
        LookupError: a package, or a library in one, whose licence is known neither here nor to its metadata.
    """
    runtime, developing = closure("footage"), closure(*_dev_requirements())
    rows = []
    for name in sorted(runtime | developing):
        package = distribution(name)
        purpose = "running" if name in runtime else "developing"
        rows.append(f"| {name} | {package.version} | {licence(package)} | {purpose} |\n")
    libraries = [
        f"| {name} | {bundled_licence(name)} | {', '.join(sorted(holders))} |\n"
        for name, holders in sorted(bundled(runtime).items(), key=lambda item: item[0].lower())
    ]
    table = "\n## Libraries inside these packages\n\n| Library | Licence | In |\n|---|---|---|\n"
    return HEAD.format(ffmpeg=_ffmpeg_licence()) + "".join(rows) + table + "".join(libraries)


def closure(*wanted: str) -> set[str]:
    """Names of all packages that some need on this platform, with what those need, without footage."""
    found: set[str] = set()
    waiting = [Requirement(line) for line in wanted]
    while waiting:
        requirement = waiting.pop()
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        extras = requirement.extras or {""}
        if not any(_applies(requirement, extra) for extra in ("", *extras)):
            continue
        key = name + str(sorted(extras))
        if key in found:
            continue
        try:
            needs = distribution(name).requires or []
        except PackageNotFoundError:
            continue
        found |= {name, key}
        for line in needs:
            needed = Requirement(line)
            if any(_applies(needed, extra) for extra in extras):
                needed.marker = None
                waiting.append(needed)
    return {name for name in found if "[" not in name} - {"footage"}


def _applies(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def _dev_requirements() -> list[str]:
    import tomllib

    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    return list(groups["dev"])


def licence(package: Distribution) -> str:
    """The licence of a package, as SPDX says it where its metadata allow that."""
    about = package.metadata
    name = re.sub(r"[-_.]+", "-", package.name).lower()
    if about["License-Expression"]:
        return str(about["License-Expression"])
    named = str(about["License"] or "").strip()
    if named and "\n" not in named and len(named) < 60:
        return WORDED.get(named, named)
    classified = [
        each.rpartition(" :: ")[2] for each in about.get_all("Classifier") or [] if each.startswith("License")
    ]
    if classified:
        return " AND ".join(WORDED.get(each, each) for each in classified)
    if named.startswith("MIT License"):
        return "MIT"
    if name in UNSTATED:
        return UNSTATED[name]
    files = [str(file) for file in package.files or () if re.search(r"LICEN[CS]E", str(file))]
    if files and "MIT License" in Path(str(package.locate_file(files[0]))).read_text("utf-8", "replace"):
        return "MIT"
    raise LookupError(f"{name} names no licence: look it up, and add it to UNSTATED in {__file__}")


def bundled(packages: set[str]) -> dict[str, set[str]]:
    """The shared libraries that wheels of some packages bring in a folder of their own, and which wheels."""
    found: dict[str, set[str]] = {}
    for name in packages:
        for file in distribution(name).files or ():
            if file.parts[0].endswith(".libs"):
                found.setdefault(_library(file.name), set()).add(name)
    return found


def _library(file_name: str) -> str:
    """Such as "x264" of "libx264-d6533a8d.so.165", "openblas" of "libopenblasp-r0-59ffcd50.3.15.so"."""
    name = re.sub(r"([-.][0-9a-f]{8})*\.so.*$", "", file_name).removeprefix("lib")
    return re.sub(r"^openblasp-r0-.*", "openblas", name)


def bundled_licence(library: str) -> str:
    """The licence of a shared library; errors as ``page``."""
    for name, libraries in BUNDLED.items():
        if library in libraries.split():
            return name
    raise LookupError(f"lib{library} came with a wheel: look its licence up, and add it in {__file__}")


def _ffmpeg_licence() -> str:
    """What the FFmpeg inside PyAV says of its own licence."""
    import av  # noqa: F401 - its libraries are then found

    [path] = _files_of("av", r"av\.libs/libavcodec")
    library = ctypes.CDLL(str(path))
    library.avcodec_license.restype = ctypes.c_char_p
    return str(library.avcodec_license().decode())


def _files_of(name: str, pattern: str) -> Iterator[Path]:
    for file in distribution(name).files or ():
        if re.match(pattern, str(file)):
            yield Path(str(distribution(name).locate_file(file)))


if __name__ == "__main__":
    sys.exit(main())
