"""Image files: formats, orientation, damage and size, read in a child process."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from footage.core.errors import DecodeError, NotAVideoError, VideoError, VideoNotFoundError
from footage.media import images
from footage.media.annotate import Drawing
from footage.media.containers import image_format, is_image
from footage.media.sandbox import painted_picture, probe, probe_image, read_image

FORMATS = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "bmp": "BMP", "gif": "GIF", "avif": "AVIF"}


def picture(width: int = 60, height: int = 40) -> Image.Image:
    """Red on the left, blue on the right, the top dark."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2, 0] = pixels[:, width // 2 :, 2] = 220
    pixels[: height // 4] //= 4
    return Image.fromarray(pixels)


@pytest.mark.parametrize(("ending", "form"), FORMATS.items())
def test_every_format_is_read_in_a_child(ending: str, form: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{ending}"
    picture().save(path)
    image = read_image(path)
    assert (image.width, image.height, image.form) == (60, 40, form)
    assert image.pixels.shape == (40, 60, 3) and image.pixels.dtype == np.uint8
    assert np.abs(image.pixels[30, 10].astype(int) - (220, 0, 0)).max() < 12
    assert np.abs(image.pixels[30, 50].astype(int) - (0, 0, 220)).max() < 12
    video = probe_image(path)
    assert video.is_image and (video.width, video.height, video.duration_seconds) == (60, 40, 0)


def test_the_name_of_a_file_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    picture().save(path, "PNG")
    assert is_image(path) and read_image(path).form == "PNG"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_images_are_turned_upright(orientation: int, form: str, tmp_path: Path) -> None:
    upright = picture()
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Transpose that a camera held so would have applied
    stored = upright.transpose(Image.Transpose(back[orientation])) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "turned"
    stored.save(path, form, exif=exif)
    image = read_image(path)
    assert (image.width, image.height) == (60, 40)
    assert np.abs(image.pixels.astype(int) - np.asarray(upright)).mean() < 4


def test_large_images_are_scaled_down_and_keep_their_size_in_points(tmp_path: Path) -> None:
    path = tmp_path / "wide.jpg"
    picture(6000, 300).save(path)
    image = read_image(path)
    assert (image.width, image.height) == (6000, 300)
    assert max(image.pixels.shape) <= images.MOST_SIDE and image.pixels.shape[1] > 2000
    assert image.pixels.shape[1] / image.pixels.shape[0] == pytest.approx(20, rel=0.01)


def test_transparent_parts_are_white_and_palettes_and_grey_are_rgb(tmp_path: Path) -> None:
    clear = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    clear.putpixel((0, 0), (10, 20, 30, 255))
    clear.save(tmp_path / "clear.png")
    pixels = read_image(tmp_path / "clear.png").pixels
    assert pixels[0, 0].tolist() == [10, 20, 30] and pixels[4, 4].tolist() == [255, 255, 255]
    picture().quantize(8).save(tmp_path / "palette.png")
    assert read_image(tmp_path / "palette.png").pixels.shape == (40, 60, 3)
    picture().convert("CMYK").save(tmp_path / "cmyk.jpg")
    assert read_image(tmp_path / "cmyk.jpg").pixels[30, 10, 0] > 150
    ramp = Image.fromarray((np.arange(64 * 64).reshape(64, 64) * 16).astype(np.uint16))
    ramp.save(tmp_path / "deep.png")
    grey = read_image(tmp_path / "deep.png").pixels
    Image.fromarray(np.full((8, 8), 1000, np.uint16)).save(tmp_path / "dark.png")
    assert read_image(tmp_path / "dark.png").pixels.max() == 1000 // 257
    assert grey[0, 0, 0] < 5 and grey[-1, -1, 0] > 250 and abs(int(grey[32, 0, 0]) - 127) < 5


def test_of_an_animation_the_first_picture_counts(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("lime", "red")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=50)
    assert read_image(tmp_path / "a.gif").pixels[4, 4].tolist() == [0, 255, 0]


def png_of(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds no picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_a_huge_image_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_of(60_000, 60_000))
    with pytest.raises(DecodeError, match=r"bomb\.png has 60000x60000 pixels, but at most 134,217,728"):
        read_image(path)


@pytest.mark.parametrize("ending", FORMATS)
def test_a_cut_image_is_one_sentence(ending: str, tmp_path: Path) -> None:
    whole = io.BytesIO()
    Image.effect_noise((200, 200), 90).convert("RGB").save(whole, FORMATS[ending])
    path = tmp_path / f"cut.{ending}"
    path.write_bytes(whole.getvalue()[: len(whole.getvalue()) // 3])
    with pytest.raises(DecodeError, match=rf"^cut\.{ending} cannot be decoded: ") as error:
        read_image(path)
    assert "\n" not in str(error.value) and error.value.hint


def test_what_is_no_image_that_is_read_says_so(tmp_path: Path) -> None:
    heic = tmp_path / "phone.heic"
    heic.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(500))
    with pytest.raises(NotAVideoError, match=r"phone\.heic is a HEIF image, which cannot be read") as error:
        probe_image(heic)
    assert "JPEG" in error.value.hint and is_image(heic)
    (tmp_path / "words.jpg").write_bytes(b"no image")
    with pytest.raises(NotAVideoError, match=r"words\.jpg is no image"):
        read_image(tmp_path / "words.jpg")
    with pytest.raises(VideoNotFoundError, match=r"gone\.jpg does not exist"):
        read_image(tmp_path / "gone.jpg")
    assert not is_image(tmp_path / "gone.jpg") and not is_image(tmp_path)
    picture().save(tmp_path / "a.png")
    with pytest.raises(NotAVideoError, match="is a PNG image, not a video"):
        probe(tmp_path / "a.png")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ending=st.sampled_from(sorted(FORMATS)),
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=8),
)
def test_a_damaged_image_is_read_or_refused(
    ending: str, changes: list[tuple[float, int]], tmp_path: Path
) -> None:
    buffer = io.BytesIO()
    picture().save(buffer, FORMATS[ending])
    data = bytearray(buffer.getvalue())
    for place, value in changes:
        data[int(place * (len(data) - 1))] = value
    path = tmp_path / f"damaged.{ending}"
    path.write_bytes(data)
    try:
        assert images.read_image(path).pixels.ndim == 3
    except VideoError as error:
        assert str(error).startswith("damaged.")


def test_first_bytes_name_a_format_or_none() -> None:
    assert image_format(b"") == image_format(b"\0\0\0\x18ftypisom") == ""
    assert image_format(b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf") == "AVIF"


def test_points_are_drawn_onto_an_image(tmp_path: Path) -> None:
    picture(600, 400).save(tmp_path / "a.png")
    from footage.core.types import Point

    drawn = painted_picture(
        tmp_path / "a.png", 0.0, Drawing([[Point(0.0, 1, 300.0, 200.0)]], width=600, height=400)
    )
    plain = read_image(tmp_path / "a.png").pixels
    changed = np.argwhere((drawn != plain).any(axis=2))
    assert len(changed) and np.abs(changed.mean(axis=0) - (200, 300)).max() < 30
