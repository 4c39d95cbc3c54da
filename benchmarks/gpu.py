# %% What to measure on a GPU, with one command
"""Usage: python benchmarks/gpu.py [--pictures 1024] [--size 224] [--batch 64] [--backbone ResNet50] [--tiny]

Needs no data: pictures and table rows are drawn. It prints, as Markdown: what the doctor says; an epoch of a whole
network in {float32, mixed_float16} x {XLA off, on}, and by how many seconds the first epoch takes longer (compiling);
an epoch of the table network [1000, 500] at batches of 128 and 4096; what an overflow in half precision leaves; the
peak memory. With `--torch-python` (a Python that has torch and torchvision) the same network in torch on the same
device. `--tiny` tries it all, also without a GPU; its figures say nothing.
"""

import argparse
import contextlib
import gc
import io
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from tables import CARDINALITIES, table
from timing import ask, print_versions

import kerasfast as kf
from kerasfast import doctor

EPOCHS = 4  # the first one compiles, the median of the others counts


class Clock(keras.callbacks.Callback):
    """Takes the seconds of each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs=None) -> None:
        self._begin = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs=None) -> None:
        self.seconds.append(time.perf_counter() - self._begin)


def drawn_pictures(count: int, size: int, batch: int, work: str) -> kf.ImageData:
    """Return noise in two classes, one brighter, as large as a picture decoded for this size."""
    random = np.random.default_rng(0)
    targets = np.arange(count) % 2
    pixels = (
        random.integers(0, 200, (count, size * 8 // 7, size * 8 // 7, 3), np.uint8)
        + 50 * targets.astype(np.uint8)[:, None, None, None]
    )
    transforms = kf.transforms_side_on(size, max_zoom=1.1)
    few = slice(batch)
    return kf.ImageData.from_arrays(
        (pixels, targets), (pixels[few], targets[few]), path=work, transforms=transforms, batch_size=batch
    )


def epochs_of(learn: kf.Learner, rate: float) -> tuple[float, float]:
    """Return the median seconds of an epoch, and how much longer the first one took."""
    clock = Clock()
    with contextlib.redirect_stdout(io.StringIO()):
        learn.fit(rate, 1, cycle_len=EPOCHS, callbacks=[clock])
    usual = statistics.median(clock.seconds[1:])
    return usual, clock.seconds[0] - usual


def peak_mib() -> float | None:
    """Return the most memory of the first GPU since this was asked last, in MiB; None without one."""
    if not tf.config.list_physical_devices("GPU"):
        return None
    peak = tf.config.experimental.get_memory_info("GPU:0")["peak"] / 2**20
    tf.config.experimental.reset_memory_stats("GPU:0")
    return peak


def cells(data: kf.ImageData, backbone: str) -> None:
    """Print an epoch of the whole network in each of four ways."""
    print("\n| network | pictures/s | the first epoch longer by, s | peak MiB |\n|---|---|---|---|")
    for accelerate in (False, True):
        for jit_compile in (False, True):
            keras.utils.set_random_seed(42)
            learn = kf.ImageLearner.pretrained(
                kf.Backbone.from_keras(getattr(keras.applications, backbone), weights=None),
                data, accelerate=accelerate, jit_compile=jit_compile,
            )  # fmt: skip
            learn.unfreeze()
            peak_mib()
            seconds, longer = epochs_of(learn, 1e-3)
            name = f"{'mixed_float16' if accelerate else 'float32'}, XLA {'on' if jit_compile else 'off'}"
            row(name, len(data.train) / seconds, longer)
            del learn
            keras.backend.clear_session()
            gc.collect()


def tables(rows: int, hidden: list[int]) -> None:
    """Print an epoch of the table network."""
    print(f"\n| table {hidden} | rows/s | the first epoch longer by, s | peak MiB |\n|---|---|---|---|")
    for batch in (128, 4096):
        for jit_compile in (False, True):
            data = kf.TableData.from_arrays(
                *table(rows), valid_fraction=0, cardinalities=CARDINALITIES, batch_size=min(batch, rows // 2)
            )
            learn = kf.TableLearner.entity_embeddings(
                data, hidden, y_range=(0.0, 12.0), metrics=[], jit_compile=jit_compile
            )
            peak_mib()
            seconds, longer = epochs_of(learn, 1e-3)
            row(f"batch {batch}, XLA {'on' if jit_compile else 'off'}", rows / seconds, longer)


def overflow() -> None:
    """Print what a step that overflows in half precision leaves: one update fewer, and finite weights."""
    random = np.random.default_rng(0)
    inputs = random.normal(size=(64, 4)).astype(np.float32)
    inputs[17] = np.inf
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
    scaled = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(1e-3))
    model.compile(scaled, "mse", jit_compile=False)
    model.fit(inputs, random.normal(size=(64, 1)), batch_size=8, verbose=0)
    finite = all(np.isfinite(weight).all() for weight in model.get_weights())
    print(f"\nOne of 8 steps overflows: {int(scaled.inner_optimizer.iterations)} updates, weights finite: {finite}.")


def row(name: str, per_second: float, longer: float) -> None:
    peak = peak_mib()
    print(f"| {name} | {per_second:,.0f} | {longer:.1f} | {'-' if peak is None else f'{peak:,.0f}'} |", flush=True)


def torch_rows(python: str, options: argparse.Namespace) -> None:
    """Print the same network in torch, as `gpu_torch.py` measures it."""
    print("\n| torch | pictures/s |\n|---|---|")
    script = __file__.replace("gpu.py", "gpu_torch.py")
    for half in (0, 1):
        for compiled in (0, 1):
            found = ask(python, script, options.backbone, options.pictures, options.size, options.batch, half, compiled)
            name = f"{'float16' if half else 'float32'}, compile {'on' if compiled else 'off'}"
            print(f"| {name} | {found['pictures_per_second']:,.0f} |", flush=True)


def quietly(run: Callable[[], None]) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`accelerate=True` is for a GPU")
        run()


# %%
if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=1024)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rows", type=int, default=131_072)
    parser.add_argument("--backbone", default="ResNet50", help="of keras.applications (and torchvision, in lower case)")
    parser.add_argument("--torch-python")
    parser.add_argument("--tiny", action="store_true")
    options = parser.parse_args()
    if options.tiny:
        options.pictures, options.size, options.batch, options.rows, options.backbone = 16, 32, 8, 256, "MobileNet"
    print_versions()
    print(doctor.report(doctor.examine()).split("\n\n")[1])
    with tempfile.TemporaryDirectory() as work:
        data = drawn_pictures(options.pictures, options.size, options.batch, work)
        quietly(lambda: cells(data, options.backbone))
    tables(options.rows, [16] if options.tiny else [1000, 500])
    overflow()
    if options.torch_python:
        torch_rows(options.torch_python, options)
