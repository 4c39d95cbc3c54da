"""Write the pictures of a TensorFlow Datasets builder as files once, and use them as a source."""

from __future__ import annotations

import json
import os
import pathlib
import re
import zlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from kerasfast.basics.bars import progress_bar
from kerasfast.basics.files import atomic_folder, made_folder
from kerasfast.vision.sources.listing import checks
from kerasfast.vision.sources.listing.assembly import Listed, assemble
from kerasfast.vision.sources.samples import ImageSource

if TYPE_CHECKING:
    import tensorflow_datasets

MARKER = "pictures.json"
# Raise when pictures or labels are stored in another way than before.
_LAYOUT = 1
_ENDINGS = ((b"\xff\xd8", ".jpg"), (b"\x89PNG", ".png"), (b"GIF8", ".gif"), (b"BM", ".bmp"), (b"RIFF", ".webp"))


def tfds_source(
    builder: tensorflow_datasets.core.DatasetBuilder,
    path: str | os.PathLike[str],
    *,
    train: str = "train",
    valid: str = "test",
    test: str | None = None,
    image: str = "image",
    label: str = "label",
    on_error: str = "raise",
) -> ImageSource:
    """Return the source of a prepared builder; see `ImageData.from_tfds` for the arguments."""
    checks.check_on_error(on_error)
    _check_builder(builder)
    kind, names = _label_kind(builder, image, label)
    wanted = {"training": train, "validation": valid} | ({} if test is None else {"test": test})
    for split in wanted.values():
        _check_split(builder, split)
    _check_disjoint(builder, train, valid)
    folder = pathlib.Path(path).expanduser() / _builder_folder(builder)
    made_folder(folder)
    splits = {}
    for name, split in wanted.items():
        files, stored = _stored_split(builder, folder, split, image, label)
        targets = _targets(stored, kind, names, split, may_lack=name == "test")
        splits[name] = Listed(np.array(files, dtype=str), targets)
    classes = tuple(names) if kind == "regression" else tuple(sorted(names))
    checks.check_several_classes(classes, kind, f"They come from the feature {label!r}.")
    return assemble(folder, splits, classes=classes, target_kind=kind, on_error=on_error)


def _library() -> Any:
    try:
        import tensorflow_datasets
    except ImportError as error:
        raise ImportError("TensorFlow Datasets is missing; install it: pip install 'kerasfast[tfds]'.") from error
    return tensorflow_datasets


def _check_builder(builder: Any) -> None:
    if not isinstance(builder, _library().core.DatasetBuilder):
        raise ValueError(
            f"`builder` must be a TensorFlow Datasets builder, as from `tfds.builder('name')`; received {builder!r}."
        )
    if not builder.is_prepared():
        raise ValueError(f"The data set {builder.name!r} is not prepared: call `builder.download_and_prepare()` first.")


def _label_kind(builder: Any, image: str, label: str) -> tuple[str, list[str]]:
    """Return the kind, and the class names in the builder's order or the names of the numbers."""
    features = _library().features
    pictures, labels = (_feature(builder, name, argument) for name, argument in ((image, "image"), (label, "label")))
    if not isinstance(pictures, features.Image) or np.dtype(pictures.np_dtype).kind != "u":
        raise ValueError(f"The feature {image!r} is no picture of whole numbers but {pictures}; pass `image`.")
    if isinstance(labels, features.ClassLabel):
        return "single", list(labels.names)
    if isinstance(labels, features.Sequence) and isinstance(labels.feature, features.ClassLabel):
        return "multi", list(labels.feature.names)
    if isinstance(labels, features.Tensor) and labels.shape == () and np.dtype(labels.np_dtype).kind == "f":
        return "regression", [label]
    row = isinstance(labels, features.Tensor) and len(labels.shape) == 1 and np.dtype(labels.np_dtype).kind == "f"
    if row and labels.shape[0] is not None:
        return "regression", [f"{label}_{place}" for place in range(labels.shape[0])]
    raise ValueError(
        f"The feature {label!r} must be a ClassLabel, a Sequence of ClassLabel, a float or a fixed number of floats; "
        f"it is {labels}. Pass `label`."
    )


def _feature(builder: Any, name: str, argument: str) -> Any:
    features = builder.info.features
    if name not in features:
        raise ValueError(
            f"{builder.name!r} has no feature {name!r}, only {checks.few(sorted(features), 20)}: pass `{argument}`."
        )
    return features[name]


def _check_split(builder: Any, split: str) -> None:
    splits = builder.info.splits
    base = re.split(r"[\[+]", split, maxsplit=1)[0] if isinstance(split, str) else None
    if base not in splits:
        raise ValueError(
            f"{builder.name!r} has no split {split!r}, only {checks.few(sorted(splits))}. Parts of one split are "
            "allowed: `train='train[:80%]', valid='train[80%:]'`."
        )
    checks.check_split_filled(repr(split), splits[split].num_examples, f"in {builder.name!r}")


