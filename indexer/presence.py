"""Finds out which of the files that the index knows are still there, and what is out of reach."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from footage.core.errors import SourceOfflineError, UsageError, VideoError, VideoNotFoundError
from footage.objects.address import parse_address
from footage.objects.paths import ObjectPath
from footage.objects.requests import UnlistedFolder, look_at, objects_under
from indexer.library import is_under, still_there
from indexer.media_source import shown


@dataclass(frozen=True, slots=True)
class Presence:
    """Which paths under a root are still there."""

    there: Mapping[str, bool | None]
    """Whether each path exists; None if that is unknown."""
    reason: str = ""
    """Why some of it is out of reach; empty if nothing is."""


def presence(root: Path, paths: Sequence[str]) -> Presence:
    """Which paths under a file, a folder or an address are still there.

    Objects are listed; in folders that cannot be listed each one is asked for. All are unknown where the root
    itself is out of reach: a disk that is not plugged in, a bucket that denies access.
    """
    if not isinstance(root, ObjectPath):
        away = not os.path.lexists(root) and any(path != str(root) for path in paths)
        if away:
            return Presence(dict.fromkeys(paths), f"{shown(root)} cannot be reached")
        return Presence({path: still_there(path) for path in paths})
    listed, unlisted = set[str](), [str(root)]
    if root.address.can_be_listed and any(path != str(root) for path in paths):
        try:
            for each in objects_under(root.address):
                if isinstance(each, UnlistedFolder):
                    unlisted.append(str(each.address))
                else:
                    listed.add(str(each.address))
        except VideoError as error:
            return Presence(dict.fromkeys(paths), str(error))
    else:
        unlisted += paths
    there: dict[str, bool | None] = {}
    reason = ""
    for path in paths:
        there[path] = path in listed
        if path not in listed and (path in unlisted or is_under(path, unlisted[1:])):
            there[path], away_because = _object_there(path)
            reason = reason or away_because
    return Presence(there, reason)


def _object_there(path: str) -> tuple[bool | None, str]:
    """As ``still_there``, of an object, and why it is unknown."""
    try:
        look_at(parse_address(path))
    except SourceOfflineError as error:
        return None, str(error)
    except VideoNotFoundError:
        return False, ""
    except (UsageError, VideoError) as error:
        return None, str(error)
    return True, ""
