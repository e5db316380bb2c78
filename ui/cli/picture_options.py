"""The options of a search by picture: their help, and the request that they make together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from footage.core.errors import UsageError

if TYPE_CHECKING:
    from service.fold import SceneGrouping
    from service.picture_search import Box, PictureSearchRequest

By = Literal["caption", "picture"]

Image = Annotated[
    Path | None,
    typer.Option(
        "--image",
        metavar="FILE",
        help="Search for what looks like this image; a query beside it says what must be seen, too.",
    ),
]
BoxText = Annotated[
    str | None,
    typer.Option(
        "--box",
        metavar="L,T,R,B",
        help="Search only for this part of the picture: left, top, right, bottom as shares of its size, "
        "such as 0.1,0.2,0.5,0.6.",
    ),
]
ExcludeImages = Annotated[
    list[Path] | None,
    typer.Option(
        "--exclude-image",
        metavar="FILE",
        help="Leave out moments that look like this image; may be repeated. Only with a search by picture.",
    ),
]
LikeBy = Annotated[
    By | None,
    typer.Option(
        "--by",
        help="What --like compares: captions or pictures. Unset: captions, or pictures where nothing is "
        "captioned at that time.",
    ),
]


@dataclass(frozen=True, slots=True)
class PictureOptions:
    """The options as typed."""

    query: str | None
    image: Path | None
    like: str | None
    by: By | None
    box: str | None
    exclude: Sequence[Path]

    @property
    def by_picture(self) -> bool:
        """Whether they ask for a search by picture."""
        return self.image is not None or self.by == "picture" or bool(self.like and self._needs_picture)

    @property
    def _needs_picture(self) -> bool:
        return bool(self.box or self.exclude or self.query is not None)

    def check(self, *, for_model: Sequence[str]) -> None:
        """Refuse options that make no sense together.

        Args:
            for_model: Names of the given options that only a search by captions or by the model has.

        Raises:
            UsageError: they do not.
        """
        if self.image is not None and self.like is not None:
            raise UsageError("A search takes one picture: use either --image or --like.")
        if self.query is None and self.image is None and self.like is None:
            raise UsageError(
                "A search needs a query, --image FILE or --like VIDEO@TIME.",
                hint='For example: footage search "a dog runs"',
            )
        if self.by is not None and self.like is None:
            raise UsageError("--by says what --like compares, and there is no --like.")
        if self.by == "caption" and self._needs_picture:
            raise UsageError(
                "--by caption compares captions, and takes no query, no --box and no --exclude-image.",
                hint="Use --by picture.",
            )
        if not self.by_picture:
            for name, given in (("--box", self.box), ("--exclude-image", self.exclude)):
                if given:
                    raise UsageError(
                        f"{name} is for searches by picture: add --image FILE or --like VIDEO@TIME.",
                        hint="To leave something out of a search by words, write -word or: no cars.",
                    )
        elif for_model:
            raise UsageError(
                f"{' and '.join(for_model)} cannot be used in a search by picture: it asks no video model "
                f"and compares no captions.",
                hint="Leave the option out, or search by words alone.",
            )

    def request(self, *, group: SceneGrouping = "none") -> PictureSearchRequest:
        """The request of a search by picture; ``group`` as that of a search.

        Raises:
            UsageError: the box cannot be read.
        """
        from service.picture_search import PictureSearchRequest, PictureSource

        picture = PictureSource(path=self.image, moment=self.like or "", box=_read_box(self.box))
        return PictureSearchRequest(
            picture=picture,
            words=self.query or "",
            exclude=tuple(PictureSource(path=path) for path in self.exclude),
            group=group,
        )


def _read_box(text: str | None) -> Box | None:
    """A box from "0.1,0.2,0.5,0.6"."""
    if text is None:
        return None
    try:
        left, top, right, bottom = map(float, text.split(","))
    except ValueError as error:
        raise UsageError(
            f"{text!r} is no box.",
            hint="Write left, top, right and bottom as shares of the picture: 0.1,0.2,0.5,0.6.",
        ) from error
    return left, top, right, bottom
