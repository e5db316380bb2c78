"""Checks the outputs of a command before slow work: a result that cannot be written is work lost."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path

from footage.core.errors import FileError, UsageError


def check_outputs(
    inputs: Mapping[str, Path | None],
    outs: Mapping[str, Path | None],
    *,
    new: Collection[str] = (),
    folders: Collection[str] = (),
) -> None:
    """Refuse outputs that would overwrite an input or each other, or cannot be written. Writes nothing.

    Args:
        inputs: Files that stay as they are, by what they are called in messages.
        outs: Outputs by option; None for an option that was not given.
        new: Options whose file must not be there yet.
        folders: Options that name a folder.

    Raises:
        UsageError: an output is an input or another output, or is there and should not be.
        FileError: an output is a folder, or a folder of files is none, or nothing can be written there.
    """
    taken = {path.resolve(): name for name, path in inputs.items() if path is not None}
    for option, out in outs.items():
        if out is None:
            continue
        if (other := taken.get(out.resolve())) is not None:
            raise UsageError(
                f"{option} {out} is {other}.", hint="Choose another name: the original stays as it is."
            )
        if option in new and os.path.lexists(out):
            if out.is_dir():
                raise FileError(f"{option} {out} is a folder.", hint="Name a file.")
            raise UsageError(
                f"{option} {out} is there already.",
                hint="Choose another name, or remove the file: it may hold corrections made by hand.",
            )
        _check_place(option, out, is_folder=option in folders)
        taken[out.resolve()] = f"the {'folder' if option in folders else 'file'} of {option}"


def _check_place(option: str, out: Path, *, is_folder: bool) -> None:
    """Raise an error unless something can be written to ``out``, as far as permissions show.

    Raises:
        FileError: see ``check_outputs``.
    """
    if not is_folder and os.path.isdir(out):
        raise FileError(f"{option} {out} is a folder.", hint="Name a file.")
    folder = out.absolute() if is_folder else out.absolute().parent
    while not os.path.lexists(folder) and folder.parent != folder:
        folder = folder.parent
    if not os.path.isdir(folder):
        raise FileError(
            f"{option} {out} cannot be written: {folder} is no folder.", hint="Choose another place."
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise FileError(
            f"{option} {out} cannot be written: the folder {folder} is not writable.",
            hint="Choose another place, or change the permissions of the folder.",
        )
