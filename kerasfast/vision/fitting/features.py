"""Precomputed activations: what the frozen backbone says of each picture, stored once on disk.

A row is found by the content of its file, so a picture replaced under the same name is computed again, and no other.
The folder of a store is named by everything else that makes the rows: backbone, weights, transform and decoding.
"""

import hashlib
import json
import os
import pathlib
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasfast.basics.bars import progress_bar
from kerasfast.basics.caches import FEATURES_PREFIX
from kerasfast.basics.files import atomic_path, made_folder, read_arrays, sweep_once
from kerasfast.training.epoch_order import epoch_order, unhindered
from kerasfast.vision.networks.constant_graph import folded
from kerasfast.vision.pipeline.views import View
from kerasfast.vision.sources.file_samples import content_key

VERSION = 2  # raise it when decoding or scaling changes, so that old rows are not used
IRRELEVANT = ("trainable", "compile_config")  # to what a model predicts
SHARD_ROWS = 4096  # rows per file: a killed run loses no more than these
_UNWRITTEN: set[pathlib.Path] = set()  # folders of which it was said that nothing can be stored there


def precompute(features: keras.Model, view: View, folder: str | os.PathLike, *, progress: bool = True) -> np.ndarray:
    """Return the features of every picture of a view, computing only those that are not stored yet.

    Args:
        features: Functional model from pixels to features.
        view: An unshuffled view whose transforms leave nothing to chance.
        folder: Where stores lie; created as needed.
        progress: Whether to show a bar.

    Returns:
        Features in the order of the view's files, (n, ...) in the model's output type; float32 for bfloat16.

    Raises:
        ValueError: If the view shuffles or augments.
    """
    if view.shuffle or view.transforms != view.transforms.validation():
        raise ValueError(
            "Features can be stored only of a view without shuffling and augmentation, such as `data.fixed`."
        )
    store = FeatureStore(pathlib.Path(folder) / f"{FEATURES_PREFIX}{store_key(features, view)}")
    keys = view.samples.content_keys()
    missing = store.missing(keys)
    shown = progress and bool(missing)
    with progress_bar(total=len(missing), desc=f"features of {len(keys)} pictures", shown=shown, leave=False) as bar:
        for start in range(0, len(missing), SHARD_ROWS):
            chosen = missing[start : start + SHARD_ROWS]
            part = replace(view, samples=view.samples.take(chosen))
            store.add([keys[index] for index in chosen], _compute(features, part, bar))
    return store.rows(keys)


@dataclass(frozen=True, eq=False)
class FeatureView:
    """Stored features with their targets, as batches; what a `View` is for pictures.

    Args:
        features: (n, ...) rows.
        targets: Targets of the rows, or None.
        batch_size: Rows per batch.
        shuffle: Whether to shuffle anew each epoch and to drop an incomplete last batch.
        seed: Of shuffling.
        draws: As of a `View`.
    """

    features: np.ndarray
    targets: np.ndarray | None
    batch_size: int
    shuffle: bool = False
    seed: int = 42
    draws: np.ndarray | None = None

    def dataset(self, epoch: int = 0) -> tf.data.Dataset:
        """Return batches (features, targets), or of features alone; each pass is the next epoch."""
        count = len(self.features)
        with tf.device("CPU:0"):  # else the features would be copied to the GPU and back
            arrays = [tf.constant(array) for array in (self.features, self.targets) if array is not None]
            order = epoch_order(count, self.seed, epoch, shuffle=self.shuffle, draws=self.draws)
            batches = order.batch(min(self.batch_size, count), drop_remainder=self.shuffle)

            def gather(indices: tf.Tensor):
                rows = tuple(tf.gather(array, indices) for array in arrays)
                return rows if len(rows) > 1 else rows[0]

            return unhindered(batches.map(gather, num_parallel_calls=2).prefetch(4))


def compute_features(features: keras.Model, view: View) -> np.ndarray:
    """Return the features of every picture of a view, in its order, without storing them."""
    with progress_bar(total=len(view), desc=f"features of {len(view)} pictures", leave=False, delay=2) as bar:
        return _compute(features, view, bar)


