"""Writes words as they sound, or as they look to a text recogniser; pure, knows no index.

A speech recogniser that does not know what it heard writes other words that sound alike: "train to Oxford"
becomes "trained talks for". So words are compared as rows of sounds, across the gaps between them. The
sounds are coarse, and read from English spelling: three vowels, and about a dozen consonants.
"""

from __future__ import annotations

import re
from functools import lru_cache

from search.words.tokens import spoken_number

VOWELS = frozenset("AEO")
"""The sounds of vowels; those in a row are one."""
_LONGEST_NUMBER = 12
_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in (
        (r"^(?:kn|gn|pn)", "n"),
        (r"^wr", "r"),
        (r"^ps", "s"),
        (r"^who", "ho"),
        (r"^wh", "w"),
        (r"mb$", "m"),
        (r"tch|sch|ch|sh|zh|(?<=.)t(?=i[ao])|(?<=.)s?si(?=on)|(?<=.)ci(?=[ao])", "X"),
        (r"dge?|j", "X"),
        (r"g(?=[eiy])", "X"),
        (r"ph", "f"),
        (r"th", "0"),
        (r"eigh", "ay"),
        (r"(?<=[aeiou])gh(?=t|$)", ""),
        (r"gh", "g"),
        (r"ck|q", "k"),
        (r"x", "ks"),
        (r"c(?=[eiy])", "s"),
        (r"c", "k"),
        (r"(?<=[a-z])re$", "er"),
        (r"(?<=..)e$", ""),
        (r"[ou]?[wh](?![aeiouy])", "o"),
        (r"h", ""),
        (r"(?<=[a-z0X])y(?=[aeiou])|^y(?=[aeiou])", ""),
        (r"(?<![aeiouy])a[aeiouy]*", "A"),
        (r"(?<![aeiouy])[eiy][aeiouy]*", "E"),
        (r"(?<![aeiouy])[ou][aeiouy]*", "O"),
        (r"(.)\1+", r"\1"),
    )
)


@lru_cache(maxsize=100_000)
def sounds_of(word: str) -> str:
    """The sounds of a folded word, one letter each; what is not written in a to z stays as it is."""
    if word.isdecimal() and len(word) <= _LONGEST_NUMBER:
        return "".join(sounds_of(each) for each in spoken_number(int(word)).split())
    if not (word.isascii() and word.isalpha()):
        return word
    for pattern, sound in _RULES:
        word = pattern.sub(sound, word)
    return word


def unlikeness(one: str, other: str) -> float:
    """How different two sounds are, 0 to 1."""
    return 0.0 if one == other else _UNLIKENESS.get(frozenset((one, other)), 1.0)


_UNLIKENESS = {
    **{frozenset(pair): 0.25 for pair in ("bp", "dt", "gk", "vf", "zs")},
    **{frozenset(pair): 0.5 for pair in ("mn", "rl", "sX", "zX", "s0", "f0", "v0", "t0", "d0", "tX", "kX")},
    **{frozenset(pair): 0.5 for pair in ("AE", "AO", "EO", "wv", "wf", "pf", "bv")},
}
"""Sounds that are taken for each other, and how different they are."""
