"""Pictures inside tar files, in WebDataset's form, on a disk or wherever `tf.io.gfile` reads (`gs://`, `s3://`)."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import posixpath
import tarfile
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from kerasfast.basics.arguments import choice
from kerasfast.basics.bars import progress_bar
from kerasfast.vision.sources.decoding.decode import ImageError, open_image
from kerasfast.vision.sources.decoding.reading import Reader, coded_reader
from kerasfast.vision.sources.decoding.scanning import Scan, scan_contents
from kerasfast.vision.sources.file_samples import content_key
from kerasfast.vision.sources.listing import checks
from kerasfast.vision.sources.samples import ImageSource, divided
from kerasfast.vision.sources.splits import Draw, held_out

Shards = str | os.PathLike | Sequence[str | os.PathLike]
_CLASS = "cls"
_READ_TOGETHER = 256  # pictures whose bytes are held while their headers are read


class Place(NamedTuple):
    """Where the bytes of a picture lie."""

    shard: str
    start: int
    size: int

    def coded(self) -> bytes:
        """Return the place as bytes, which a dataset can hold."""
        return "\0".join(map(str, self)).encode()

    def read(self) -> bytes:
        """Return the bytes of the picture."""
        with tf.io.gfile.GFile(self.shard, "rb") as stream:
            stream.seek(self.start)
            return stream.read(self.size)


def _read_coded(place: bytes) -> bytes:
    shard, start, size = place.decode().split("\0")
    return Place(shard, int(start), int(size)).read()


@dataclasses.dataclass(frozen=True, eq=False)
class ShardSamples:
    """The `Samples` of pictures inside tar files; each is read by itself, in any order.

    Args:
        places: (n,) where the pictures lie.
        files: (n,) names: the tar file's and that inside it.
        targets: As in `Samples`.
        scan: What their headers say.
    """

    places: tuple[Place, ...]
    files: np.ndarray
    targets: np.ndarray | None
    scan: Scan

    on_disk = True
    channels = 3

    def __len__(self) -> int:
        return len(self.places)

    @property
    def sides(self) -> tuple[np.ndarray, np.ndarray]:
        """(n,) heights and (n,) widths in pixels."""
        return self.scan.height, self.scan.width

    def take(self, indices: np.ndarray | Sequence[int]) -> ShardSamples:
        """Return the samples at these positions, in this order."""
        places = tuple(self.places[index] for index in np.arange(len(self))[np.asarray(indices, np.int64)])
        targets = None if self.targets is None else self.targets[indices]
        return ShardSamples(places, self.files[indices], targets, self.scan.take(indices))

    def joined(self, other: ShardSamples) -> ShardSamples:
        """Return these samples and then the others."""
        files, targets = np.concatenate([self.files, other.files]), np.concatenate([self.targets, other.targets])
        return ShardSamples(self.places + other.places, files, targets, self.scan.joined(other.scan))

    def reader(self, size: int) -> Reader:
        """Return what reads windows of the pictures, to be scaled to `size` pixels or more."""
        content = lambda place: tf.ensure_shape(tf.numpy_function(_read_coded, [place], tf.string, stateful=False), [])
        places = [place.coded() for place in self.places]
        return coded_reader(places, self.scan, size, content, lambda place: open_image(_read_coded(place)), 3)

    def picture(self, index: int) -> np.ndarray:
        """Return one whole picture, (height, width, 3) uint8."""
        return open_image(self.places[index].read())

    def content_keys(self) -> list[str]:
        """Return a hash of the content of each picture."""
        return [content_key(place.read()) for place in self.places]

    def broken(self) -> dict[str, str]:
        """Return name -> reason for the pictures that cannot be decoded."""
        return _scanned(self.places, self.files.tolist(), full=True).problems


def shard_source(
    train: Shards,
    valid: Shards | None,
    *,
    test: Shards | None,
    path: str | os.PathLike[str],
    draw: Draw,
    on_error: str,
) -> ImageSource:
    """Return the source of pictures in tar files; see `ImageData.from_shards` for the arguments."""
    choice("on_error", on_error, ("raise", "skip"))
    wanted = {"train": train, "valid": valid, "test": test}
    listed = {name: _listed(shards, name) for name, shards in wanted.items() if shards is not None}
    classes = _classes(labels for name, (_, _, labels) in listed.items() if name != "test")
    checks.check_several_classes(classes, "single", f"They come from the members that end in .{_CLASS}.")
    samples, problems = {}, {}
    for name, (places, files, labels) in listed.items():
        found = _scanned(places, files, full=on_error == "skip")
        problems |= found.problems
        good = np.flatnonzero([file not in found.problems for file in files])
        targets = None if name == "test" else np.array([classes.index(label) for label in labels], np.int64)
        samples[name] = ShardSamples(tuple(places), np.array(files, dtype=str), targets, found).take(good)
    if problems and on_error == "raise":
        raise ImageError(problems)
    for name, own in samples.items():
        checks.check_split_filled(name, len(own), "in its tar files")
    if "valid" not in samples:
        held = held_out(samples["train"].targets, "single", draw)
        samples["train"], samples["valid"], _ = divided(samples["train"], held, None)
    checks.check_apart(samples["train"].files, samples["valid"].files, "pictures")
    checks.check_trained_classes(samples["train"].targets, samples["valid"].targets, classes, "single")
    parts = (samples["train"], samples["valid"], samples.get("test"))
    return ImageSource(pathlib.Path(path), *parts, classes, "single", problems)


def _listed(shards: Shards, split: str) -> tuple[list[Place], list[str], list[str]]:
    """Return places, names and labels of the pictures in tar files; labels of a test set may be missing."""
    patterns = [shards] if isinstance(shards, (str, os.PathLike)) else list(shards)
    found = [shard for pattern in patterns for shard in sorted(tf.io.gfile.glob(os.fspath(pattern)))]
    if not found:
        raise FileNotFoundError(f"`{split}` names no tar files: {checks.few(patterns)} match none.")
    places, files, labels = [], [], []
    for shard in progress_bar(found, desc=f"Listing {split}", unit="file", delay=2):
        pictures, classes = _members(shard)
        missing = [stem for stem in pictures if stem not in classes] if split != "test" else []
        if missing:
            raise ValueError(f"{shard} has pictures without a class: {checks.few(missing)} lack a member .{_CLASS}.")
        for stem, (name, place) in pictures.items():
            places.append(place)
            files.append(f"{posixpath.basename(shard)}/{name}")
            labels.append(classes.get(stem, ""))
    checks.check_unique(files)
    return places, files, labels


def _members(shard: str) -> tuple[dict[str, tuple[str, Place]], dict[str, str]]:
    """Return the pictures of a tar file, and the texts of its classes, by the names of the samples."""
    pictures, classes = {}, {}
    try:
        with tf.io.gfile.GFile(shard, "rb") as stream, tarfile.open(fileobj=stream, mode="r:") as archive:
            for member in archive:
                folder, _, base = member.name.rpartition("/")
                stem, _, ending = base.partition(".")
                stem = f"{folder}/{stem}" if folder else stem
                if not member.isfile():
                    continue
                if f".{ending.lower()}".endswith(checks.PICTURE_ENDINGS):
                    pictures[stem] = (member.name, Place(shard, member.offset_data, member.size))
                elif ending == _CLASS:
                    classes[stem] = archive.extractfile(member).read().decode().strip()
    except (tarfile.TarError, UnicodeDecodeError) as error:
        raise ValueError(f"{shard} is no uncompressed tar file, or is damaged: {error}") from error
    return pictures, classes


def _classes(labels: Iterator[list[str]]) -> tuple[str, ...]:
    """Return the classes sorted, as numbers where all are."""
    names = {label for own in labels for label in own}
    return tuple(sorted(names, key=int) if all(name.isdecimal() for name in names) else sorted(names))


def _scanned(places: Sequence[Place], files: Sequence[str], *, full: bool) -> Scan:
    parts = [slice(start, start + _READ_TOGETHER) for start in range(0, max(len(places), 1), _READ_TOGETHER)]
    found = [scan_contents([place.read() for place in places[part]], files[part], full=full) for part in parts]
    whole = found[0]
    for part in found[1:]:
        whole = whole.joined(part)
    return whole