def _compute(features: keras.Model, view: View, bar: Any) -> np.ndarray:
    rows, predict = [], folded(features, [None, *view.transforms.sides, features.input_shape[-1]])
    for batch in view.dataset():
        pixels = batch[0] if isinstance(batch, tuple) else batch
        rows.append(predict(pixels).numpy())
        bar.update(len(rows[-1]))
    computed = np.concatenate(rows)
    # NumPy's files know no bfloat16 and would give back raw bytes.
    return computed if np.issubdtype(computed.dtype, np.floating) else computed.astype(np.float32)


def store_key(features: keras.Model, view: View) -> str:
    """Return a hash of everything but the pictures: layers, their connections, weights, transform, version."""
    settings = [VERSION, asdict(view.transforms), _without_names(features.get_config(), {})]
    digest = hashlib.blake2b(json.dumps(settings, default=str, sort_keys=True).encode(), digest_size=12)
    for weight in features.weights:
        digest.update(np.ascontiguousarray(weight.numpy()).tobytes())
    return digest.hexdigest()


def _without_names(config: Any, numbers: dict[str, int]) -> Any:
    """Return the configuration of a model with numbers for layer names, and without what does not alter its output.

    Automatic names (`dense_7`) depend on what was built before in the same process.

    Args:
        config: The configuration, or a part of it.
        numbers: Name -> number, for the layers met so far; is added to.
    """
    if isinstance(config, (list, tuple)):
        return [_without_names(part, numbers) for part in config]
    if not isinstance(config, dict):
        return config
    kept = {key: _without_names(value, numbers) for key, value in config.items() if key not in IRRELEVANT}
    if "inbound_nodes" in config:
        kept["name"] = numbers.setdefault(config["name"], len(numbers))
    elif not {"trainable", "batch_shape", "layers"}.isdisjoint(config):  # of a layer; a dtype's name matters
        kept.pop("name", None)
    if "keras_history" in config:
        name, *place = config["keras_history"]
        kept["keras_history"] = [numbers.setdefault(name, len(numbers)), *place]
    for ends in {"input_layers", "output_layers"} & config.keys():
        kept[ends] = _numbered(config[ends], numbers)
    return kept


def _numbered(ends: Any, numbers: dict[str, int]) -> Any:
    if isinstance(ends, (list, tuple)):
        return [_numbered(end, numbers) for end in ends]
    if isinstance(ends, dict):
        return {key: _numbered(end, numbers) for key, end in ends.items()}
    return numbers.get(ends, ends) if isinstance(ends, str) else ends


class FeatureStore:
    """Rows by key, in files of a folder that are only ever added to.

    A file that cannot be read is as good as absent: its rows are computed again, after a warning. Where nothing can be
    written, rows are kept in memory alone, after a warning.

    Args:
        folder: The store's own folder; created when rows are added.
    """

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self._rows: dict[str, np.ndarray] = {}
        sweep_once(folder)
        for file in sorted(folder.glob("*.npz")):
            if not file.name.startswith("."):  # what a killed run was writing
                self._read(file)

    def missing(self, keys: Sequence[str]) -> list[int]:
        """Return the indices of the keys without a row; of equal keys only the first."""
        first = {key: index for index, key in reversed(list(enumerate(keys)))}
        return [index for index, key in enumerate(keys) if key not in self._rows and first[key] == index]

    def add(self, keys: Sequence[str], rows: np.ndarray) -> None:
        """Store rows (n, ...) under their keys, in a new file."""
        name = f"{content_key(''.join(keys).encode())}.npz"
        try:
            with atomic_path(made_folder(self.folder) / name, size=rows.nbytes) as unfinished:
                np.savez(unfinished, keys=np.array(keys), rows=rows)
        except OSError as error:
            if self.folder.parent not in _UNWRITTEN:
                text = "Activations are used but cannot be stored, and the next program computes them again"
                warnings.warn(f"{text}: {error}.", stacklevel=3)
            _UNWRITTEN.add(self.folder.parent)
        self._rows.update(zip(keys, rows, strict=True))

    def rows(self, keys: Sequence[str]) -> np.ndarray:
        """Return the rows of `keys`, (n, ...)."""
        return np.stack([self._rows[key] for key in keys])

    def _read(self, file: pathlib.Path) -> None:
        try:
            shard = read_arrays(file)
            self._rows.update(zip(shard["keys"].tolist(), shard["rows"], strict=True))
        except (OSError, KeyError, ValueError, TypeError) as error:
            warnings.warn(
                f"Stored features in {file} cannot be read ({error}) and are computed again; delete the file.",
                stacklevel=4,
            )
