"""The lesson from beginning to end on a folder of pictures: what `kerasfast demo` does."""

import os
import pathlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np

from kerasfast.arguments import whole
from kerasfast.demo import report
from kerasfast.demo.layout import Layout, detect_layout
from kerasfast.demo.planet_like import draw_planet_like
from kerasfast.metrics.tags import best_constant, best_threshold, f2, fbeta_score
from kerasfast.vision import backbones
from kerasfast.vision.data import ImageData
from kerasfast.vision.learner import ImageLearner
from kerasfast.vision.networks.registry import Backbone
from kerasfast.vision.pipeline.transforms import transforms_side_on, transforms_top_down

DRAWN_SIZE = 128
MAX_ZOOM = 1.05
VIEWS = 4
# The finder suggests where the loss falls most steeply, the upper end of what is stable once restarts are at work.
CAUTION = 4
# With BatchNormalization held still the backbone bears much smaller steps than the head, which stands on it alone.
TUNING_PART = 16
# The lessons' own choices lie between these; with few pictures the finder's curve is mostly noise.
RATES = (0.01, 0.2)
# A model beats a constant clearly when it takes this part of the way from there to a perfect score.
CLEAR_GAIN = 0.1


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
        for name, least in (("size", 32), ("batch_size", 2), ("n_train", 20), ("seed", 0)):
            whole(name, getattr(self, name), least=least)
        for name in ("out", "data"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, pathlib.Path(getattr(self, name)).expanduser().resolve())
        if self.data is not None and self.out.is_relative_to(self.data):
            raise ValueError(
                f"Results in {self.out} would lie among the pictures in {self.data}; choose another `out`."
            )
        if self.out.exists() and not self.out.is_dir():
            raise ValueError(f"`out` must be a folder; {self.out} is a file.")


