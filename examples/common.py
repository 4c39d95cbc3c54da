"""What the image examples share: their command line, their network, and saved plots."""

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import tensorflow as tf
from matplotlib import pyplot as plt

import kerasfast as kf

ALPHAS = {"mobilenet": 0.75, "mobilenet_v2": 0.35}


@dataclass
class Settings:
    """The command line of an example.

    Attributes:
        path: Folder of the data, with a slash at its end.
        backbone: The pretrained network.
        tiny: Few steps on small pictures, to see that it runs.
        weights: "default", or None for a random network.
        plots: Files of the plots that were saved.
    """

    path: str
    backbone: Any = "efficientnet_lite0"
    tiny: bool = False
    weights: str | None = "default"
    plots: list[str] = field(default_factory=list)

    def __post_init__(self):
        self.path = os.path.join(os.fspath(self.path), "")

    @classmethod
    def parse(cls, usage: str, arguments: Sequence[str] | None = None) -> "Settings":
        """Read the command line.

        `--backbone mobilenet --weights FILE` takes MobileNet with alpha 0.75, `mobilenet_v2` that with 0.35.
        """
        parser = argparse.ArgumentParser(description=usage, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--data", required=True, help="folder of the data; plots and weights are written there")
        parser.add_argument("--backbone", default="efficientnet_lite0", help="name of a backbone")
        parser.add_argument("--weights", help="its weights file")
        parser.add_argument("--tiny", action="store_true", help="small pictures and few steps")
        given = parser.parse_args(arguments)
        if "TF_CONFIG" in os.environ:  # one of several workers; see README
            tf.distribute.experimental_set_strategy(tf.distribute.MultiWorkerMirroredStrategy())
        keras.utils.set_random_seed(42)
        return cls(given.data, network(given.backbone, given.weights), given.tiny)


def network(name: str, weights: str | None) -> str | kf.Backbone:
    """Return a backbone with weights of a file, or the name of one with its own weights."""
    if weights is None:
        return name
    functions: dict[str, Callable] = {
        "mobilenet": keras.applications.MobileNet,
        "mobilenet_v2": keras.applications.MobileNetV2,
    }
    if name not in functions:
        raise SystemExit(f"--weights goes with --backbone {' or '.join(functions)}; received {name}.")
    return kf.Backbone.from_keras(functions[name], alpha=ALPHAS[name], weights=weights)


def save_plot(settings: Settings, name: str) -> None:
    """Save the current figure as DIR/plots/NAME.png and close it."""
    os.makedirs(f"{settings.path}plots", exist_ok=True)
    file = f"{settings.path}plots/{name}.png"
    if kf.replicas.is_chief():  # of several workers one draws for all
        plt.gcf().savefig(file, dpi=100, bbox_inches="tight")
    plt.close("all")
    settings.plots.append(file)
