"""The lesson from beginning to end on a folder of pictures: what `kerasfast train` and `kerasfast demo` do."""

import pathlib
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from kerasfast.keras_internals import repeatable_operations
from kerasfast.metrics.tags import FBeta, best_constant, best_threshold, f2, fbeta_score
from kerasfast.runs import report
from kerasfast.runs.layout import Layout, detect_layout
from kerasfast.runs.progress import Progress
from kerasfast.runs.settings import KIND_NAMES, VIEWS, RunRecord, RunSettings, size_in_words
from kerasfast.training.callbacks import Recorder
from kerasfast.vision import backbones
from kerasfast.vision.data import ImageData
from kerasfast.vision.learner import ImageLearner
from kerasfast.vision.networks.registry import Backbone
from kerasfast.vision.pipeline.transforms import transforms_side_on, transforms_top_down

MAX_ZOOM = 1.05
# A model beats a constant clearly when it takes this part of the way from there to a perfect score.
CLEAR_GAIN = 0.1
OF_KIND = {"single": ("accuracy",), "multi": ("f2", "f1"), "regression": ("mae",)}
BETAS = {"f2": 2.0, "f1": 1.0}


def run_training(
    record: RunRecord, *, backbone: Backbone | None = None, progress: Progress | None = None
) -> dict[str, Any]:
    """Run the recipe, print what happens, write model, plots, history, submission and summary; return the summary.

    Args:
        record: What to work on, and what was decided by the same run before it was killed.
        backbone: A network to use instead of the one that the settings name.
        progress: Stages that went before.

    Returns:
        What `summary.json` holds: scores, the constant to beat, `beats_constant`, rates, seconds, files.

    Raises:
        ValueError: For settings, folders or labels that cannot be used; the message says what to do.
        WeightsError: If the pretrained weights cannot be had.
    """
    progress, settings = progress or Progress(), record.settings
    backbone = ready_backbone(backbone or backbones.get(settings.backbone))
    keras.utils.set_random_seed(settings.seed)
    with repeatable_operations():
        summary = _run(record, backbone, progress)
    record.finish()
    return summary


def _run(record: RunRecord, backbone: Backbone, progress: Progress) -> dict[str, Any]:
    settings = record.settings
    data, layout = _data(settings, progress)
    metric = _metric_of(data, settings.metric)
    record.begin()
    print("\n".join(["", "Recipe", *(f"  {line}" for line in settings.recipe(data.test is not None))]), flush=True)
    files: dict[str, pathlib.Path] = {}
    learn = ImageLearner.pretrained(backbone, data, metrics=[_keras_metric(metric)])
    recorders = _train(learn, record, progress, files)
    scores = _score(learn, metric, progress)
    files["predictions"] = report.plot_examples(learn.data, scores, settings.out, settings.seed)
    with progress.stage("model", "writing all that predicting needs to one file"):
        files["model"] = learn.export(settings.out / "model.kerasfast", threshold=scores.plain_threshold)
    submit(learn, scores, settings.out, progress, files)
    with progress.stage("report", "results beside cheap peers, mistakes and doubtful labels, as one page"):
        report_of = learn.interpret(threshold=scores.plain_threshold)
        files["report"] = report_of.report(
            settings.out / "report.html", model=files["model"], facts=settings.facts(), recorders=recorders
        )
    summary = {
        "data": layout.describe(),
        "backbone": backbone.name,
        "size": settings.sizes[-1],
        "seed": settings.seed,
        **scores.figures(),
        "beats_constant": scores.gain() >= CLEAR_GAIN,
        "seconds": progress.totals(),
    }
    return report.conclude(summary, files, settings.out, pictures=layout.example())


def ready_backbone(backbone: Backbone) -> Backbone:
    """Return the backbone once its weights are here, so that no time is spent on pictures without them."""
    if not backbone.weights_available()[0]:
        print(f"Fetching the weights of {backbone.name} ...", flush=True)
        backbone.create()
    return backbone


