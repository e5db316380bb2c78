"""`footage models`: the models this project knows, and whose weights are on this machine."""

from __future__ import annotations

from ui import console, options

EXAMPLES = options.examples("footage models", "footage models --json")


def run(json: options.Json = False, debug: options.Debug = False) -> None:
    """List the known models: where they come from, under which licence, and whether the weights are here."""
    from footage.vlm.profiles import PROFILES

    table = console.table(
        "name", "from", "licence", "gated", "window", "px/frame", "weights", right=("window", "px/frame")
    )
    for profile in PROFILES.values():
        here = _is_here(profile.name)
        origin = (
            f"{profile.repository}@{(profile.revision or 'main')[:8]}"
            if profile.repository
            else "this project"
        )
        if json:
            console.emit(
                name=profile.name,
                repository=profile.repository,
                revision=profile.revision,
                licence=profile.licence,
                gated=profile.gated,
                window_seconds=profile.window_seconds,
                overlap_seconds=profile.overlap_seconds,
                pixels_per_frame=profile.pixels_per_frame,
                weights_local=here,
                notice=profile.notice,
            )
        table.add_row(
            profile.name,
            origin,
            profile.licence,
            "yes" if profile.gated else "no",
            f"{profile.window_seconds:g} s",
            f"{profile.pixels_per_frame:,}",
            "here" if here else "not here",
        )
    if not json:
        console.results().print(table)


def _is_here(name: str) -> bool:
    """Whether a profile's weights can be read without asking the hub."""
    from footage.errors import ModelError
    from footage.vlm.weights import locate

    try:
        locate(name, offline=True)
    except ModelError:
        return False
    return True
