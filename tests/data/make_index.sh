#!/bin/sh
# Makes tests/data/index-schema-N.tar.xz: a small real index of the schema of this checkout, N (docs/explanation/reliability.md).
#
#     tests/data/make_index.sh N [FOOTAGE]
#
# Run it once whenever SCHEMA_VERSION is raised, and commit the archive: tests upgrade it for ever after.
# FOOTAGE is the command to use, .venv/bin/footage unless given. Two clips are indexed at a neutral place.
set -eu
schema=$1
footage=${2:-.venv/bin/footage}
here=$(cd "$(dirname "$0")" && pwd)
place=/srv/footage-sample
mkdir -p "$place"
trap 'rm -rf "$place"' EXIT
cp "$here/../../data/footage/beach_dusk.mp4" "$here/../../data/footage/park_dusk.mp4" "$place/"
export FOOTAGE_DB="$place/index" FOOTAGE_MODEL=demo
"$footage" index "$place"
"$footage" save cars "a car"
"$footage" review cars > /dev/null
"$footage" correct "$place/beach_dusk.mp4@0:04" "a blue van drives by" --author Ann
"$footage" status
rm -f "$FOOTAGE_DB"/.lock*
tar --sort=name --owner=0 --group=0 --numeric-owner -C "$place" -cJf "$here/index-schema-$schema.tar.xz" index
ls -l "$here/index-schema-$schema.tar.xz"
