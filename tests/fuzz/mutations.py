"""Damages video files on purpose, the same way for the same number; opens none of them."""

from __future__ import annotations

import random

INTERESTING = (0, 1, 2, 7, 8, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
BOXES = (
    *(b"ftyp", b"moov", b"mvhd", b"trak", b"tkhd", b"elst", b"mdhd", b"hdlr", b"stbl", b"stsd", b"avc1"),
    *(b"avcC", b"mp4a", b"esds", b"stts", b"ctts", b"stss", b"stsc", b"stsz", b"stco", b"moof", b"tfhd"),
    *(b"trun", b"mdat", b"colr", b"pasp", b"btrt", b"avih", b"strh", b"strf", b"idx1", b"movi", b"JUNK"),
    *(b"\x1aE\xdf\xa3", b"\x18S\x80g", b"\x15I\xa9f", b"\x16T\xaek", b"\x1fC\xb6u", b"\x1cS\xbbk", b"\xb0"),
)
"""What stands before sizes, counts and lengths: boxes of MP4 and AVI, elements of Matroska."""


def mutated(data: bytes, seed: str) -> bytes:
    """A damaged copy: one to three kinds of damage, chosen by the seed."""
    rng = random.Random(seed)
    damaged = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        rng.choice(KINDS)(damaged, rng)
    return bytes(damaged)


def flip_bits(data: bytearray, rng: random.Random) -> None:
    """Some bits, anywhere or in the first kilobyte alone."""
    reach = min(len(data), rng.choice((1024, len(data))))
    for _ in range(rng.randint(1, 64) if reach else 0):
        data[rng.randrange(reach)] ^= 1 << rng.randrange(8)


def cut_off(data: bytearray, rng: random.Random) -> None:
    """The end, or the beginning behind the signature."""
    at = rng.randrange(1 + len(data))
    if rng.random() < 0.8:
        del data[at:]
    else:
        del data[12:at]


def move_chunks(data: bytearray, rng: random.Random) -> None:
    """Pieces are swapped, repeated or left out."""
    for _ in range(rng.randint(1, 4)):
        size = rng.choice((16, 188, 512, 4096))
        source, target = (rng.randrange(1 + max(0, len(data) - size)) for _ in range(2))
        piece = bytes(data[source : source + size])
        kind = rng.randrange(3)
        if kind == 0:
            data[target : target + size] = piece
        elif kind == 1:
            data[target:target] = piece
        else:
            del data[source : source + size]


def lie_about_sizes(data: bytearray, rng: random.Random) -> None:
    """The size before the name of a box."""
    at = _place_of_a_box(data, rng)
    if at >= 4:
        data[at - 4 : at] = rng.choice(INTERESTING).to_bytes(4)


def lie_in_headers(data: bytearray, rng: random.Random) -> None:
    """Numbers behind the name of a box: widths, rates, counts, lengths, offsets."""
    at = _place_of_a_box(data, rng)
    for _ in range(rng.randint(1, 6)):
        place, width = at + 4 + rng.randrange(96), rng.choice((1, 2, 4))
        value = rng.choice((*INTERESTING, rng.getrandbits(32))) & ((1 << 8 * width) - 1)
        data[place : place + width] = value.to_bytes(width, rng.choice(("big", "little")))


KINDS = (flip_bits, cut_off, move_chunks, lie_about_sizes, lie_in_headers)


def _place_of_a_box(data: bytearray, rng: random.Random) -> int:
    """Where the name of some box is; anywhere in a file that has none."""
    places = [at for name in BOXES if (at := data.find(name)) >= 0]
    return rng.choice(places) if places else rng.randrange(1 + len(data))
