"""Sentences about drawn pictures, and which picture each is true of; knows the drawing's words, no model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from demo_training.pictures import FORMS, Picture
from footage.synthetic import clips
from footage.synthetic.paraphrases import reword

WHERES: tuple[str, ...] = (*clips.DIRECTIONS, *clips.PLACES)
_KIND_OF = tuple("person" if form == "jumper" else form for form in FORMS)
_VERB_OF = tuple("jumps" if form == "jumper" else {**clips.STAYERS, **clips.CROSSERS}[form] for form in FORMS)
PERSONS = (FORMS.index("person"), FORMS.index("jumper"))
NEAR = 0.3
"""How true a sentence is where only the direction or the place is wrong, or its noun is not known."""
STRANGE_VERB = 0.7
"""How true a sentence is where a word that is neither noun nor colour is not known."""

ELSEWHERE: tuple[str, ...] = tuple((Path(__file__).parent / "nouns.txt").read_text().split())
"""Nouns of what is never drawn; those of the absent queries of ``clips.ground_truth`` are left out."""
_OTHER_COLOURS = ("black", "brown", "orange", "pink", "grey", "golden", "silver", "turquoise", "beige")
_OTHER_DOINGS = (
    "flies over the sea", "climbs a ladder", "reads a newspaper", "swims in the lake", "is cooked",
    "sleeps on a sofa", "eats an apple", "dances in the rain", "rides a bicycle", "opens a door",
    "burns", "falls from the sky", "crosses a bridge", "waits for a train", "drinks from a bottle",
    "shakes hands", "kicks a door", "throws a stone", "paints a wall", "is washed", "sings on a stage",
)  # fmt: skip
_SCENE_WORDS = {
    "street": ("street", "street", "road", "city street"),
    "park": ("park", "park", "lawn", "meadow"),
    "beach": ("beach", "beach", "shore", "seaside"),
    "yard": ("yard", "yard", "back yard", "courtyard"),
}
_LIGHT_WORDS = {
    "day": ("by day", "in daylight", "during the day"),
    "dusk": ("at dusk", "at dusk", "in the evening", "at night"),
}


@dataclass(frozen=True)
class Said:
    """A sentence and what has to be seen for it to be true."""

    text: str
    """As somebody might ask."""
    things: tuple[tuple[int, int, int], ...] = ()
    """Form, colour and place of each thing, -1 for any; form -2 for a person in any pose."""
    scene: tuple[int, int, int] = (-1, -1, -1)
    """Backdrop, light and prop, -1 for any."""
    truth: float = 1.0
    """What it counts for where all that is seen: 0 for what is never drawn, NEAR for unknown words."""


def _one(rng: np.random.Generator, options: Sequence[str]) -> str:
    return options[int(rng.integers(len(options)))]


def _article(rng: np.random.Generator, words: str) -> str:
    return f"{_one(rng, ('a', 'a', 'the', ''))} {words}".strip()


def _short(rng: np.random.Generator, form: int, colour: int) -> Said:
    """A thing without what it does, or only a part of its description."""
    kind, name = _KIND_OF[form], clips.COLOURS[colour]
    noun = reword(kind, name, _VERB_OF[form], WHERES[0] if form < 3 else WHERES[2], rng, half=1).split()
    plain = kind if rng.random() < 0.6 else next((w for w in noun if w in _NOUNS), kind)
    any_form = -2 if kind == "person" else form
    pick = rng.random()
    if pick < 0.55:
        return Said(_article(rng, f"{name} {plain}"), ((any_form, colour, -1),))
    if pick < 0.75:
        return Said(_article(rng, plain), ((any_form, -1, -1),))
    if pick < 0.9:
        thing = _one(rng, ("something {}", "a {} thing", "a {} object", "{}"))
        return Said(thing.format(name), ((-1, colour, -1),))
    return Said(
        f"{_one(rng, ('a photo of', 'a picture of', 'find'))} a {name} {plain}", ((any_form, colour, -1),)
    )


_NOUNS = frozenset(
    (
        *("car", "automobile", "vehicle", "person", "somebody", "someone", "man", "pedestrian"),
        *("dog", "hound", "ball", "box", "crate", "light", "lamp"),
    )
)
_KEPT = frozenset(("a", "an", "the", "in", "on", "at", "and", "of", "with", "dressed", *clips.COLOURS))


def about_thing(rng: np.random.Generator, form: int, colour: int, where: int) -> Said:
    """A sentence about one thing; ``where`` is -1 where the picture does not show it."""
    if where < 0 or rng.random() < 0.3:
        return _short(rng, form, colour)
    kind, name, verb = _KIND_OF[form], clips.COLOURS[colour], _VERB_OF[form]
    if rng.random() < 0.35:
        text = f"A {name} {kind} {verb} {WHERES[where]}."
        if rng.random() < 0.3:
            text = text[:-1].lower()
    else:
        text = reword(kind, name, verb, WHERES[where], rng)
    return Said(text, ((form, colour, where),))


def about_scene(rng: np.random.Generator, scene: tuple[int, int, int]) -> Said:
    """A sentence about the place alone."""
    backdrop, light, prop = (clips.BACKDROPS[scene[0]], clips.LIGHTS[scene[1]], clips.PROPS[scene[2]])
    pick = rng.random()
    place = _one(rng, _SCENE_WORDS[backdrop])
    if pick < 0.3:
        return Said(_article(rng, place), (), (scene[0], -1, -1))
    if pick < 0.5:
        return Said(f"{_article(rng, place)} {_one(rng, _LIGHT_WORDS[light])}", (), (scene[0], scene[1], -1))
    if pick < 0.7:
        return Said(f"{_article(rng, place)} with a {prop}", (), (scene[0], -1, scene[2]))
    if pick < 0.8:
        return Said(_article(rng, prop), (), (-1, -1, scene[2]))
    if pick < 0.85:
        return Said(_one(rng, _LIGHT_WORDS[light]), (), (-1, scene[1], -1))
    dusk = " at dusk" if light == "dusk" else ""
    return Said(f"A {backdrop}{dusk} with a {prop}.", (), (scene[0], scene[1] if dusk else -1, scene[2]))


def with_scene(rng: np.random.Generator, said: Said, scene: tuple[int, int, int]) -> Said:
    """The sentence with the place, or the light, added."""
    text = said.text.rstrip(".")
    if rng.random() < 0.6:
        place = f"{_one(rng, ('in', 'in', 'on', 'at'))} {_one(rng, ('a', 'the'))} "
        return Said(
            text + " " + place + _one(rng, _SCENE_WORDS[clips.BACKDROPS[scene[0]]]),
            said.things,
            (scene[0], -1, -1),
        )
    return Said(text + " " + _one(rng, _LIGHT_WORDS[clips.LIGHTS[scene[1]]]), said.things, (-1, scene[1], -1))


def never(rng: np.random.Generator) -> Said:
    """A sentence about what is never drawn."""
    noun = _one(rng, ELSEWHERE)
    pick = rng.random()
    if pick < 0.35:
        text = f"a {_one(rng, clips.COLOURS)} {noun}"
    elif pick < 0.5:
        text = f"{_article(rng, noun)} {_one(rng, _OTHER_DOINGS)}"
    elif pick < 0.65:
        kind = _one(rng, clips.KINDS)
        text = f"a {_one(rng, clips.COLOURS)} {kind} {_one(rng, _OTHER_DOINGS)}"
    elif pick < 0.8:
        text = f"a {_one(rng, _OTHER_COLOURS)} {_one(rng, (*clips.KINDS, 'man', 'vehicle'))}"
    else:
        verb = _one(rng, ("runs", "walks", "drives", "jumps", "bounces", "sits", "blinks", "stands", "moves"))
        text = f"a {_one(rng, (*clips.COLOURS, 'small', 'big', 'old'))} {noun} {verb} {_one(rng, WHERES)}"
    return Said(text[0].upper() + text[1:] + "." if rng.random() < 0.3 else text, truth=0.0)


def unknown(rng: np.random.Generator, said: Said) -> Said | None:
    """The sentence with a word replaced by letters; without its noun it is NEAR the truth."""
    words = said.text.split()
    at = [n for n, word in enumerate(words) if word.strip(".").lower() not in _KEPT]
    if not at:
        return None
    nouns = [n for n in at if words[n].strip(".").lower() in _NOUNS]
    place = nouns[0] if len(nouns) == 1 and rng.random() < 0.6 else at[int(rng.integers(len(at)))]
    truth = NEAR if place in nouns else STRANGE_VERB
    word = "".join(_one(rng, "bcdfghklmnprst" if n % 2 else "aeiou") for n in range(int(rng.integers(4, 9))))
    words[place] = word + _one(rng, ("", "s", "er", "y", "ing", "es"))
    return Said(" ".join(words), said.things, said.scene, truth)


def hard_negative(
    rng: np.random.Generator, thing: tuple[int, int, int], others: Sequence[tuple[int, int, int]]
) -> tuple[int, int, int]:
    """A thing that differs from one in the picture in one respect; often it takes what another one has."""
    form, colour, where = thing
    pick = rng.random()
    if others and pick < 0.4:
        other = others[int(rng.integers(len(others)))]
        if rng.random() < 0.5:
            return form, other[1], where
        return other[0], colour, other[2]
    if pick < 0.7:
        return form, int(rng.integers(len(clips.COLOURS))), where
    if pick < 0.9:
        new = int(rng.integers(len(FORMS)))
        crosses = new < 3
        keeps = where >= 0 and (where < 2) == crosses
        return (
            new,
            colour,
            where if keeps else (int(rng.integers(2)) if crosses else 2 + int(rng.integers(3))),
        )
    if where >= 0:
        return form, colour, int(rng.integers(2)) if where < 2 else 2 + int(rng.integers(3))
    return form, int(rng.integers(len(clips.COLOURS))), where


def sentences_for(rng: np.random.Generator, pictures: Sequence[Picture], *, each: int) -> list[Said]:
    """About ``each`` sentences a picture: what it shows, what it nearly shows, and what nothing shows."""
    said: list[Said] = []
    for picture in pictures:
        things = [(t.form, t.colour, t.where) for t in picture.things if t.clear]
        for _ in range(each):
            pick = rng.random()
            if things and pick < 0.72:
                thing = things[int(rng.integers(len(things)))]
                others = [other for other in things if other != thing]
                if pick > 0.4:
                    thing = hard_negative(rng, thing, others)
                one = about_thing(rng, *thing)
                extra = rng.random()
                if extra < 0.08 and picture.scene[0] >= 0:
                    one = with_scene(rng, one, picture.scene)
                elif extra < 0.16 and others:
                    second = about_thing(rng, others[0][0], others[0][1], -1)
                    one = Said(f"{one.text.rstrip('.')} and {second.text}", one.things + second.things)
                elif extra < 0.24:
                    one = unknown(rng, one) or one
                said.append(one)
            elif pick < 0.88 and picture.scene[0] >= 0:
                said.append(about_scene(rng, picture.scene))
            else:
                said.append(never(rng))
    return said


def truth_table(pictures: Sequence[Picture], said: Sequence[Said]) -> tuple[np.ndarray, np.ndarray]:
    """How true each sentence is of each picture, and which of these are clear.

    Returns:
        float32 and bool arrays of shape (pictures, sentences).
    """
    truth = np.ones((len(pictures), len(said)), np.float32)
    clear = np.ones((len(pictures), len(said)), bool)
    scenes = np.array([picture.scene for picture in pictures])
    wanted = np.array([one.scene for one in said])
    for axis in range(3):
        asked = wanted[None, :, axis] >= 0
        seen = scenes[:, None, axis]
        truth = np.where(asked & (seen != wanted[None, :, axis]), 0.0, truth).astype(np.float32)
        clear &= ~(asked & (seen < 0))
    table = np.full((len(pictures), 3, 4), -9)
    for row, picture in enumerate(pictures):
        for column, thing in enumerate(picture.things[:3]):
            table[row, column] = thing.form, thing.colour, thing.where, int(thing.clear)
    for number, one in enumerate(said):
        for form, colour, where in one.things:
            same = (table[..., 0] == form) | (form == -1) | ((form == -2) & np.isin(table[..., 0], PERSONS))
            same &= (table[..., 1] == colour) | (colour == -1)
            same &= table[..., 0] >= 0
            exact = same & ((table[..., 2] == where) | (where == -1))
            sure = table[..., 3] == 1
            hidden = same & (where >= 0) & (table[..., 2] == -1)  # a crop that does not show where
            value = np.where((exact & sure).any(1), 1.0, np.where((same & sure).any(1), NEAR, 0.0))
            clear[:, number] &= ~(((same & ~sure).any(1)) & (value < 1))
            clear[:, number] &= ~(hidden.any(1) & (value < 1))
            truth[:, number] *= value
        truth[:, number] *= one.truth
    return truth, clear


def build_tokenizer(seed: int = 0) -> PreTrainedTokenizerFast:
    """Whole words of the drawing's language and of ELSEWHERE; every other word is spelled in letters."""
    rng = np.random.default_rng(seed)
    words: dict[str, None] = {}
    texts = [one.text for one in (never(rng) for _ in range(6000))]
    for _ in range(6000):
        form, colour = int(rng.integers(len(FORMS))), int(rng.integers(len(clips.COLOURS)))
        where = int(rng.integers(2)) if form < 3 else 2 + int(rng.integers(3))
        scene = (int(rng.integers(4)), int(rng.integers(2)), int(rng.integers(4)))
        one = about_thing(rng, form, colour, where)
        texts += [one.text, with_scene(rng, one, scene).text, about_scene(rng, scene).text]
    split = pre_tokenizers.Sequence(
        [pre_tokenizers.Whitespace(), pre_tokenizers.Punctuation(behavior="removed")]
    )
    for text in [*texts, *ELSEWHERE]:
        words.update((word, None) for word, _ in split.pre_tokenize_str(text.lower()))
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)] + [str(n) for n in range(10)]
    pieces = ["[PAD]", "[UNK]", "[MASK]", "[CLS]", "[SEP]", *letters, *(f"##{letter}" for letter in letters)]
    pieces += sorted(word for word in words if word not in letters)
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=40))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKD(), normalizers.Lowercase(), normalizers.StripAccents()]
    )
    tokenizer.pre_tokenizer = split
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="[CLS]",
        eos_token="[SEP]",
        pad_token="[PAD]",
        unk_token="[UNK]",
        clean_up_tokenization_spaces=False,
        model_max_length=32,
    )