def _data(settings: RunSettings, progress: Progress) -> tuple[ImageData, Layout]:
    with progress.stage("data", f"reading {settings.data}"):
        layout = detect_layout(settings.data, settings.csv, labels=settings.labels, kind=settings.kind)
        print(f"Found {layout.describe()}.")
        size = settings.sizes[0]
        side_on = transforms_side_on(size, max_zoom=MAX_ZOOM)
        options = {"batch_size": settings.batch_size, "seed": settings.seed, "skip_broken": settings.skip_broken}
        data = layout.open(side_on, **options)
        squares = all(isinstance(size, int) for size in settings.sizes)
        if data.target_kind == "multi" and squares:  # rectangles bear no quarter turns
            data = replace(data, transforms=transforms_top_down(size, max_zoom=MAX_ZOOM))
        data = replace(data, path=settings.out)
        print(report.describe_data(data))
    return data, layout


def _metric_of(data: ImageData, wanted: str | None) -> str:
    usual = OF_KIND[data.target_kind]
    if wanted is not None and wanted not in usual:
        kind = KIND_NAMES[data.target_kind]
        raise ValueError(f"The metric {wanted!r} does not fit these labels ({kind}); use {' or '.join(usual)}.")
    return wanted or usual[0]


def _keras_metric(metric: str) -> Any:
    if metric in ("accuracy", "mae"):
        return metric
    return f2() if metric == "f2" else FBeta(1.0, thresholds=f2().thresholds, name=metric)


def _train(
    learn: ImageLearner, record: RunRecord, progress: Progress, files: dict[str, pathlib.Path]
) -> dict[str, Recorder]:
    """Fit the head, then train the whole network gently at each size; return what was recorded, by stage."""
    settings, recorders = record.settings, {}
    name = learn.network.features.name
    with progress.stage("head", f"{name} looks at every picture once, and the new layer is solved on what it says"):
        learn.fit_head(seed=settings.seed)
    for size in settings.sizes:
        pixels = size_in_words(size)
        name = "fine-tuning" if len(settings.sizes) == 1 else f"fine-tuning {pixels}"
        with progress.stage(name, f"all layers learn gently from augmented pictures at {pixels} pixels"):
            if size != learn.data.size:
                learn.set_data(learn.data.at_size(size))
            learn.fine_tune(settings.epochs, head_first=False, resume=record.resume)
            recorders[name] = learn.recorder
    files["weights"] = learn.save("model")
    files["history"] = report.write_history(recorders, settings.out)
    files["losses and rates"] = report.plot_training(recorders, settings.out)
    return recorders


def _score(learn: ImageLearner, metric: str, progress: Progress) -> report.Scores:
    with progress.stage("validation", f"each picture plain and in {VIEWS} augmented views"):
        views, targets = learn.tta(VIEWS)
    plain, mean = views[0], np.mean(views, axis=0)
    if learn.data.target_kind == "multi":
        beta = BETAS[metric]
        threshold, score = best_threshold(targets, mean, beta=beta)
        plain_threshold, plain_score = best_threshold(targets, plain, beta=beta)
        tags, _ = best_constant(learn.data.fixed.targets, beta)
        constant = fbeta_score(targets, np.tile(tags, (len(targets), 1)), beta)
        return report.Scores(metric.upper(), constant, plain_score, score, mean, threshold, plain_threshold)
    if learn.data.target_kind == "regression":
        constant = np.median(learn.data.fixed.targets, axis=0)
        errors = [float(np.abs(np.reshape(other, targets.shape) - targets).mean()) for other in (plain, mean)]
        of_constant = float(np.abs(targets - constant).mean())
        return report.Scores("mean absolute error", of_constant, *errors, mean, perfect=0.0)
    commonest = np.bincount(learn.data.fixed.targets).argmax()
    plain_score, score = (float(np.mean(rows.argmax(axis=1) == targets)) for rows in (plain, mean))
    return report.Scores(metric, float(np.mean(targets == commonest)), plain_score, score, mean)


def submit(
    learn: ImageLearner, scores: report.Scores, out: pathlib.Path, progress: Progress, files: dict[str, pathlib.Path]
) -> None:
    """Write the submission, where there are test pictures."""
    if learn.data.test is None:
        print("\nThere are no test pictures, so there is no submission file.")
        return
    with progress.stage("submission", f"{len(learn.data.test)} test pictures, plain and in {VIEWS} augmented views"):
        predictions = np.mean(learn.tta(VIEWS, is_test=True)[0], axis=0)
        path = out / "submission.csv.gz"
        files["submission"] = learn.submission(path, predictions=predictions, threshold=scores.threshold)
