# %% What unfreezing costs the first and the second time, and test-time augmentation against a plain prediction
"""Usage: python benchmarks/unfreezing_and_tta.py DATA --weights mobilenet_v1_0.25_224_no_top.weights.h5 [options]

DATA holds train/<class>/ and valid/<class>/. The network is MobileNet, by default with `--alpha 0.25 --size 128`.
"""

import argparse
import contextlib
import io
import statistics
import tempfile
import time
from collections.abc import Callable

import keras
from timing import cost, interleaved, print_costs, print_versions

import kerasfast as kf


def seconds(run: Callable[[], object]) -> float:
    begin = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        run()
    return time.perf_counter() - begin


def states(learn: kf.ImageLearner, repeats: int) -> dict[str, float]:
    """Return the seconds of a short fit after each change of what trains, the fits of known states as medians."""

    def fit() -> None:
        learn.fit(1e-3, 1)

    def changed(change: Callable[[], None]) -> float:
        return seconds(lambda: (change(), fit()))

    found = {"first fit, frozen": changed(learn.freeze), "same state": seconds(fit)}
    found["first unfreezing"], found["same state, unfrozen"] = changed(learn.unfreeze), seconds(fit)
    again = {"freezing again": [], "same": [], "unfreezing again": [], "same, unfrozen": []}
    for _ in range(repeats):
        again["freezing again"].append(changed(learn.freeze))
        again["same"].append(seconds(fit))
        again["unfreezing again"].append(changed(learn.unfreeze))
        again["same, unfrozen"].append(seconds(fit))
    medians = {name: statistics.median(values) for name, values in again.items()}
    return found | {
        "freezing again": medians["freezing again"] - medians["same"],
        "unfreezing again": medians["unfreezing again"] - medians["same, unfrozen"],
    }


# %%
if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--alpha", type=float, default=0.25, help="the width of the network")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    print_versions()
    backbone = kf.Backbone.from_keras(keras.applications.MobileNet, alpha=options.alpha, weights=options.weights)
    transforms = kf.transforms_side_on(options.size, max_zoom=1.1)
    with tempfile.TemporaryDirectory() as work:
        data = kf.ImageData.from_folders(options.data, transforms=transforms)
        learn = kf.ImageLearner.pretrained(backbone, data, hidden=(512,), path=work)
        few = kf.ImageData.from_folders(options.data, transforms=transforms, batch_size=400)
        learn.set_data(few)
        print("\n| a fit of one epoch after | seconds |\n|---|---|")
        for name, value in states(learn, options.repeats).items():
            print(f"| {name}{' (beyond the fit)' if 'again' in name else ''} | {value:.2f} |", flush=True)
        learn.set_data(data)
        runs = {
            "plain prediction": lambda: cost(learn.predict).per(len(data.valid)),
            "tta, plain and 4 augmented views": lambda: cost(learn.tta).per(len(data.valid)),
            "tta, plain and 3 augmented views": lambda: cost(lambda: learn.tta(3)).per(len(data.valid)),
        }
        print_costs(f"Predicting at {options.size}, for a picture", interleaved(runs, options.repeats))
