# %% Dogs vs Cats: head on stored activations, then one short unfrozen cycle, then test-time augmentation
"""Usage: python benchmarks/dogs_cats.py DATA [--backbone NAME] [--weights FILE] [--accelerate]

DATA holds train/{cats,dogs} and valid/{cats,dogs}. `--backbone mobilenet --weights FILE` takes MobileNet(alpha=0.75).
"""

import pathlib
import time
from dataclasses import replace

import keras

import kerasfast as kf

RATES = [3e-6, 3e-5, 3e-4]


def run(
    folder: str, backbone: str | kf.Backbone, work: str, *, size: int = 224, epochs: int = 8, accelerate: bool = False
) -> dict[str, float]:
    """Return validation accuracies after each part, and the seconds that each took."""
    keras.utils.set_random_seed(42)
    started = time.perf_counter()
    # Animals reach to the edges: the whole picture, pressed into the square, beats its centre.
    data = kf.ImageData.from_folders(folder, transforms=kf.transforms_side_on(size, crop="squash"))
    data = replace(data, path=pathlib.Path(work))
    learn = kf.ImageLearner.pretrained(backbone, data, hidden=(512,), precompute=True, accelerate=accelerate)
    results = {"precompute_seconds": time.perf_counter() - started}
    for name, train in (("head", lambda: learn.fit(0.01, 1, cycle_len=epochs)), ("unfrozen", lambda: unfreeze(learn))):
        started = time.perf_counter()
        results[name] = train().history["val_accuracy"][-1]
        results[f"{name}_seconds"] = time.perf_counter() - started
    views, targets = learn.tta()
    results["tta"] = float((views.mean(axis=0).argmax(axis=1) == targets).mean())
    return results


def unfreeze(learn: kf.ImageLearner) -> keras.callbacks.History:
    """The notes' quick recipe: BatchNormalization statistics held, small rates for the pretrained layers, one cycle."""
    learn.precompute = False
    learn.bn_freeze(True)
    learn.unfreeze()
    return learn.fit(RATES, 1, cycle_len=1)


# %%
if __name__ == "__main__":
    from command import main

    application = keras.applications.MobileNet
    main(__doc__, run, {"mobilenet": lambda file: kf.Backbone.from_keras(application, alpha=0.75, weights=file)})
