# %% From a fresh process to a trained head: kerasfast, kerasfast again, and the notes' Keras code
"""Usage: python benchmarks/first_result.py DATA --weights mobilenet_v1_0.75_224_no_top.weights.h5 [--goal 0.975]

DATA holds train/{cats,dogs} and valid/{cats,dogs}. Both sides train a head on the same frozen MobileNet(alpha=0.75), each in
a process of its own, until the validation accuracy reaches the goal: kerasfast for up to eight epochs on stored activations,
the notes' code (ImageDataGenerator, RMSprop, Dense 1024) for up to `--epochs` epochs. The second run of kerasfast finds the
activations on disk. Imports are shown apart.
"""

import argparse
import json
import pathlib
import sys
import tempfile
import time

BATCH, SIZE = 64, 224


def ours(data: str, weights: str, goal: float, work: str) -> dict[str, float]:
    """Return seconds and the validation accuracy."""
    begin = time.perf_counter()
    import keras

    import kerasfast as kf

    kf.ImageLearner, kf.ImageData, kf.Backbone  # noqa: B018 - imported when first named
    imported = time.perf_counter()
    keras.utils.set_random_seed(42)
    pictures = kf.ImageData.from_folders(data, transforms=kf.transforms_side_on(SIZE, crop="squash"), batch_size=BATCH)
    backbone = kf.Backbone.from_keras(keras.applications.MobileNet, alpha=0.75, weights=weights)
    learn = kf.ImageLearner.pretrained(backbone, pictures, precompute=True, path=work)
    prepared = time.perf_counter()
    stop = stop_at(goal)
    history = learn.fit(0.01, 1, cycle_len=8, callbacks=[stop]).history["val_accuracy"]
    return report(begin, imported, history) | {"precompute": prepared - imported}


def notes(data: str, weights: str, goal: float, epochs: int) -> dict[str, float]:
    """The notes' Keras code in Keras 3, on this backbone with its own preprocessing."""
    begin = time.perf_counter()
    import keras

    application = keras.applications.mobilenet
    imported = time.perf_counter()
    keras.utils.set_random_seed(42)
    generator = keras.src.legacy.preprocessing.image.ImageDataGenerator
    train = generator(
        preprocessing_function=application.preprocess_input, shear_range=0.2, zoom_range=0.2, horizontal_flip=True
    ).flow_from_directory(f"{data}/train", target_size=(SIZE, SIZE), batch_size=BATCH, class_mode="binary")
    valid = generator(preprocessing_function=application.preprocess_input).flow_from_directory(
        f"{data}/valid", target_size=(SIZE, SIZE), batch_size=BATCH, class_mode="binary", shuffle=False
    )
    base = application.MobileNet(input_shape=(SIZE, SIZE, 3), alpha=0.75, include_top=False, weights=weights)
    for layer in base.layers:
        layer.trainable = False
    hidden = keras.layers.Dense(1024, activation="relu")(keras.layers.GlobalAveragePooling2D()(base.output))
    model = keras.Model(base.input, keras.layers.Dense(1, activation="sigmoid")(hidden))
    model.compile(optimizer="rmsprop", loss="binary_crossentropy", metrics=["accuracy"])
    fitted = model.fit(train, epochs=epochs, validation_data=valid, verbose=0, callbacks=[stop_at(goal)])
    return report(begin, imported, fitted.history["val_accuracy"])


def stop_at(goal: float):
    import keras

    class StopAtGoal(keras.callbacks.Callback):
        """End training after the first epoch whose validation accuracy reaches the goal."""

        def on_epoch_end(self, epoch: int, logs=None) -> None:
            self.model.stop_training = logs["val_accuracy"] >= goal

    return StopAtGoal()


def report(begin: float, imported: float, history: list[float]) -> dict[str, float]:
    return {
        "imports": imported - begin,
        "seconds": time.perf_counter() - imported,
        "epochs": len(history),
        "accuracy": max(history),
    }


# %%
if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--goal", type=float, default=0.975)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--run", choices=["kerasfast", "notes"], help="one side alone, as JSON")
    parser.add_argument("--work", help="where kerasfast keeps activations (with --run)")
    options = parser.parse_args()
    if options.run == "notes":
        print(json.dumps(notes(options.data, options.weights, options.goal, options.epochs)))
    elif options.run:
        print(json.dumps(ours(options.data, options.weights, options.goal, options.work)))
    else:
        from timing import ask, print_versions

        print_versions()
        common = [__file__, options.data, "--weights", options.weights, "--goal", options.goal]
        common += ["--epochs", options.epochs]
        with tempfile.TemporaryDirectory() as work:
            sides = {
                "kerasfast, first run": ["--run", "kerasfast", "--work", pathlib.Path(work)],
                "kerasfast, second run": ["--run", "kerasfast", "--work", pathlib.Path(work)],
                "the notes' Keras code": ["--run", "notes"],
            }
            print("\n| | imports s | seconds after them | epochs | accuracy |\n|---|---|---|---|---|")
            for name, arguments in sides.items():
                found = ask(sys.executable, *common, *arguments)
                print(
                    f"| {name} | {found['imports']:.1f} | {found['seconds']:.1f} | {found['epochs']} | "
                    f"{found['accuracy']:.4f} |",
                    flush=True,
                )
