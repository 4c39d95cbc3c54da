"""Every kind of image file is read rightly, and every kind of broken one is found and named."""

import contextlib
import io
import pickle
import re
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from kerasfast.vision.sources.decoding.decode import ImageError, open_image
from kerasfast.vision.sources.decoding.scanning import scan

ORIENTATION = 0x0112
HEIGHT, WIDTH = 24, 40
NOISE = np.random.default_rng(0).integers(0, 255, (60, 60, 3), np.uint8)


def picture(height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """Smooth, and different in each corner and channel, so that JPEG keeps it and every flip shows."""
    down, right = np.mgrid[0:height, 0:width] / np.array([height, width]).reshape(2, 1, 1)
    return np.stack([200 * right + 30, 200 * down + 30, 100 * right + 20 * down + 60], -1).astype(np.uint8)


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def png_by_hand(samples: np.ndarray, colour_type: int, extra: bytes = b"") -> bytes:
    """A 16-bit PNG, (height, width, channels), which Pillow cannot write."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", samples.shape[1], samples.shape[0], 16, colour_type, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + extra + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def without_adobe_marker(jpeg: bytes) -> bytes:
    start = jpeg.index(b"\xff\xee")
    return jpeg[:start] + jpeg[start + 2 + int.from_bytes(jpeg[start + 2 : start + 4], "big") :]


def oriented(kind: str, orientation: int, **options) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return encoded(Image.fromarray(picture()), kind, exif=exif, **options)


def write(folder, **contents: bytes) -> list[str]:
    names = [name.replace("_", ".") for name in contents]
    for name, content in zip(names, contents.values(), strict=True):
        (folder / name).write_bytes(content)
    return names


def assert_close(received: np.ndarray, expected: np.ndarray, tolerance: float = 0) -> None:
    assert received.dtype == np.uint8
    assert received.shape == expected.shape
    assert np.abs(received.astype(int) - expected.astype(int)).max() <= tolerance


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "JPEG", "WEBP"])
def test_reads_colour_pictures_of_every_kind_from_paths_and_bytes(tmp_path, kind):
    content = encoded(Image.fromarray(picture()), kind, quality=100)
    (tmp_path / "a").write_bytes(content)
    for file in (tmp_path / "a", str(tmp_path / "a"), content):
        received = open_image(file)
        assert_close(received, picture(), 12 if kind in ("JPEG", "WEBP") else 0)
        assert received.flags.writeable


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG"])
def test_grey_is_repeated_in_all_channels(kind):
    grey = picture()[..., 0]
    received = open_image(encoded(Image.fromarray(grey), kind, quality=100))
    assert_close(received, np.repeat(grey[..., None], 3, -1), 3 if kind == "JPEG" else 0)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_laid_over_white(mode):
    alpha = np.zeros((HEIGHT, WIDTH), np.uint8)
    alpha[:, 10:], alpha[:, 20:] = 128, 255
    image = Image.fromarray(picture()).convert("L" if mode == "LA" else "RGB")
    opaque = np.asarray(image.convert("RGB")).astype(float)
    image.putalpha(Image.fromarray(alpha))
    share = alpha[..., None] / 255
    assert_close(open_image(encoded(image, "PNG")), (opaque * share + 255 * (1 - share)).round().astype(np.uint8), 1)


def test_palette_pictures_with_and_without_transparency():
    image = Image.new("P", (3, 1))
    image.putpalette([250, 0, 0, 0, 200, 0, 0, 0, 150])
    image.putdata([0, 1, 2])
    assert_close(open_image(encoded(image, "PNG")), np.array([[[250, 0, 0], [0, 200, 0], [0, 0, 150]]], np.uint8))
    one = open_image(encoded(image, "PNG", transparency=1))
    assert_close(one, np.array([[[250, 0, 0], [255, 255, 255], [0, 0, 150]]], np.uint8))
    many = open_image(encoded(image, "PNG", transparency=bytes([0, 255, 255])))
    assert_close(many, np.array([[[255, 255, 255], [0, 200, 0], [0, 0, 150]]], np.uint8))
    assert_close(open_image(encoded(image, "GIF", transparency=1)), one)


def test_a_transparent_colour_key_shows_white():
    image = Image.new("RGB", (2, 1), (10, 20, 30))
    image.putpixel((1, 0), (40, 50, 60))
    received = open_image(encoded(image, "PNG", transparency=(10, 20, 30)))
    assert_close(received, np.array([[[255, 255, 255], [40, 50, 60]]], np.uint8))


def test_one_bit_pictures_are_black_and_white():
    bits = picture()[..., 0] > 120
    expected = np.repeat((bits * 255).astype(np.uint8)[..., None], 3, -1)
    assert_close(open_image(encoded(Image.fromarray(bits), "PNG")), expected)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_sixteen_bit_grey_is_scaled_not_clipped(kind):
    deep = np.array([[0, 255, 257, 25700, 65535]], np.uint16)
    expected = np.repeat(np.array([[[0], [1], [1], [100], [255]]], np.uint8), 3, -1)
    written = deep.astype(np.int32) if kind == "PPM" else deep  # Pillow 10 writes no PPM of "I;16"
    assert_close(open_image(encoded(Image.fromarray(written), kind)), expected)


def test_big_endian_sixteen_bit_tiff_is_scaled():
    entries = [(256, 3, 2), (257, 3, 1), (258, 3, 16), (259, 3, 1), (262, 3, 1), (273, 4, 8), (278, 3, 1), (279, 4, 4)]
    fields = b"".join(
        struct.pack(">HHI", tag, kind, 1) + (struct.pack(">HH", value, 0) if kind == 3 else struct.pack(">I", value))
        for tag, kind, value in entries
    )
    tiff = b"MM\0*" + struct.pack(">IHH", 12, 25700, 65535) + struct.pack(">H", len(entries)) + fields + bytes(4)
    assert Image.open(io.BytesIO(tiff)).mode == "I;16B"
    assert_close(open_image(tiff), np.array([[[100] * 3, [255] * 3]], np.uint8))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0.0, 0.5, 1.0]], np.float32), [0, 128, 255]),
        (np.array([[0.0, 100.0, 255.0]], np.float32), [0, 100, 255]),
        (np.array([[0.0, 25700.0, 60000.0]], np.float32), [0, 100, 233]),
        (np.array([[-2.0, 0.0, 2.0]], np.float32), [0, 128, 255]),
        (np.array([[np.nan, 0.5, 1.0]], np.float32), [0, 128, 255]),
        (np.array([[0.0, 0.0, 0.0]], np.float32), [0, 0, 0]),
        (np.array([[-7, -7, -7]], np.int32), [0, 0, 0]),
        (np.array([[0, 100, 255]], np.int32), [0, 100, 255]),
        (np.array([[0, 25700, 65535]], np.int32), [0, 100, 255]),
        (np.array([[0, 500_000, 1_000_000]], np.int32), [0, 128, 255]),
    ],
)
def test_whole_and_floating_point_tiffs_are_scaled_by_the_range_that_holds_them(values, expected):
    received = open_image(encoded(Image.fromarray(values), "TIFF"))
    assert_close(received, np.repeat(np.array(expected, np.uint8)[None, :, None], 3, -1))


@pytest.mark.parametrize(("colour_type", "channels"), [(2, 3), (0, 1)])
def test_sixteen_bit_png_colour_and_grey(colour_type, channels):
    deep = picture()[..., :channels].astype(np.uint16) * 257
    received = open_image(png_by_hand(deep, colour_type))
    assert_close(received, np.repeat(deep >> 8, 3 // channels, -1).astype(np.uint8))


@pytest.mark.parametrize("adobe", [True, False])
def test_four_channel_jpeg_has_the_right_colours_and_is_not_plain(tmp_path, adobe):
    content = encoded(Image.fromarray(picture()).convert("CMYK"), "JPEG", quality=98)
    names = write(tmp_path, a_jpg=content if adobe else without_adobe_marker(content))
    assert_close(open_image(tmp_path / names[0]), picture(), 8)
    found = scan(tmp_path, names)
    assert not found.plain_jpeg[0] and not found.problems


def test_ycck_jpeg_has_the_colours_of_its_inks():
    inks = (200, 100, 50)
    luma_and_chroma = Image.new("RGB", (1, 1), inks).convert("YCbCr").getpixel((0, 0))
    # Pillow stores the complement of what it is given: so these bytes are stored as they are, with no black.
    planes = [Image.new("L", (16, 16), 255 - value) for value in luma_and_chroma] + [Image.new("L", (16, 16), 0)]
    content = encoded(Image.merge("CMYK", planes), "JPEG", quality=100)
    transform = content.index(b"Adobe") + 11
    ycck = content[:transform] + b"\x02" + content[transform + 1 :]
    assert_close(open_image(ycck), np.full((16, 16, 3), [255 - ink for ink in inks], np.uint8), 3)


UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: np.rot90,
}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_exif_orientation_turns_the_picture_and_the_scanned_size(tmp_path, kind, orientation):
    names = write(tmp_path, a_bin=oriented(kind, orientation, quality=100))
    expected = UPRIGHT[orientation](picture())
    assert_close(open_image(tmp_path / names[0]), expected, 12)
    found = scan(tmp_path, names)
    assert (found.height[0], found.width[0]) == expected.shape[:2]
    assert found.plain_jpeg[0] == (kind == "JPEG" and orientation == 1)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("exif", [b"Exif\0\0garbage, no TIFF", b"Exif\0\0II*\0\x08\0\0\0\xff\xff", b"Exif\0\0"])
def test_a_damaged_exif_block_does_not_make_the_picture_unreadable(tmp_path, exif):
    names = write(tmp_path, a_jpg=encoded(Image.fromarray(picture()), "JPEG", quality=100, exif=exif))
    assert_close(open_image(tmp_path / names[0]), picture(), 12)
    assert not scan(tmp_path, names).problems


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF", "PNG", "MPO"])
def test_the_first_frame_of_an_animation_is_taken(kind):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ((200, 0, 0), (0, 0, 200))]
    lossless = {"lossless": True} if kind == "WEBP" else {}
    content = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **lossless)
    assert_close(open_image(content), np.full((8, 8, 3), (200, 0, 0), np.uint8), 2 if kind == "MPO" else 0)


def test_scan_reads_sizes_in_the_order_of_the_files(tmp_path):
    sizes = [(10 + index, 200 - index) for index in range(150)]
    names = [f"{index}.jpg" for index in range(150)]
    for name, size in zip(names, sizes, strict=True):
        Image.new("RGB" if size[0] % 2 else "L", size).save(tmp_path / name)
    found = scan(tmp_path, names, workers=3)
    assert list(zip(found.width.tolist(), found.height.tolist(), strict=True)) == sizes
    assert found.width.dtype == found.height.dtype == np.int32
    assert found.plain_jpeg.all() and not found.problems


def broken_files() -> dict[str, bytes]:
    noise = Image.fromarray(NOISE)
    thumbnail = b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0" + encoded(Image.new("RGB", (8, 8)), "JPEG")
    kinds = {kind: encoded(noise, kind) for kind in ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM")}
    broken = {f"cut_{kind.lower()}": content[: len(content) * 2 // 3] for kind, content in kinds.items()}
    jpeg = encoded(noise, "JPEG", exif=thumbnail)
    broken["thumbnail_jpg"] = jpeg[: jpeg.rindex(b"\xff\xda") + 200]
    broken["headonly_jpg"] = kinds["JPEG"][:100]
    broken["empty_jpg"] = b""
    broken["page_jpg"] = b"<!DOCTYPE html><html></html>"
    return broken


def test_scan_finds_missing_empty_foreign_and_truncated_files_and_keeps_the_good_ones(tmp_path):
    broken = broken_files()
    names = write(tmp_path, good_png=encoded(Image.new("RGB", (7, 5)), "PNG"), **broken)
    (tmp_path / "folder.jpg").mkdir()
    names += ["missing.jpg", "folder.jpg"]
    found = scan(tmp_path, names)
    assert list(found.problems) == names[1:]
    assert (found.width[0], found.height[0]) == (7, 5)
    assert not found.width[1:].any() and not found.plain_jpeg.any()
    assert found.problems["missing.jpg"] == "does not exist"
    assert found.problems["folder.jpg"] == "is a folder"
    assert found.problems["empty.jpg"] == "is empty"
    assert "<!DOCTYPE" in found.problems["page.jpg"]


@pytest.mark.parametrize("name", broken_files())
def test_opening_a_broken_file_names_it(tmp_path, name):
    path = tmp_path / write(tmp_path, **{name: broken_files()[name]})[0]
    with pytest.raises(ImageError, match=re.escape(str(path))) as caught:
        open_image(path)
    assert list(caught.value.problems) == [str(path)]


def test_what_follows_the_end_of_a_picture_is_no_problem(tmp_path):
    kinds = ("JPEG", "PNG", "GIF", "BMP", "WEBP")
    contents = {kind.lower(): encoded(Image.fromarray(picture()), kind) for kind in kinds}
    names = write(tmp_path, **{f"{kind}_short": content + b"\0" * 100 for kind, content in contents.items()})
    names += write(tmp_path, **{f"{kind}_long": content + b"trailer" * 1000 for kind, content in contents.items()})
    found = scan(tmp_path, names)
    assert not found.problems
    assert set(found.width) == {WIDTH}


def test_a_picture_with_too_many_pixels_is_a_problem_before_it_is_decoded(tmp_path, monkeypatch):
    names = write(tmp_path, a_jpg=encoded(Image.new("RGB", (50, 50)), "JPEG"))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert "too large" in scan(tmp_path, names).problems["a.jpg"]


def test_a_full_scan_finds_damage_in_the_middle(tmp_path):
    png, jpeg = (bytearray(encoded(Image.fromarray(NOISE), kind)) for kind in ("PNG", "JPEG"))
    png[len(png) // 2] ^= 255
    jpeg[len(jpeg) // 2 : len(jpeg) // 2 + 80] = b"\xff\xc0\xff\xda" * 20
    good = encoded(Image.fromarray(picture()), "JPEG")
    names = write(tmp_path, good_jpg=good, bad_png=bytes(png), bad_jpg=bytes(jpeg))
    assert not scan(tmp_path, names).problems
    found = scan(tmp_path, names, full=True)
    assert list(found.problems) == ["bad.png", "bad.jpg"]
    assert found.plain_jpeg.tolist() == [True, False, False] and found.width[0] == WIDTH


def test_take_keeps_order_and_the_problems_of_what_is_taken(tmp_path):
    first, last = (encoded(Image.new("L", size), "PNG") for size in ((1, 2), (3, 4)))
    names = write(tmp_path, a_png=first, b_png=b"", c_png=last)
    found = scan(tmp_path, [*names, "d.png"])
    taken = found.take(np.array([2, 0, 1]))
    assert taken.width.tolist() == [3, 1, 0] and taken.height.tolist() == [4, 2, 0]
    assert list(taken.problems) == ["b.png"] and taken.files == ("c.png", "a.png", "b.png")
    assert found.take(found.width > 0).files == ("a.png", "c.png")
    assert len(found.take([]).width) == len(scan(tmp_path, []).height) == 0


def test_workers_must_be_positive(tmp_path):
    with pytest.raises(ValueError, match="received 0"):
        scan(tmp_path, [], workers=0)


def test_the_error_counts_all_shows_twenty_advises_and_pickles():
    error = ImageError({f"{index:02}.jpg": "is empty" for index in range(25)})
    message = str(error)
    assert message.startswith("25 image files") and "19.jpg: is empty" in message and "20.jpg" not in message
    assert "5 more" in message and 'on_error="skip"' in message
    assert pickle.loads(pickle.dumps(error)).problems == error.problems
    assert str(ImageError({"a": "is empty"})).startswith("1 image file cannot")


def test_planet_pictures_are_four_channel_and_not_black(data_dir):
    folder = data_dir / "planet" / "train-jpg"
    names = sorted(path.name for path in folder.iterdir())
    found = scan(folder, names)
    assert not found.plain_jpeg.any() and not found.problems
    for name in names[:5]:
        assert_close(open_image(folder / name), np.asarray(Image.open(folder / name).convert("RGB")))
        assert open_image(folder / name).mean() > 10


def test_dogscats_are_plain_and_agree_with_tensorflow(data_dir):
    tf = pytest.importorskip("tensorflow")
    folder = data_dir / "dogscats" / "valid" / "cats"
    names = sorted(path.name for path in folder.iterdir())
    found = scan(folder, names)
    assert found.plain_jpeg.all() and not found.problems
    for index in range(4):
        content, received = (folder / names[index]).read_bytes(), open_image(folder / names[index])
        assert received.shape == (found.height[index], found.width[index], 3)
        exact = tf.io.decode_jpeg(content, channels=3, dct_method="INTEGER_ACCURATE").numpy()
        assert_close(received, exact, 2)
        # TensorFlow's default transform is a faster and rougher one.
        assert_close(received, tf.io.decode_jpeg(content, channels=3).numpy(), 6)


@pytest.mark.parametrize(
    ("start", "name"),
    [(b"%!PS-Adobe-3.0 EPSF-3.0\n", "EPS"), (b"8BPS\x00\x01", "PSD"), (b"\x00\x00\x01\x00\x01\x00", "ICO")],
)
def test_other_formats_are_refused_by_name_and_never_handed_to_pillow(tmp_path, monkeypatch, start, name):
    Image.init()
    monkeypatch.setitem(Image.OPEN, name, (lambda *_: pytest.fail("opened"), Image.OPEN[name][1]))
    (tmp_path / "a.jpg").write_bytes(start + bytes(300))
    with pytest.raises(ImageError, match=f"a.jpg: is a picture of the format {name}, which is not read; convert it"):
        open_image(tmp_path / "a.jpg")
    assert list(scan(tmp_path, ["a.jpg"]).problems) == ["a.jpg"]


def test_pictures_above_the_limit_are_refused_by_name_before_they_are_decoded(tmp_path):
    small = encoded(Image.new("RGB", (1, 1)), "PNG")
    header = b"IHDR" + (40_000).to_bytes(4, "big") * 2 + small[24:29]
    (tmp_path / "bomb.png").write_bytes(small[:12] + header + zlib.crc32(header).to_bytes(4, "big") + small[33:])
    for full in (False, True):
        problems = scan(tmp_path, ["bomb.png"], full=full).problems
        assert "is too large" in problems["bomb.png"] and "1600000000 pixels" in problems["bomb.png"]


def test_png_pixels_that_are_not_those_of_their_checksum_are_refused(tmp_path):
    """Pillow shows other colours without a word where some damage ends the compressed rows early."""
    noise = np.random.default_rng(0).integers(0, 40, (40, 52, 3))
    pixels = np.clip(np.mgrid[:40, :52].sum(axis=0)[..., None] * 2 + noise, 0, 255).astype(np.uint8)
    whole, shown = encoded(Image.fromarray(pixels), "PNG"), 0
    for place in range(len(whole) - 60, len(whole) - 600, -9):
        damaged = whole[:place] + bytes(4) + whole[place + 4 :]
        with contextlib.suppress(OSError), Image.open(io.BytesIO(damaged)) as picture:
            shown += not np.array_equal(np.asarray(picture), pixels)
        (tmp_path / "a.png").write_bytes(damaged)
        with pytest.raises(ImageError, match=r"a\.png: "):
            open_image(tmp_path / "a.png")
    assert shown
