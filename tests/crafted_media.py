"""Writes MP4 and Matroska files byte by byte, as no muxer would; knows nothing of the project."""

from __future__ import annotations

import struct

import av
import numpy as np

_UPRIGHT = (0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


def coded(path):
    """Of the video stream of a file, its decoder configuration and its packets."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        packets = [bytes(packet) for packet in container.demux(stream) if packet.size]
        return bytes(stream.codec_context.extradata), packets


def box(kind, *content):
    """A box of an MP4 file."""
    whole = b"".join(content)
    return struct.pack(">I4s", 8 + len(whole), kind) + whole


def _full(kind, *content):
    return box(kind, bytes(4), *content)


def tag(key, value):
    """A box of metadata as QuickTime has it, to put into ``more``."""
    keys = _full(b"keys", struct.pack(">I", 1), box(b"mdta", key))
    item = struct.pack(">II", 24 + len(value), 1) + box(b"data", struct.pack(">II", 1, 0), value)
    return box(b"meta", _full(b"hdlr", bytes(4), b"mdta", bytes(13)), keys, box(b"ilst", item))


def write_mp4(path, extradata, packets, *, ticks, timescale, padding=0, matrix=_UPRIGHT, more=b""):
    """Write H.264 packets, all keyframes, and after them so many of one zero byte each.

    Args:
        path: Where.
        extradata: Decoder configuration.
        packets: What comes first.
        ticks: From each frame to the next.
        timescale: Ticks per second.
        padding: How many packets of one byte follow.
        matrix: Nine numbers that turn the picture.
        more: Boxes to put into the header.
    """
    count = len(packets) + padding
    sizes = np.ones(count, ">u4")
    sizes[: len(packets)] = [len(packet) for packet in packets]
    head = box(b"ftyp", b"qt  ", bytes(4))
    picture = bytes(6) + struct.pack(">H16xHHIIIH32xHh", 1, 64, 48, 0x480000, 0x480000, 0, 1, 24, -1)
    stbl = box(
        b"stbl",
        _full(b"stsd", struct.pack(">I", 1), box(b"avc1", picture, box(b"avcC", extradata))),
        _full(b"stts", struct.pack(">III", 1, count, ticks)),
        _full(b"stsc", struct.pack(">IIII", 1, 1, count, 1)),
        _full(b"stsz", struct.pack(">II", 0, count), sizes.tobytes()),
        _full(b"stco", struct.pack(">II", 1, len(head) + 8)),
    )
    dinf = box(b"dinf", _full(b"dref", struct.pack(">I", 1), box(b"url ", bytes(3), b"\1")))
    media = box(
        b"mdia",
        _full(b"mdhd", struct.pack(">IIIII", 0, 0, timescale, 0, 0)),
        _full(b"hdlr", bytes(4), b"vide", bytes(13)),
        box(b"minf", _full(b"vmhd", bytes(8)), dinf, stbl),
    )
    track = struct.pack(">IIIII16x9iII", 0, 0, 1, 0, 0, *matrix, 64 << 16, 48 << 16)
    movie = struct.pack(">IIIIIH10x9i24xI", 0, 0, timescale, 0, 0x10000, 0x100, *_UPRIGHT, 2)
    header = box(b"moov", _full(b"mvhd", movie), box(b"trak", _full(b"tkhd", track), media), more)
    path.write_bytes(head + box(b"mdat", *packets, bytes(padding)) + header)
    return path


def write_mkv(path, extradata, clusters):
    """Write H.264 packets, all keyframes.

    Args:
        path: Where.
        extradata: Decoder configuration.
        clusters: A time in milliseconds, and the packet that is shown then.
    """

    def element(number, content):
        return bytes.fromhex(number) + (len(content) | 1 << 56).to_bytes(8, "big") + content

    def integer(number, value):
        return element(number, value.to_bytes(8, "big"))

    size = element("e0", integer("b0", 64) + integer("ba", 48))
    codec = element("86", b"V_MPEG4/ISO/AVC") + element("63a2", extradata)
    track = integer("d7", 1) + integer("73c5", 1) + integer("83", 1) + codec + size
    segment = element("1549a966", integer("2ad7b1", 1_000_000)) + element("1654ae6b", element("ae", track))
    for milliseconds, packet in clusters:
        block = element("a3", b"\x81\0\0\x80" + packet)
        segment += element("1f43b675", integer("e7", milliseconds) + block)
    path.write_bytes(element("1a45dfa3", element("4282", b"matroska")) + element("18538067", segment))
    return path
