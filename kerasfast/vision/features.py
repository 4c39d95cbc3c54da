"""Precomputed activations: what the frozen backbone says of each picture, stored once on disk.

A row is found by the content of its file, so a picture replaced under the same name is computed again and the others are
not; the folder of a store is named by everything else that makes the rows: backbone, weights, transform and decoding.
"""

import hashlib
import json
import os
import pathlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace

import keras
import numpy as np
from tqdm.auto import tqdm

from kerasfast.files import atomic_path
from kerasfast.vision.arrays import ArraySamples
from kerasfast.vision.data import View

VERSION = 1  # raise it when decoding or scaling changes, so that old rows are not used
SHARD_ROWS = 4096  # rows per file: a killed run loses no more than these


def precompute(features: keras.Model, view: View, folder: str | os.PathLike, *, progress: bool = True) -> np.ndarray:
    """Return the features of every picture of a view, computing only those that are not stored yet.

    Args:
        features: Model from pixels to features.
        view: An unshuffled view whose transforms leave nothing to chance.
        folder: Where stores lie; created as needed.
        progress: Whether to show a bar.

    Returns:
        Features in the order of the view's files, (n, ...) in the model's output type.

    Raises:
        ValueError: If the view shuffles or augments.
    """
    if view.shuffle or view.transforms != view.transforms.validation():
        raise ValueError("Features can be stored only of a view without shuffling and augmentation, such as `data.fixed`.")
    store = FeatureStore(pathlib.Path(folder) / f"features-{store_key(features, view)}")
    keys = content_keys(view)
    missing = store.missing(keys)
    bar = tqdm(total=len(missing), desc=f"features of {len(keys)} pictures", disable=not progress or not missing, leave=False)
    with bar:
        for start in range(0, len(missing), SHARD_ROWS):
            chosen = missing[start : start + SHARD_ROWS]
            part = replace(view, samples=view.samples.take(chosen))
            store.add([keys[index] for index in chosen], _compute(features, part, bar))
    return store.rows(keys)


def _compute(features: keras.Model, view: View, bar: tqdm) -> np.ndarray:
    rows = []
    for batch in view.dataset():
        pixels = batch[0] if isinstance(batch, tuple) else batch
        rows.append(np.asarray(features.predict_on_batch(pixels)))
        bar.update(len(rows[-1]))
    return np.concatenate(rows)


def content_keys(view: View) -> list[str]:
    """Return a hash of the content of each picture."""
    if isinstance(view.samples, ArraySamples):
        return [_hash(np.ascontiguousarray(image).tobytes()) for image in view.samples.images]
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda file: _hash((view.root / file).read_bytes()), view.files))


def store_key(features: keras.Model, view: View) -> str:
    """Return a hash of everything but the pictures: layers, weights, transform, version."""
    layers = [
        (type(layer).__name__, {name: value for name, value in layer.get_config().items() if name not in ("name", "trainable")})
        for layer in features.layers
    ]
    settings = json.dumps([VERSION, asdict(view.transforms), layers], default=str, sort_keys=True)
    digest = hashlib.blake2b(settings.encode(), digest_size=12)
    for weight in features.weights:
        digest.update(np.ascontiguousarray(weight.numpy()).tobytes())
    return digest.hexdigest()


def _hash(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


class FeatureStore:
    """Rows by key, in files of a folder that are only ever added to.

    Args:
        folder: The store's own folder; created when rows are added.
    """

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self._rows: dict[str, np.ndarray] = {}
        for file in sorted(folder.glob("*.npz")):
            self._read(file)

    def missing(self, keys: Sequence[str]) -> list[int]:
        """Return the indices of the keys without a row; of equal keys only the first."""
        first = {key: index for index, key in reversed(list(enumerate(keys)))}
        return [index for index, key in enumerate(keys) if key not in self._rows and first[key] == index]

    def add(self, keys: Sequence[str], rows: np.ndarray) -> None:
        """Store rows (n, ...) under their keys, in a new file."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic_path(self.folder / f"{_hash(''.join(keys).encode())}.npz") as unfinished:
            np.savez(unfinished, keys=np.array(keys), rows=rows)
        self._rows.update(zip(keys, rows))

    def rows(self, keys: Sequence[str]) -> np.ndarray:
        """Return the rows of `keys`, (n, ...)."""
        return np.stack([self._rows[key] for key in keys])

    def _read(self, file: pathlib.Path) -> None:
        with np.load(file, allow_pickle=False) as shard:
            self._rows.update(zip(shard["keys"].tolist(), shard["rows"]))
