# %% Input pipelines: kerasfast, Keras, ImageDataGenerator, torch and fastai on the same JPEGs, and decoding alone
"""Usage: python benchmarks/pipeline.py DATA [--size 224] [--repeats 5] [--pictures 512] [--side 500x375]

DATA is any folder with JPEGs below it; they are scaled to `--side` first, so that all contenders read the same files.
`--fastai-python PYTHON` adds torchvision, torch with OpenCV, and fastai from an environment of its own.
"""

import argparse
import itertools
import pathlib
import tempfile
import unittest.mock
from collections.abc import Callable, Iterable

import keras
import tensorflow as tf
from PIL import Image
from timing import Cost, ask, cost, interleaved, print_costs, print_versions

import kerasfast as kf
from kerasfast.vision.pipeline import warps

BATCH = 64


def write_pictures(source: str, folder: pathlib.Path, count: int, sides: tuple[int, int]) -> float:
    """Write `count` JPEGs of equal sides into train/{a,b} and some into valid/{a,b}; return their mean kilobytes."""
    files = sorted(pathlib.Path(source).rglob("*.jpg"))[
        :: max(1, len(list(pathlib.Path(source).rglob("*.jpg"))) // count)
    ]
    sizes = []
    for index, file in enumerate(files[:count]):
        for split in ("train", "valid")[: 2 if index < BATCH else 1]:
            target = folder / split / "ab"[index % 2] / f"{index}.jpg"
            target.parent.mkdir(parents=True, exist_ok=True)
            Image.open(file).convert("RGB").resize(sides, Image.Resampling.BICUBIC).save(target, quality=92)
        sizes.append(target.stat().st_size)
    return sum(sizes) / len(sizes) / 1000


def ours(folder: pathlib.Path, transforms: kf.Transforms, *, memory: bool = False) -> tf.data.Dataset:
    data = kf.ImageData.from_folders(folder, transforms=transforms, batch_size=BATCH)
    return (data.in_memory() if memory else data).train.dataset()


def keras_dataset(folder: pathlib.Path, size: int, layers: Iterable[keras.layers.Layer] = ()) -> tf.data.Dataset:
    """As Keras's guides do it: the dataset of a directory, random layers mapped over its batches."""
    dataset = keras.utils.image_dataset_from_directory(
        folder / "train", image_size=(size, size), batch_size=BATCH, crop_to_aspect_ratio=True, verbose=False
    )
    for layer in layers:
        dataset = dataset.map(
            lambda x, y, layer=layer: (layer(x, training=True), y), num_parallel_calls=tf.data.AUTOTUNE
        )
    return dataset.prefetch(tf.data.AUTOTUNE)


def side_on_layers() -> list[keras.layers.Layer]:
    """The same augmentation in Keras's layers: 10 degrees, zoom to 1.1, flip, brightness and contrast 0.05."""
    layers = keras.layers
    return [
        layers.RandomFlip("horizontal"),
        layers.RandomRotation(10 / 360),
        layers.RandomZoom((-0.1, 0.0)),
        layers.RandomBrightness(0.05),
        layers.RandomContrast(0.05),
    ]


def generator(folder: pathlib.Path, size: int) -> Iterable:
    """The notes' Keras code: shear, zoom, flip, one Python loop."""
    augmenting = keras.src.legacy.preprocessing.image.ImageDataGenerator(
        rescale=1 / 255, shear_range=0.2, zoom_range=0.2, horizontal_flip=True
    )
    return augmenting.flow_from_directory(
        folder / "train", target_size=(size, size), batch_size=BATCH, class_mode="binary"
    )


def decoding(folder: pathlib.Path) -> tf.data.Dataset:
    """What nobody can go below with this decoder: reading and decoding, no scaling."""
    files = tf.data.Dataset.list_files(str(folder / "train/*/*.jpg"), shuffle=False)
    decode = lambda file: tf.reduce_sum(tf.shape(tf.io.decode_jpeg(tf.io.read_file(file), dct_method="INTEGER_FAST")))
    options = tf.data.Options()
    options.autotune.enabled = False
    return files.map(decode, num_parallel_calls=2).batch(BATCH).with_options(options)


def epoch_of(batches: Iterable, count: int) -> Callable[[], Cost]:
    """Return the function that reads one epoch and gives its cost for a picture."""

    def run() -> Cost:
        steps = count // BATCH

        def read() -> None:
            for _ in itertools.islice(batches, steps):
                pass

        return cost(read).per(steps * BATCH)

    return run


def contenders(folder: pathlib.Path, size: int, count: int) -> dict[str, Callable[[], Cost]]:
    """Return name -> one epoch."""
    side_on, top_down = kf.transforms_side_on(size, max_zoom=1.1), kf.transforms_top_down(size, max_zoom=1.1)
    plain = {
        "kerasfast": ours(folder, kf.Transforms(size)),
        "kerasfast, side-on": ours(folder, side_on),
        "kerasfast, top-down": ours(folder, top_down),
        "kerasfast in memory, side-on": ours(folder, side_on, memory=True),
        "kerasfast in memory, top-down": ours(folder, top_down, memory=True),
        "Keras image_dataset_from_directory": keras_dataset(folder, size),
        "Keras + flip, rotation, zoom, brightness, contrast": keras_dataset(folder, size, side_on_layers()),
    }
    try:
        import scipy  # noqa: F401 - ImageDataGenerator warps with it

        plain["ImageDataGenerator (shear, zoom, flip)"] = generator(folder, size)
    except ImportError:
        print("ImageDataGenerator is left out: scipy is not installed.")
    plain["limit: reading and decoding alone"] = decoding(folder)
    found = {name: epoch_of(batches, count) for name, batches in plain.items()}
    if warps.opencv() is not None:
        augmented = [name for name in found if name.startswith("kerasfast") and name.endswith("side-on")]
        found |= {f"{name}, without OpenCV": without_opencv(found[name]) for name in augmented}
    return found


def without_opencv(run: Callable[[], Cost]) -> Callable[[], Cost]:
    """Return the same on a machine that has no OpenCV."""

    def patched() -> Cost:
        with unittest.mock.patch.object(warps, "opencv", return_value=None):
            return run()

    return patched


def fastai_contenders(python: str, folder: pathlib.Path, size: int) -> dict[str, Callable[[], Cost]]:
    script = str(pathlib.Path(__file__).with_name("fastai_pipeline.py"))
    names = {"fastai Resize": "plain", "fastai Resize + aug_transforms": "batch", "fastai presizing": "presize"}
    found = {
        name: lambda kind=kind: Cost(**ask(python, script, folder, size, BATCH, kind)) for name, kind in names.items()
    }
    loader = str(pathlib.Path(__file__).with_name("torch_pipeline.py"))
    for name, kind in {"torchvision v2, DataLoader": "torchvision", "OpenCV by hand, DataLoader": "opencv"}.items():
        found[name] = lambda kind=kind: Cost(**ask(python, loader, folder, size, BATCH, kind))
    return found


# %%
if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--pictures", type=int, default=512)
    parser.add_argument("--side", default="500x375", help="width x height of the files")
    parser.add_argument("--fastai-python", help="a Python that has fastai")
    options = parser.parse_args()
    print_versions()
    with tempfile.TemporaryDirectory() as work:
        folder = pathlib.Path(work)
        width, height = map(int, options.side.split("x"))
        kilobytes = write_pictures(options.data, folder, options.pictures, (width, height))
        runs = contenders(folder, options.size, options.pictures)
        if options.fastai_python:
            runs |= fastai_contenders(options.fastai_python, folder, options.size)
        found = interleaved(runs, options.repeats)
    print_costs(f"{options.side} ({kilobytes:.0f} KB) to {options.size}, for a picture", found)
