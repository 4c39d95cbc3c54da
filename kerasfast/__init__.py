"""The practical deep learning of the fast.ai course for Keras 3 on TensorFlow."""

import os

from kerasfast.quiet import LEVEL, quietly_imported
from kerasfast.version import __version__

# TensorFlow's notes about its own start are for those who build it; its errors are shown. Unless you say otherwise, or
# TensorFlow was there first.
os.environ.setdefault(LEVEL, "2")

_HOMES = {
    "kerasfast.metrics.array_metrics": ["ArrayMetric"],
    "kerasfast.bundle": ["BundleError"],
    "kerasfast.cross_validation": ["CrossValidation", "cross_validate"],
    "kerasfast.training.callbacks": ["BestSaver", "CycleSaver", "EpochTable", "Recorder", "Schedule"],
    "kerasfast.datasets": ["Datasets"],
    "kerasfast.training.groups": ["LayerGroups"],
    "kerasfast.learner": ["Learner"],
    "kerasfast.training.lr_finder": ["LearningRateSearch", "find_learning_rate"],
    "kerasfast.metrics.tags": ["FBeta", "ThresholdAccuracy", "best_constant", "best_threshold", "f2", "fbeta_score"],
    "kerasfast.metrics.thresholds": ["best_thresholds"],
    "kerasfast.training.optimizers": ["grouped"],
    "kerasfast.training.training_plans": ["Phase"],
    "kerasfast.metrics.percentage_errors": ["RMSPE", "exp_rmspe", "rmspe", "rmspe_score"],
    "kerasfast.schedules": [
        "constant", "cosine", "exponential", "join", "linear", "one_cycle", "piecewise_linear", "polynomial", "repeat",
        "sgdr", "triangular",
    ],
    "kerasfast.tabular.collab": ["CollabFilter"],
    "kerasfast.tabular.data": ["TableData"],
    "kerasfast.tabular.encoding.encoder": ["TableEncoder"],
    "kerasfast.tabular.encoding.guess": ["ColumnGuess", "guess_columns"],
    "kerasfast.tabular.learner": ["TableLearner"],
    "kerasfast.tabular.model": ["entity_embedding_model"],
    "kerasfast.tabular.predictor": ["TablePredictor"],
    "kerasfast.vision.networks.registry": ["Backbone"],
    "kerasfast.vision.data": ["ImageData"],
    "kerasfast.vision.sources.decode": ["ImageError", "open_image"],
    "kerasfast.vision.learner": ["ImageLearner"],
    "kerasfast.vision.predictor": ["ImagePredictor"],
    "kerasfast.vision.sources.splits": ["validation_indices"],
    "kerasfast.vision.submission": ["write_submission"],
    "kerasfast.vision.pipeline.transforms": [
        "Transforms", "transforms_basic", "transforms_side_on", "transforms_top_down",
    ],
}  # fmt: skip
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = ["__version__", *sorted(_HOME_OF)]


def __getattr__(name: str):
    """Import a public name when it is first used, so that `kerasfast --help` need not wait for TensorFlow."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'kerasfast' has no attribute {name!r}")
    value = globals()[name] = getattr(quietly_imported(_HOME_OF[name]), name)
    return value


def __dir__() -> list[str]:
    return __all__