@dataclass
class Progress:
    """Announces stages, each in a line, and keeps their seconds."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str, about: str) -> Iterator[None]:
        """Time what happens inside, under `name`."""
        print(f"\n== {name}: {about}", flush=True)
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 1)


def run_demo(settings: Settings, *, backbone: Backbone | None = None) -> dict[str, Any]:
    """Run the lesson, print what happens, write plots, weights, submission and summary; return the summary.

    Args:
        settings: What to work on.
        backbone: A network to use instead of the one that `settings` names.

    Returns:
        What `summary.json` holds: scores, the constant to beat, `beats_constant`, rates, seconds, files.

    Raises:
        ValueError: For settings, folders or labels that cannot be used; the message says what to do.
        WeightsError: If the pretrained weights cannot be had.
    """
    progress = Progress()
    backbone = _ready_backbone(backbone or backbones.get(settings.backbone))
    keras.utils.set_random_seed(settings.seed)
    data, layout = _data(settings, progress)
    files: dict[str, pathlib.Path] = {}
    with progress.stage("features", f"{backbone.name} looks at every picture once, at {settings.size} pixels"):
        metrics = {"metrics": [f2()]} if data.target_kind == "multi" else {}
        learn = ImageLearner.pretrained(backbone, data, precompute=True, **metrics)
    rates = _train(learn, settings.out, progress, files)
    scores = _score(learn, progress)
    files["predictions"] = report.plot_examples(learn.data, scores, settings.out, settings.seed)
    _submit(learn, scores, settings.out, progress, files)
    summary = {
        "data": layout.describe(),
        "backbone": backbone.name,
        "size": settings.size,
        "seed": settings.seed,
        **scores.figures(),
        "beats_constant": bool(scores.tta >= scores.constant + CLEAR_GAIN * (1 - scores.constant)),
        **rates,
        "seconds": {**progress.seconds, "total": round(sum(progress.seconds.values()), 1)},
    }
    return report.conclude(summary, files, settings.out)


def _ready_backbone(backbone: Backbone) -> Backbone:
    """Return the backbone once its weights are here, so that no time is spent on pictures without them."""
    if not backbone.weights_available()[0]:
        print(f"Fetching the weights of {backbone.name} ...", flush=True)
        backbone.create()
    return backbone


def _data(settings: Settings, progress: Progress) -> tuple[ImageData, Layout]:
    root = settings.data
    if root is None:
        root, n_test = settings.out / "planet", max(4, settings.n_train // 5)
        about = f"{settings.n_train} aerial pictures with tags and {n_test} to predict, in Planet's layout"
        with progress.stage("drawing", about):
            counts = {"n_train": settings.n_train, "n_test": n_test}
            draw_planet_like(root, **counts, size=DRAWN_SIZE, seed=settings.seed)
    with progress.stage("data", f"reading {root}"):
        layout = detect_layout(root)
        print(f"Found {layout.describe()}.")
        side_on = transforms_side_on(settings.size, max_zoom=MAX_ZOOM)
        data = layout.open(side_on, batch_size=settings.batch_size, seed=settings.seed)
        if data.target_kind == "multi":
            data = replace(data, transforms=transforms_top_down(settings.size, max_zoom=MAX_ZOOM))
        data = replace(data, path=settings.out)
        print(report.describe_data(data))
    return data, layout


def _train(
    learn: ImageLearner, out: pathlib.Path, progress: Progress, files: dict[str, pathlib.Path]
) -> dict[str, Any]:
    """Train head, then the whole network; return the rates."""
    with progress.stage("finder", "the learning rate grows until the loss explodes"):
        search = learn.lr_find()
        rate = float(np.clip(search.suggestion / CAUTION, *RATES))
        files["learning rate finder"] = report.plot_finder(search, out)
        steepest = f"The loss falls most steeply at {search.suggestion:.2g}"
        print(f"{steepest}; training takes 1/{CAUTION} of that, kept between {RATES[0]} and {RATES[1]}: {rate:.2g}.")
    with progress.stage("head", f"the new layers learn from the features, rate {rate:.2g}, 3 cycles"):
        learn.fit(rate, 3, cycle_len=1, cycle_mult=2)
        recorders = {"head": learn.recorder}
    # Pictures unlike ImageNet's need more change in the early layers than photographs of cats and dogs.
    parts = (9, 3, 1) if learn.data.target_kind == "multi" else (100, 10, 1)
    tuned = [rate / TUNING_PART / part for part in parts]
    shown = ", ".join(f"{value:.2g}" for value in tuned)
    with progress.stage("fine-tuning", f"all layers learn from augmented pictures, rates {shown}, 2 cycles"):
        learn.precompute = False
        learn.unfreeze()
        # A thousand pictures are too few to replace the averages that ImageNet left behind.
        learn.bn_freeze()
        learn.fit(tuned, 2, cycle_len=1, cycle_mult=2)
        recorders["whole network"] = learn.recorder
        files["weights"] = learn.save("demo")
    files["losses and rates"] = report.plot_training(recorders, out)
    return {"suggested_rate": search.suggestion, "head_rate": rate, "fine_tuning_rates": tuned}


def _score(learn: ImageLearner, progress: Progress) -> report.Scores:
    with progress.stage("validation", f"each picture plain and in {VIEWS} augmented views"):
        views, targets = learn.tta(VIEWS)
    plain, mean = views[0], np.mean(views, axis=0)
    if learn.data.target_kind == "multi":
        threshold, score = best_threshold(targets, mean)
        tags, _ = best_constant(learn.data.fixed.targets)
        constant = fbeta_score(targets, np.tile(tags, (len(targets), 1)))
        return report.Scores("F2", constant, best_threshold(targets, plain)[1], score, mean, threshold)
    commonest = np.bincount(learn.data.fixed.targets).argmax()
    plain_score, score = (float(np.mean(rows.argmax(axis=1) == targets)) for rows in (plain, mean))
    return report.Scores("accuracy", float(np.mean(targets == commonest)), plain_score, score, mean)


def _submit(
    learn: ImageLearner, scores: report.Scores, out: pathlib.Path, progress: Progress, files: dict[str, pathlib.Path]
) -> None:
    if learn.data.test is None:
        print("\nThere are no test pictures, so there is no submission file.")
        return
    with progress.stage("submission", f"{len(learn.data.test)} test pictures, plain and in {VIEWS} augmented views"):
        predictions = np.mean(learn.tta(VIEWS, is_test=True)[0], axis=0)
        path = out / "submission.csv.gz"
        files["submission"] = learn.submission(path, predictions=predictions, threshold=scores.threshold)
