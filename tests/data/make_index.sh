#!/bin/sh
# Makes tests/data/index-schema-N.tar.xz: a small real index of the schema of this checkout, N (docs/explanation/reliability.md).
#
#     tests/data/make_index.sh N [FOOTAGE [PYTHON]]
#
# Run it once whenever SCHEMA_VERSION is raised, and commit the archive: tests upgrade it for ever after.
# FOOTAGE is the command to use, .venv/bin/footage unless given, and PYTHON the interpreter, .venv/bin/python.
# Two clips, one with subtitles, and one of a fixed camera are indexed at a neutral place.
set -eu
schema=$1
footage=${2:-.venv/bin/footage}
python=${3:-.venv/bin/python}
here=$(cd "$(dirname "$0")" && pwd)
place=/srv/footage-sample
mkdir -p "$place"
trap 'rm -rf "$place"' EXIT
cp "$here/../../data/footage/beach_dusk.mp4" "$here/../../data/footage/park_dusk.mp4" "$place/"
printf '1\n00:00:02,000 --> 00:00:05,000\nWho left the gate open?\n' > "$place/park_dusk.srt"
"$python" - "$place/yard_still.mp4" <<'PYTHON'
import sys

from footage.synthetic.clips import SyntheticClip, SyntheticScene, write_clip

write_clip(SyntheticClip(SyntheticScene("yard", "bench", "left", "day", 3), (), 64.0, seed=3), sys.argv[1], fps=2)
PYTHON
export FOOTAGE_DB="$place/index" FOOTAGE_MODEL=demo FOOTAGE_IMAGE_EMBEDDER=demo-clip FOOTAGE_IMAGE_VECTORS=1
"$footage" index "$place" --tracks caption,subtitles,image
"$footage" save cars "a car"
"$footage" review cars > /dev/null
"$footage" correct "$place/beach_dusk.mp4@0:04" "a blue van drives by" --author Ann
"$footage" audit --sample 6
"$footage" status
rm -f "$FOOTAGE_DB"/.lock*
tar --sort=name --owner=0 --group=0 --numeric-owner -C "$place" -cJf "$here/index-schema-$schema.tar.xz" index
ls -l "$here/index-schema-$schema.tar.xz"
