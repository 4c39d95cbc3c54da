"""The practical deep learning of the fast.ai course for Keras 3 on TensorFlow.

    import kerasfast as kf

    data = kf.ImageData.from_folders("dogscats", transforms=kf.transforms_side_on(224))
    learn = kf.ImageLearner.pretrained("efficientnet_lite0", data)
    learn.lr_find().plot()
    learn.fit(0.01, 2, cycle_len=1)

Each name has a page of its own, such as `help(kf.ImageLearner)`.

Pictures
    ImageData, ImageLearner      pictures with their targets; a network that learns from them
    Transforms, transforms_basic, transforms_side_on, transforms_top_down
    Backbone, backbones          pretrained networks: `kf.backbones.names()`
    open_image, ImageError       read a picture; what is wrong with pictures
    validation_indices, write_submission
    MixUp, CutMix                pictures mixed with each other in training
    ImagePredictor               a learner in one file, that predicts anywhere

Tables
    TableData, TableLearner      rows with their targets; an entity-embedding model that learns from them
    guess_columns, ColumnGuess   which columns hold categories, which numbers
    TableEncoder, TablePredictor raw columns to arrays; raw rows to predictions
    CollabFilter                 ratings of items by users
    entity_embedding_model       the plain Keras model
    tabular                      dates, joins and events of data frames: `kf.tabular.add_date_parts`

Any Keras model
    Learner, Datasets            the course's fit, lr_find, freeze and save for a model and its data
    Phase                        a part of a training with settings of its own
    cross_validate, CrossValidation
    BundleError                  what is wrong with a file that a learner exported
    LayerGroups, grouped         layers in groups; an optimizer with rates of their own
    find_learning_rate, LearningRateSearch
    Schedule, Recorder, EpochTable, BestSaver, CycleSaver, WeightAverage        callbacks
    replicas                     several devices without a Learner: `kf.replicas.prepare`

Schedules: functions of time
    constant, linear, cosine, exponential, polynomial, piecewise_linear
    sgdr, one_cycle, triangular, join, repeat

Metrics
    FBeta, f2, ThresholdAccuracy, fbeta_score                                     tags
    best_threshold, best_thresholds, best_constant                                what to call a tag
    RMSPE, rmspe, exp_rmspe, rmspe_score                                          relative errors
    ArrayMetric                                                                   a function of NumPy arrays

Losses
    ClassLoss, TagLoss, balanced_weights    label smoothing, weights for rare classes and tags

Looking inside
    Interpretation               what is right, wrong and unsure on the validation set: `learn.interpret()`;
                                 `.report("report.html")` writes all of it as one page
    NumberInterpretation         the same where numbers are predicted
    grad_cam, plot_grad_cam      where in a picture a network finds a class
    TableInterpretation          the same for tables: importances, partial dependence, residuals
    class_frame                  precision, recall and the like by class, with intervals
    label_errors, near_duplicates                  labels that are probably wrong; rows that are in two sets
    look                         one picture's way through a network, in numbers: `kf.look.convolution`; augmentation
    expected_calibration_error, fit_temperature, with_temperature                 whether to believe probabilities

Plots
    plot_images, plot_predictions, plot_confusion_matrix, plot_calibration, save_figure
"""

import os
import sys
from typing import Any

from kerasfast.basics.quiet import LEVEL, quietly_imported
from kerasfast.version import __version__ as __version__

# TensorFlow's notes about its own start are for those who build it; its errors are shown. Unless you say otherwise, or
# TensorFlow was there first.
os.environ.setdefault(LEVEL, "2")

