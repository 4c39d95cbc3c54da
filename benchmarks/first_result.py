# %% From a fresh process to a trained head: kerasfast, kerasfast again, and plain Keras
"""Usage: python benchmarks/first_result.py DATA --weights mobilenet_v1_0.75_224_no_top.weights.h5 [--epochs 8]

DATA holds train/{cats,dogs} and valid/{cats,dogs}. Each side trains a head on the same frozen MobileNet(alpha=0.75)
with the same pictures and batches, in a process of its own, and says after every epoch how many seconds have gone
since its imports:

- kerasfast: one cosine cycle over `--epochs` epochs, on stored activations; its second run finds them on disk;
- the notes' Keras code: ImageDataGenerator with 4 workers, augmented, RMSprop, Dense 1024;
- the same head in plain Keras on activations stored by hand, without augmentation: the work that kerasfast does.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable

BATCH, SIZE = 64, 224


class Clock:
    """Seconds since the imports, and the curve of a fit: (seconds, validation accuracy) after every epoch."""

    def __init__(self, begin: float):
        self.imported, self.curve = time.perf_counter(), []
        self.imports = self.imported - begin

    def seconds(self) -> float:
        return time.perf_counter() - self.imported

    def callback(self):
        """Return a callback that fills the curve; call it when all is ready for the fit."""
        import keras

        self.ready = self.seconds()
        note = lambda epoch, logs: self.curve.append((self.seconds(), round(float(logs["val_accuracy"]), 6)))
        return keras.callbacks.LambdaCallback(on_epoch_end=note)

    def report(self) -> dict:
        return {"imports": self.imports, "ready": self.ready, "fit": self.seconds() - self.ready, "curve": self.curve}


def ours(data: str, weights: str, epochs: int, work: str) -> dict:
    begin = time.perf_counter()
    import keras

    import kerasfast as kf

    kf.ImageLearner, kf.ImageData, kf.Backbone  # noqa: B018 - imported when first named
    clock = Clock(begin)
    keras.utils.set_random_seed(42)
    pictures = kf.ImageData.from_folders(data, transforms=kf.transforms_side_on(SIZE, crop="squash"), batch_size=BATCH)
    backbone = kf.Backbone.from_keras(keras.applications.MobileNet, alpha=0.75, weights=weights)
    learn = kf.ImageLearner.pretrained(backbone, pictures, hidden=(512,), precompute=True, path=work)
    learn.fit(0.01, 1, cycle_len=epochs, callbacks=[clock.callback()])
    return clock.report()


def notes(data: str, weights: str, epochs: int) -> dict:
    """The notes' Keras code in Keras 3, on this backbone with its own preprocessing."""
    clock = keras_clock()
    train = generator(data, "train", shear_range=0.2, zoom_range=0.2, horizontal_flip=True)
    valid = generator(data, "valid", shuffle=False)
    base = frozen_base(weights)
    model = classifier(base.input, pooled(base))
    model.fit(train, epochs=epochs, validation_data=valid, verbose=0, callbacks=[clock.callback()])
    return clock.report()


def stored(data: str, weights: str, epochs: int) -> dict:
    """The same head on activations that are computed once."""
    clock = keras_clock()
    import keras

    base = frozen_base(weights)
    features = keras.Model(base.input, pooled(base))
    splits = [generator(data, split, shuffle=False) for split in ("train", "valid")]
    (x, y), valid = [(features.predict(split, verbose=0), split.classes) for split in splits]
    inputs = keras.Input(x.shape[1:])
    model = classifier(inputs, inputs)
    callbacks = [clock.callback()]
    model.fit(x, y, batch_size=BATCH, epochs=epochs, validation_data=valid, verbose=0, callbacks=callbacks)
    return clock.report()


def keras_clock() -> Clock:
    begin = time.perf_counter()
    import keras

    keras.applications.mobilenet  # noqa: B018 - imported when first named
    clock = Clock(begin)
    keras.utils.set_random_seed(42)
    return clock


def generator(data: str, split: str, *, shuffle: bool = True, **augmentation):
    import keras

    prepared = keras.src.legacy.preprocessing.image.ImageDataGenerator(
        preprocessing_function=keras.applications.mobilenet.preprocess_input, **augmentation
    )
    pictures = prepared.flow_from_directory(
        f"{data}/{split}", target_size=(SIZE, SIZE), batch_size=BATCH, class_mode="binary", shuffle=shuffle
    )
    pictures.workers = 4
    return pictures


