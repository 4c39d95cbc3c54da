"""What `kerasfast demo` does: draw pictures unless there are some, and run the whole training on them."""

import os
import pathlib
from dataclasses import dataclass
from typing import Any

from kerasfast.basics.arguments import whole
from kerasfast.demo.planet_like import draw_planet_like
from kerasfast.runs.progress import Progress
from kerasfast.runs.settings import RunRecord, RunSettings
from kerasfast.runs.training import ready_backbone, run_training
from kerasfast.vision import backbones
from kerasfast.vision.networks.registry import Backbone

DRAWN_SIZE = 128


@dataclass(frozen=True)
class Settings:
    """What `run_demo` works on.

    Args:
        out: Folder of all results; made as needed.
        data: Folder of one's own pictures, only read; None draws some.
        backbone: Name of the pretrained network.
        size: Side of the pictures in pixels.
        batch_size: Pictures per step.
        n_train: Pictures to draw for training and validation; a fifth as many are drawn for the test.
        seed: Of drawing, split, shuffling, augmentation and new weights.

    Raises:
        ValueError: For a number out of range, or results inside the folder of the pictures.
    """

    out: str | os.PathLike = "kerasfast-demo"
    data: str | os.PathLike | None = None
    backbone: str = "efficientnet_lite0"
    size: int = 128
    batch_size: int = 32
    n_train: int = 1000
    seed: int = 42

    def __post_init__(self):
        whole("n_train", self.n_train, least=20)
        _ = self.run_settings

    @property
    def pictures(self) -> pathlib.Path:
        """The folder of the pictures, drawn or one's own."""
        return pathlib.Path(self.out) / "planet" if self.data is None else pathlib.Path(self.data)

    @property
    def run_settings(self) -> RunSettings:
        """The settings of the training."""
        own = {"backbone": self.backbone, "batch_size": self.batch_size, "seed": self.seed}
        return RunSettings(self.pictures, self.out, sizes=(self.size,), **own)


def run_demo(settings: Settings, *, backbone: Backbone | None = None) -> dict[str, Any]:
    """Draw pictures where there are none, and do what `run_training` does; return its summary.

    Args:
        settings: What to work on.
        backbone: A network to use instead of the one that `settings` names.

    Raises:
        ValueError: For settings, folders or labels that cannot be used; the message says what to do.
        WeightsError: If the pretrained weights cannot be had.
    """
    progress = Progress()
    backbone = ready_backbone(backbone or backbones.get(settings.backbone))
    if settings.data is None:
        n_test = max(4, settings.n_train // 5)
        about = f"{settings.n_train} aerial pictures with tags and {n_test} to predict, in Planet's layout"
        with progress.stage("drawing", about):
            counts = {"n_train": settings.n_train, "n_test": n_test}
            draw_planet_like(settings.pictures, **counts, size=DRAWN_SIZE, seed=settings.seed)
    return run_training(RunRecord(settings.run_settings, kept=False), backbone=backbone, progress=progress)