_HOMES = {
    "kerasfast.metrics.array_metrics": ["ArrayMetric"],
    "kerasfast.bundle": ["BundleError"],
    "kerasfast.cross_validation": ["CrossValidation", "cross_validate"],
    "kerasfast.training.averaging": ["WeightAverage"],
    "kerasfast.training.callbacks": ["EpochTable", "Recorder"],
    "kerasfast.training.following": ["Schedule"],
    "kerasfast.training.keeping.savers": ["BestSaver", "CycleSaver"],
    "kerasfast.datasets": ["Datasets"],
    "kerasfast.optimizing.groups": ["LayerGroups"],
    "kerasfast.interpretation.calibration": ["expected_calibration_error", "fit_temperature", "with_temperature"],
    "kerasfast.interpretation.classes": ["class_frame"],
    "kerasfast.interpretation.duplicates": ["near_duplicates"],
    "kerasfast.interpretation.label_errors": ["label_errors"],
    "kerasfast.learner": ["Learner"],
    "kerasfast.losses": ["ClassLoss", "TagLoss", "balanced_weights"],
    "kerasfast.training.lr_finder": ["LearningRateSearch", "find_learning_rate"],
    "kerasfast.metrics.tags": ["FBeta", "ThresholdAccuracy", "best_constant", "best_threshold", "f2", "fbeta_score"],
    "kerasfast.metrics.thresholds": ["best_thresholds"],
    "kerasfast.optimizing.optimizers": ["grouped"],
    "kerasfast.training.mixing": ["CutMix", "MixUp"],
    "kerasfast.training.training_plans": ["Phase"],
    "kerasfast.metrics.percentage_errors": ["RMSPE", "exp_rmspe", "rmspe", "rmspe_score"],
    "kerasfast.plots.curves": ["plot_confusion_matrix", "save_figure"],
    "kerasfast.plots.insight": ["plot_calibration"],
    "kerasfast.plots.pictures": ["plot_images", "plot_predictions"],
    "kerasfast.schedules": [
        "constant", "cosine", "exponential", "join", "linear", "one_cycle", "piecewise_linear", "polynomial", "repeat",
        "sgdr", "triangular",
    ],
    "kerasfast.tabular.collab": ["CollabFilter"],
    "kerasfast.tabular.data": ["TableData"],
    "kerasfast.tabular.encoding.encoder": ["TableEncoder"],
    "kerasfast.tabular.encoding.guess": ["ColumnGuess", "guess_columns"],
    "kerasfast.tabular.insight.interpretation": ["TableInterpretation"],
    "kerasfast.tabular.learner": ["TableLearner"],
    "kerasfast.tabular.networks.model": ["entity_embedding_model"],
    "kerasfast.tabular.predictor": ["TablePredictor"],
    "kerasfast.vision.networks.registry": ["Backbone"],
    "kerasfast.vision.data": ["ImageData"],
    "kerasfast.vision.sources.decoding.decode": ["ImageError", "open_image"],
    "kerasfast.vision.insight.grad_cam": ["grad_cam", "plot_grad_cam"],
    "kerasfast.vision.insight.interpretation": ["Interpretation"],
    "kerasfast.vision.insight.number_interpretation": ["NumberInterpretation"],
    "kerasfast.vision.learner": ["ImageLearner"],
    "kerasfast.vision.prediction.predictor": ["ImagePredictor"],
    "kerasfast.vision.sources.splits": ["validation_indices"],
    "kerasfast.vision.prediction.submission": ["write_submission"],
    "kerasfast.vision.pipeline.transforms": [
        "Transforms", "transforms_basic", "transforms_side_on", "transforms_top_down",
    ],
}  # fmt: skip
_MODULES = {
    "backbones": "kerasfast.vision.backbones",
    "look": "kerasfast.vision.insight.look",
    "replicas": "kerasfast.training.replicas",
    "tabular": "kerasfast.tabular",
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}
_PUBLIC = ["__version__", *sorted([*_HOME_OF, *_MODULES])]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `kerasfast --help` need not wait for TensorFlow."""
    if name == "__all__":
        return _all_for(sys._getframe(1).f_globals.get("__name__"))
    if name not in _HOME_OF and name not in _MODULES:
        raise AttributeError(f"module 'kerasfast' has no attribute {name!r}")
    module = quietly_imported(_MODULES.get(name) or _HOME_OF[name])
    value = globals()[name] = module if name in _MODULES else getattr(module, name)
    return value


def _all_for(reader: str | None) -> list[str]:
    """Return the public names; to `help(kerasfast)`, which would print the whole reference, none but the page above."""
    return [] if reader == "pydoc" else _PUBLIC


def __dir__() -> list[str]:
    return _PUBLIC
