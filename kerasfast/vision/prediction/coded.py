"""Decode the bytes of pictures inside a TensorFlow graph, without Python: for models that are served elsewhere.

JPEG (grey, RGB, CMYK with and without Adobe's marker), PNG (transparency over white), both turned as EXIF says, BMP and
the first frame of a GIF. TensorFlow alone turns a CMYK JPEG without Adobe's marker black, which every picture of Planet
is.
"""

from collections.abc import Callable

import tensorflow as tf

from kerasfast.vision.pipeline.transforms import DRAWS, Transforms, windows
from kerasfast.vision.sources.decoding.reading import decoded_window, squared

_HEADER = 65536  # bytes at the start, and of PNG at the end too, in which EXIF and Adobe's marker are looked for
_EXIF, _PNG_EXIF, _ADOBE = b"Exif\0\0", b"eXIf", b"Adobe"
_BYTE_ORDERS = (b"MM\0*", b"II*\0")  # what EXIF begins with
_ORIENTATION = 0x0112
# Adobe's marker: the values of CMYK are light, not ink. Photographs without it have them so too, as Pillow knows.
_MARKER = b"\xff\xee\x00\x0eAdobe\x00\x64" + bytes(5)


def window_of(content: tf.Tensor, transforms: Transforms) -> tf.Tensor:
    """Return the pixels (size, size, 3) uint8 of a picture's bytes (), cropped and scaled as in validation."""
    is_jpeg = tf.strings.substr(content, 0, 2) == b"\xff\xd8"
    is_png = tf.strings.substr(content, 1, 3) == b"PNG"
    length = tf.strings.length(content)
    part = tf.minimum(length, _HEADER)
    header = _numbers(tf.strings.substr(content, 0, part))
    both_ends = lambda: tf.concat([header, _numbers(tf.strings.substr(content, length - part, part))], 0)
    channels = tf.convert_to_tensor(tf.cond(is_jpeg, lambda: tf.io.extract_jpeg_shape(content)[2], lambda: 0))
    of_png = lambda: tf.cond(is_png, lambda: _orientation(both_ends(), _PNG_EXIF), lambda: 1)
    turned = tf.convert_to_tensor(tf.cond(is_jpeg, lambda: _orientation(header, _EXIF), of_png))
    plain = is_jpeg & (channels < 4) & (turned == 1)
    return tf.cond(
        plain, lambda: _plain_jpeg(content, transforms), lambda: _other(content, header, channels, turned, transforms)
    )


def _plain_jpeg(content: tf.Tensor, transforms: Transforms) -> tf.Tensor:
    sides = tf.io.extract_jpeg_shape(content)[:2]
    box = _box(sides, transforms)
    return squared(decoded_window(content, box, sides[1], transforms.size), transforms.size)


def _other(
    content: tf.Tensor, header: tf.Tensor, channels: tf.Tensor, turned: tf.Tensor, transforms: Transforms
) -> tf.Tensor:
    foreign = (channels == 4) & (_find(header, _ADOBE) < 0)
    is_png = tf.strings.substr(content, 1, 3) == b"PNG"
    pixels = tf.case(
        [
            (foreign, lambda: _decoded_jpeg(_with_marker(content))),
            (channels > 0, lambda: _decoded_jpeg(content)),
            (is_png, lambda: _over_white(tf.io.decode_png(content, channels=4))),
        ],
        default=lambda: tf.io.decode_image(content, channels=3, expand_animations=False),
    )
    pixels = _upright(tf.ensure_shape(pixels, [None, None, 3]), turned)
    top, left, height, width = tf.unstack(_box(tf.shape(pixels)[:2], transforms))
    return squared(pixels[top : top + height, left : left + width], transforms.size)


def _with_marker(content: tf.Tensor) -> tf.Tensor:
    """Put Adobe's marker behind the start of a JPEG."""
    rest = tf.strings.substr(content, 2, tf.strings.length(content) - 2)
    return tf.strings.join([tf.strings.substr(content, 0, 2), _MARKER, rest])


def _decoded_jpeg(content: tf.Tensor) -> tf.Tensor:
    return tf.io.decode_jpeg(content, channels=3, dct_method="INTEGER_ACCURATE")


def _box(sides: tf.Tensor, transforms: Transforms) -> tf.Tensor:
    return windows(transforms, sides[:1], sides[1:], tf.zeros([1, DRAWS]))[0]


def _over_white(pixels: tf.Tensor) -> tf.Tensor:
    """Lay (height, width, 4) uint8 over white."""
    opaque = tf.cast(pixels[..., 3:], tf.float32) / 255.0
    return tf.cast(tf.cast(pixels[..., :3], tf.float32) * opaque + 255.0 * (1.0 - opaque) + 0.5, tf.uint8)


def _numbers(text: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.io.decode_raw(text, tf.uint8), tf.int32)


def _orientation(header: tf.Tensor, mark: bytes) -> tf.Tensor:
    """Return the EXIF orientation among byte values, behind a mark, 1 to 8; 1 where there is none."""
    start = tf.reduce_max([_find(header, mark + order) for order in _BYTE_ORDERS]) + len(mark)
    padded = tf.concat([header, tf.zeros([16], tf.int32)], 0)
    little = padded[start] == ord("I")

    def value(place: tf.Tensor, count: int) -> tf.Tensor:
        part = padded[place : place + count]
        part = tf.cond(little, lambda: part, lambda: part[::-1])
        return tf.reduce_sum(part * [256**power for power in range(count)])

    def found() -> tf.Tensor:
        directory = tf.clip_by_value(start + value(start + 4, 4), 0, tf.size(header) - 2)
        count = tf.clip_by_value(value(directory, 2), 0, (tf.size(header) - directory - 2) // 12)
        places = directory + 2 + 12 * tf.range(count)
        orientations = tf.map_fn(
            lambda place: tf.where(value(place, 2) == _ORIENTATION, value(place + 8, 2), 0), places
        )
        orientation = tf.reduce_max(tf.concat([orientations, [0]], 0))
        return tf.where((orientation >= 1) & (orientation <= 8), orientation, 1)

    return tf.cond(start < len(mark), lambda: 1, found)


def _upright(pixels: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    swapped = lambda: tf.transpose(pixels, [1, 0, 2])
    turns: list[Callable[[], tf.Tensor]] = [
        lambda: pixels,
        lambda: pixels[:, ::-1],
        lambda: pixels[::-1, ::-1],
        lambda: pixels[::-1],
        swapped,
        lambda: swapped()[:, ::-1],
        lambda: swapped()[::-1, ::-1],
        lambda: swapped()[::-1],
    ]
    return tf.ensure_shape(tf.switch_case(orientation - 1, turns), [None, None, 3])


def _find(values: tf.Tensor, wanted: bytes) -> tf.Tensor:
    """Return where a text begins among byte values (n,), or -1."""
    room = tf.maximum(tf.size(values) - len(wanted) + 1, 0)
    hits = tf.ones([room], tf.bool)
    for offset, byte in enumerate(wanted):
        hits &= values[offset : offset + room] == byte
    places = tf.where(hits)[:, 0]
    return tf.cond(tf.size(places) > 0, lambda: tf.cast(places[0], tf.int32), lambda: -1)