def _check_disjoint(builder: Any, train: str, valid: str) -> None:
    """Raise when the splits share examples; written files could no longer tell."""
    parts = [builder.info.splits[split].file_instructions for split in (train, valid)]
    for one in parts[0]:
        for other in parts[1]:
            start = max(one.skip, other.skip)
            stop = min(one.skip + one.take, other.skip + other.take)
            if str(one.filename) == str(other.filename) and start < stop:
                raise ValueError(
                    f"Training {train!r} and validation {valid!r} share examples; pass separate splits, such as "
                    "`train='train[:80%]', valid='train[80%:]'`."
                )


def _builder_folder(builder: Any) -> str:
    config = getattr(builder.builder_config, "name", None)
    return "-".join(str(part).replace("/", "-") for part in (builder.name, config, builder.version) if part)


def _split_folder(split: str) -> str:
    """Return a folder name for a split; slices that would look alike get a checksum."""
    name = re.sub(r"\W+", "-", split).strip("-")
    return name if name == split else f"{name}-{zlib.crc32(split.encode()):08x}"


def _stored_split(builder: Any, folder: pathlib.Path, split: str, image: str, label: str) -> tuple[list[str], list]:
    """Return the files of a split and their stored labels; write what is not there yet."""
    target = folder / _split_folder(split)
    origin = {
        "layout": _LAYOUT,
        "name": builder.name,
        "config": getattr(builder.builder_config, "name", None),
        "version": str(builder.version),
        "split": split,
        "image": image,
        "label": label,
        "examples": builder.info.splits[split].num_examples,
    }
    if not target.exists():
        with atomic_folder(target) as unfinished:
            _write(_examples(builder, split, image, label), unfinished, origin)
    stored = _read_marker(target, origin)
    return [f"{target.name}/{file}" for file in stored["files"]], stored["labels"]


def _read_marker(target: pathlib.Path, origin: dict[str, Any]) -> dict[str, Any]:
    marker, advice = target / MARKER, "remove this folder, or pass another `path`"
    if not marker.is_file():
        raise FileExistsError(f"{target} exists but was not written by kerasfast ({MARKER} is missing): {advice}.")
    stored = json.loads(marker.read_text(encoding="utf-8"))
    if stored["origin"] != origin:
        raise FileExistsError(f"{target} holds {stored['origin']}, not the requested {origin}: {advice}.")
    missing = [file for file in stored["files"] if not (target / file).is_file()]
    if missing:
        raise FileExistsError(f"{target} lacks {checks.pictures(len(missing))}: {checks.few(missing)}; {advice}.")
    return stored


def _examples(builder: Any, split: str, image: str, label: str) -> Iterable[tuple[bytes, Any]]:
    """Return pairs of an undecoded picture and its label; other features are not read."""
    tfds = _library()
    decoders = tfds.decode.PartialDecoding({image: True, label: True}, decoders={image: tfds.decode.SkipDecoding()})
    dataset = builder.as_dataset(split=split, decoders=decoders, shuffle_files=False)
    return ((example[image], example[label]) for example in tfds.as_numpy(dataset))


def _write(examples: Iterable[tuple[bytes, Any]], folder: pathlib.Path, origin: dict[str, Any]) -> None:
    files, labels = [], []
    bar = progress_bar(examples, total=origin["examples"], desc=f"Writing {origin['split']}", unit="picture", delay=2)
    for index, (content, label) in enumerate(bar):
        ending = next((ending for start, ending in _ENDINGS if content.startswith(start)), ".img")
        files.append(f"{index:06d}{ending}")
        labels.append(np.asarray(label).tolist())
        (folder / files[-1]).write_bytes(content)
    stored = {"origin": origin, "files": files, "labels": labels}
    (folder / MARKER).write_text(json.dumps(stored), encoding="utf-8")


def _targets(labels: list, kind: str, names: list[str], split: str, *, may_lack: bool) -> np.ndarray | None:
    """Return the stored labels as targets in the order of the sorted class names."""
    if kind == "regression":
        targets = np.array(labels, np.float32)
        if not np.isfinite(targets).all():
            raise ValueError(f"The split {split!r} has regression targets that are no finite numbers; filter them out.")
        return targets.reshape(len(labels), -1)[:, 0] if len(names) == 1 else targets
    place = np.argsort(np.argsort(names, kind="stable"), kind="stable")
    values = [np.atleast_1d(np.array(value, np.int64)) for value in labels]
    if may_lack and all((value < 0).all() for value in values if kind == "single" or len(value)):
        return None
    unlabelled = [index for index, value in enumerate(values) if (value < 0).any()]
    if unlabelled:
        raise ValueError(
            f"The split {split!r} has {checks.pictures(len(unlabelled))} without a class (label -1), first example "
            f"{unlabelled[0]}; pass a labelled split."
        )
    if kind == "single":
        return place[np.concatenate(values)].astype(np.int64)
    targets = np.zeros((len(labels), len(names)), np.float32)
    for row, value in enumerate(values):
        targets[row, place[value]] = 1
    return targets