def frozen_base(weights: str):
    import keras

    base = keras.applications.MobileNet(input_shape=(SIZE, SIZE, 3), alpha=0.75, include_top=False, weights=weights)
    for layer in base.layers:
        layer.trainable = False
    return base


def pooled(base):
    import keras

    return keras.layers.GlobalAveragePooling2D()(base.output)


def classifier(inputs, features):
    import keras

    hidden = keras.layers.Dense(1024, activation="relu")(features)
    model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(hidden))
    model.compile(optimizer="rmsprop", loss="binary_crossentropy", metrics=["accuracy"])
    return model


def print_curves(
    title: str, cell: str, sides: dict[str, dict], columns: dict[str, Callable[[list], int | None]]
) -> None:
    """Print seconds, a line per side, then what the other sides take, in multiples of kerasfast's two runs.

    Args:
        title: Of the table.
        cell: Format of seconds `s` and epochs `n`.
        sides: Name -> report; kerasfast's first and second run come first.
        columns: Heading -> function from a curve to the number of epochs that count, None where it never comes so far.
    """
    print(f"\n| {title} | {' | '.join(columns)} |\n{'|---' * (len(columns) + 1)}|")
    cells = {}
    for name, side in sides.items():
        curve = side["curve"]
        reached = [count(curve) for count in columns.values()]
        # Where the goal was never reached, the whole curve bounds the seconds from below.
        cells[name] = [(curve[(epochs or len(curve)) - 1][0], epochs) for epochs in reached]
        texts = [cell.format(s=s, n=n) if n else f"not in {len(curve)} epochs" for s, n in cells[name]]
        print(f"| {name} | {' | '.join(texts)} |")
    first, second, *others = sides
    for name in others:
        for run in (first, second):
            texts = [ratio(other, own) for other, own in zip(cells[name], cells[run], strict=True)]
            print(f"| {name} / {run} | {' | '.join(texts)} |")
    sys.stdout.flush()


def ratio(other: tuple[float, int | None], own: tuple[float, int | None]) -> str:
    """Return the ratio of two (seconds, epochs); a bound where the other side never came so far."""
    return f"{'' if other[1] else '> '}{other[0] / own[0]:.1f}x" if own[1] else "-"


def reaching(goal: float) -> Callable[[list], int | None]:
    return lambda curve: next((epoch for epoch, (_, score) in enumerate(curve, 1) if score >= goal), None)


# %%
RUNS = {"kerasfast": ours, "notes": notes, "stored": stored}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--goals", type=float, nargs="+", default=[0.97, 0.975, 0.98], help="besides kerasfast's best")
    parser.add_argument("--run", choices=RUNS, help="one side alone, as JSON")
    parser.add_argument("--work", default=".", help="where kerasfast keeps activations (with --run)")
    options = parser.parse_args()
    if options.run:
        own = {"work": options.work} if options.run == "kerasfast" else {}
        print(json.dumps(RUNS[options.run](options.data, options.weights, options.epochs, **own)))
        sys.exit()
    from timing import ask, print_versions

    print_versions()
    with tempfile.TemporaryDirectory() as work:
        common = [options.data, "--weights", options.weights, "--epochs", options.epochs, "--work", work]
        names = {
            "kerasfast, first run": "kerasfast",
            "kerasfast, second run": "kerasfast",
            "the notes' Keras code": "notes",
            "plain Keras, activations stored": "stored",
        }
        sides = {name: ask(sys.executable, __file__, *common, "--run", run) for name, run in names.items()}
    print(f"\n| seconds | imports | data, network, activations | fit of {options.epochs} epochs | best accuracy |")
    print("|---|---|---|---|---|")
    for name, side in sides.items():
        best = max(score for _, score in side["curve"])
        print(f"| {name} | {side['imports']:.1f} | {side['ready']:.1f} | {side['fit']:.1f} | {best:.4f} |")
    goals = sorted({*options.goals, max(score for _, score in sides["kerasfast, first run"]["curve"])})
    print_curves(
        "seconds (epochs) to accuracy", "{s:.3g} ({n})", sides, {f"{goal:.4g}": reaching(goal) for goal in goals}
    )
    lengths = sorted({1, 2, 4, 8, options.epochs})
    lengths = {f"{n}": lambda curve, n=n: n for n in lengths if n <= options.epochs}
    print_curves("seconds after epoch", "{s:.3g}", sides, lengths)
