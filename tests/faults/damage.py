"""Ways to damage the bytes of a file: cut, flipped, zeroed, swapped, and with sizes declared that it does not have."""

from __future__ import annotations

import random
from collections.abc import Callable

HUGE = (0x7FFFFFFF, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF, 0x40000000, 0x00FFFFFF, 0, 2**62 + 2**31)
NUMBER_TEXTS = (b"99999999999999", b"-1", b"0", b"1e400", b"nan", b"4294967296", b"9" * 400, b"null", b"{}", b'"')


def cut(data: bytearray, chance: random.Random) -> bytearray:
    """Keep a beginning of any length."""
    return data[: chance.randrange(len(data))]


def cut_a_little(data: bytearray, chance: random.Random) -> bytearray:
    """Lose the last few bytes."""
    return data[: -chance.randrange(1, 65)]


def flip(data: bytearray, chance: random.Random) -> bytearray:
    """Flip up to eight bits anywhere."""
    for _ in range(chance.randrange(1, 9)):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return data


def flip_in_the_header(data: bytearray, chance: random.Random) -> bytearray:
    """Flip up to four bits among the first 128 bytes."""
    for _ in range(chance.randrange(1, 5)):
        data[chance.randrange(min(128, len(data)))] ^= 1 << chance.randrange(8)
    return data


def fill(data: bytearray, chance: random.Random) -> bytearray:
    """Overwrite a run with zeros, ones or noise."""
    start = chance.randrange(len(data))
    run = data[start : start + chance.choice((1, 4, 16, 512, 4096))]
    data[start : start + len(run)] = chance.choice((bytes(len(run)), b"\xff" * len(run), chance.randbytes(len(run))))
    return data


def swap(data: bytearray, chance: random.Random) -> bytearray:
    """Exchange two blocks."""
    length = min(chance.choice((4, 64, 512)), len(data) // 2)
    first = chance.randrange(len(data) - 2 * length + 1)
    second = chance.randrange(first + length, len(data) - length + 1)
    data[first : first + length], data[second : second + length] = (
        data[second : second + length], data[first : first + length],
    )  # fmt: skip
    return data


def move(data: bytearray, chance: random.Random) -> bytearray:
    """Remove, double or insert a block, so that all that follows moves."""
    start, length = chance.randrange(len(data)), chance.choice((1, 2, 7, 64, 1000))
    block = data[start : start + length]
    return data[:start] + chance.choice((b"", block * 2, chance.randbytes(length) + block)) + data[start + length :]


def inflate(data: bytearray, chance: random.Random) -> bytearray:
    """Write a huge number over one near the start or the end, as a declared size."""
    width, order = chance.choice((2, 4, 8)), chance.choice(("little", "big"))
    place = chance.randrange(min(512, len(data)))
    place = place if chance.random() < 0.7 else len(data) - 1 - place
    number = (chance.choice(HUGE) & (2 ** (8 * width) - 1)).to_bytes(width, order)
    data[place : place + width] = number
    return data


def renumber(data: bytearray, chance: random.Random) -> bytearray:
    """Write another number or sign over digits that stand in the file as text."""
    digits = [place for place in range(len(data)) if data[place : place + 1].isdigit()]
    if not digits:
        return inflate(data, chance)
    start = end = chance.choice(digits)
    while data[end : end + 1].isdigit():
        end += 1
    return data[:start] + chance.choice(NUMBER_TEXTS) + data[end:]


def replace(data: bytearray, chance: random.Random) -> bytearray:
    """Put something else in its place: nothing, zeros, noise or a text."""
    return bytearray(chance.choice((b"", bytes(len(data)), chance.randbytes(len(data)), b"<html>404</html>\n", b"{}")))


DAMAGES: tuple[Callable[[bytearray, random.Random], bytearray], ...] = (
    cut, cut_a_little, flip, flip, flip_in_the_header, fill, swap, move, inflate, inflate, renumber, replace,
)  # fmt: skip


def damaged(content: bytes, chance: random.Random) -> tuple[str, bytes]:
    """Return the name of a damage drawn by `chance`, and the content with it; it differs from what it was."""
    while True:
        damage = chance.choice(DAMAGES)
        changed = bytes(damage(bytearray(content), chance))
        if changed != content:
            return damage.__name__, changed
