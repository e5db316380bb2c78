"""Where in the vector space pictures and sentences shall lie: a sum of a direction for each thing they show.

A contrast between pictures and sentences alone has to find such a space first, which takes most of a short
training. Everything drawn is known, so the space can be given: each kind in each colour has a direction of
its own, so that a red car beside a blue dog lies elsewhere than a blue car beside a red dog.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from demo_training.pictures import FORMS, Picture
from demo_training.sentences import NEAR, PERSONS, Said
from footage.synthetic import clips

_COLOURS = len(clips.COLOURS)
_WHERE, _SCENE, _POSE = 0.5, 0.3, 0.6
"""Lengths of what a place in the frame, a part of the scene and a jump add to a thing of length 1."""
_SCENES = (len(clips.BACKDROPS), len(clips.LIGHTS), len(clips.PROPS))


class Codes:
    """Fixed directions: orthogonal for things, scenes and nothing; random beside these for places."""

    def __init__(self, dimension: int, seed: int = 0) -> None:
        rng = np.random.default_rng([seed, 0xC0DE])
        things = len(clips.KINDS) * _COLOURS
        whole = things + sum(_SCENES) + 2 + 1
        if whole + 32 > dimension:
            raise ValueError(f"{whole} directions and places do not fit into {dimension} dimensions")
        basis = np.linalg.qr(rng.normal(size=(dimension, dimension)))[0].T
        self._things = basis[:things].reshape(len(clips.KINDS), _COLOURS, dimension)
        self._scenes = np.split(basis[things : things + sum(_SCENES)], np.cumsum(_SCENES)[:-1])
        self._empty, self._never, self._jump = basis[whole - 3 : whole]
        rest = basis[whole:]
        wheres = rng.normal(size=(len(clips.KINDS), _COLOURS, 5, len(rest))) @ rest
        self._wheres = wheres / np.linalg.norm(wheres, axis=-1, keepdims=True)

    def _kind(self, form: int) -> int:
        return clips.KINDS.index("person" if form in PERSONS else FORMS[form])

    def _thing(self, form: int, colour: int, where: int) -> np.ndarray:
        """The code of a thing; -1 for any colour or form, -2 for a person in any pose."""
        kinds = (
            range(len(clips.KINDS))
            if form == -1
            else [clips.KINDS.index("person") if form == -2 else self._kind(form)]
        )
        colours = range(_COLOURS) if colour == -1 else [colour]
        code = sum(self._things[kind, tone] for kind in kinds for tone in colours)
        code = code / np.linalg.norm(code)
        if where >= 0:
            places = sum(self._wheres[kind, tone, where] for kind in kinds for tone in colours)
            code = code + _WHERE * places / np.linalg.norm(places)
        return code + _POSE * self._jump if form == FORMS.index("jumper") else code

    def _scene(self, scene: tuple[int, int, int]) -> np.ndarray:
        parts = [table[index] for table, index in zip(self._scenes, scene, strict=True) if index >= 0]
        return sum(parts) if parts else np.zeros_like(self._empty)

    def of_pictures(self, pictures: Sequence[Picture]) -> np.ndarray:
        """Unit vectors, float32 (pictures, dimension); what is seen in part counts half."""
        rows = []
        for picture in pictures:
            code = _SCENE * self._scene(picture.scene)
            for thing in picture.things:
                code = code + (1.0 if thing.clear else 0.5) * self._thing(
                    thing.form, thing.colour, thing.where
                )
            rows.append(code if picture.things else code + 0.5 * self._empty)
        return _units(rows)

    def of_sentences(self, said: Sequence[Said]) -> np.ndarray:
        """Unit vectors, float32 (sentences, dimension)."""
        rows = []
        for one in said:
            code = (_SCENE if one.things else 1.0) * self._scene(one.scene)
            for thing in one.things:
                code = code + self._thing(*thing)
            if one.truth < 1:
                share = 0.75 if one.truth > NEAR else one.truth  # of the code; the rest says "not known"
                code = share * code + (1 - share) * 1.5 * self._never
            rows.append(code)
        return _units(rows)


def _units(rows: Sequence[np.ndarray]) -> np.ndarray:
    vectors = np.stack(rows)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
