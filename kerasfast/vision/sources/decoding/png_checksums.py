"""Check the checksums of a PNG's pixels, which Pillow leaves out: it would show other colours without a word."""

import os
import zlib
from typing import BinaryIO

_SIGNATURE_BYTES, _PIXELS, _END = 8, b"IDAT", b"IEND"


def check_pixels(stream: BinaryIO) -> None:
    """Raise OSError where the compressed pixels of a PNG are not what their checksums say.

    Other chunks are not looked at: viewers show pictures whose comments are damaged, and so do we.

    Args:
        stream: The whole file; where it stands does not matter.
    """
    size = stream.seek(0, os.SEEK_END)
    stream.seek(_SIGNATURE_BYTES)
    while stream.tell() + 12 <= size:
        length, kind = int.from_bytes(stream.read(4), "big"), stream.read(4)
        if kind == _END:
            return
        if kind != _PIXELS:
            stream.seek(length + 4, os.SEEK_CUR)
            continue
        checksum = zlib.crc32(stream.read(min(length, size)), zlib.crc32(kind))
        if checksum != int.from_bytes(stream.read(4), "big"):
            raise OSError("is damaged: its pixels are not those of its checksum")
