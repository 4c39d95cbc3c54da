"""The image learner: a pretrained backbone with a head, precomputed activations, test-time augmentation, submission."""

import functools
import os
import pathlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from kerasfast.basics.arguments import flag, limits_of, number, whole
from kerasfast.datasets import batches
from kerasfast.metrics.tags import best_threshold
from kerasfast.model_with_data import sgd_with_momentum
from kerasfast.training.callbacks import checked_callbacks
from kerasfast.training.mixing import Mixing
from kerasfast.training.training_stage import OptimizerMaker
from kerasfast.vision.data import ImageData
from kerasfast.vision.fitting.acceleration import batches_per_call, jit_compile_of_gpu, precision
from kerasfast.vision.fitting.fine_tuning import RATE, KeepBest, cycles_of, group_rates, joined, validation_logs
from kerasfast.vision.head_learner import HeadLearner
from kerasfast.vision.networks.heads import CustomHead, assemble
from kerasfast.vision.networks.registry import Backbone
from kerasfast.vision.pipeline.single import validation_pixels
from kerasfast.vision.pipeline.views import View
from kerasfast.vision.prediction.batches import PresentNetwork, predicted
from kerasfast.vision.prediction.predictor import ImagePredictor
from kerasfast.vision.prediction.submission import checked_ids, write_submission
from kerasfast.vision.prediction.tta import predict_views
from kerasfast.vision.prediction.windows import window_reader
from kerasfast.vision.tasks import task_of

if TYPE_CHECKING:
    from kerasfast.vision.insight.interpretation import Interpretation


class ImageLearner(HeadLearner):
    """A `Learner` for pictures. Make one with `ImageLearner.pretrained`.

    Three layer groups: early backbone, late backbone, head; only the head trains at first. With `precompute` the head
    learns from stored activations, without augmentation and many times faster; `learn.precompute = False` or unfreezing
    goes back to pictures, with the same head. Callbacks of such a fit see the head as their model; what
    `keras.callbacks.ModelCheckpoint` saves is the whole model all the same.

    Args:
        network: Model, features and head that share their layers.
        data: The pictures.
        precompute: Whether to begin on stored activations.
        loss: A Keras loss; by default that of the kind of target.
        metrics: As of `Learner`; by default the accuracy of classes or of tags.
        mix: `MixUp(0.4)` or `CutMix()`: training pictures are mixed with each other, inside the training step. May be
            changed at any time: `learn.mix = None`.
        optimizer, clip, steps_per_execution, jit_compile, path: As of `Learner`.

    Example:

        data = ImageData.from_folders("dogscats", transforms=transforms_side_on(224, max_zoom=1.1))
        learn = ImageLearner.pretrained("efficientnet_lite0", data)
        learn.fit_head()                            # seconds, on stored activations
        learn.fine_tune()                           # the whole network, and never below its start
        views, targets = learn.tta()
    """

    @classmethod
    def pretrained(
        cls,
        backbone: str | Callable | keras.Model | Backbone,
        data: ImageData,
        *,
        hidden: Sequence[int] = (),
        dropout: float | Sequence[float] | None = None,
        custom_head: CustomHead | None = None,
        pool: str = "concat",
        weights: str | os.PathLike | None = "default",
        precompute: bool = False,
        accelerate: bool = False,
        loss: Any = None,
        metrics: Sequence[Any] | None = None,
        mix: Mixing | None = None,
        optimizer: OptimizerMaker = sgd_with_momentum,
        clip: float | None = None,
        steps_per_execution: int | None = None,
        jit_compile: bool | str | None = None,
        path: str | os.PathLike | None = None,
    ) -> "ImageLearner":
        """Put a head for the data on a backbone.

        Softmax for one class per picture, sigmoid for tags, linear for a regression; the loss and a metric follow.

        Args:
            backbone: A name (see `backbones.names()`), a `keras.applications` function, a functional model or a
                `Backbone`.
            data: The pictures.
            hidden, dropout, custom_head, pool: See `heads.assemble`.
            weights: "default", None for random ones, or a file.
            accelerate: Use a GPU well, in one switch: layers in mixed_float16 (those of a model of your own stay what
                they are), the training step compiled by XLA (not in the scope of a strategy), training pictures
                augmented on the device. Without a GPU it trains several times slower, and warns.
            jit_compile, steps_per_execution: As of `Learner`; by default "auto" and 1, or what `accelerate` chooses (8
                batches a call: after each call Keras waits for the device).
            precompute, loss, metrics, mix, optimizer, clip, path: See `ImageLearner`.

        Returns:
            A learner whose head trains, and nothing else yet.

        Raises:
            ValueError: If the network is not known, or an argument is out of its range.
        """
        task, units = task_of(data), len(data.classes)
        with precision(flag("accelerate", accelerate)):
            network = assemble(
                backbone, units, activation=task.activation, hidden=hidden, dropout=dropout,
                custom_head=custom_head, pool=pool, weights=weights, channels=data.channels,
            )  # fmt: skip
        if accelerate:
            data = replace(data, on_device=True)
            jit_compile = jit_compile_of_gpu() if jit_compile is None else jit_compile
        if steps_per_execution is None:
            steps_per_execution = batches_per_call(data.train) if accelerate else 1
        return cls(
            network, data, precompute=precompute, loss=loss, metrics=metrics, mix=mix, optimizer=optimizer, clip=clip,
            steps_per_execution=steps_per_execution, jit_compile="auto" if jit_compile is None else jit_compile,
            path=path,
        )  # fmt: skip

    def fine_tune(
        self,
        epochs: int | None = None,
        learning_rate: float = RATE,
        *,
        head_first: bool = True,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        resume: bool | str = False,
    ) -> keras.callbacks.History:
        """Fit the head, then train the whole network gently, and keep the best of the start and of all epochs.

        A cycle of Adam with rates that grow from the early layers to the head by a factor of three each; where it
        gains and no number of epochs is asked for, up to two more follow, twice as long and three times as fast. The
        statistics of BatchNormalization are held (`bn_freeze`): few steps could not settle them, and a network trained
        with those of its batches ends below its start. The validation set says what is best and loaded: the lowest loss
        by more than a twentieth whose metric is no worse than at the start. So its score is a little too good.

        Args:
            epochs: Length of the only cycle; by default the first has some 200 optimizer steps, but 8 epochs at most.
            learning_rate: Largest rate of the head, in the first cycle.
            head_first: Whether to begin with `fit_head`; else the head goes on from where it is.
            callbacks: Further Keras callbacks.
            resume: As in `fit`; the head is fitted again, which is the same head.

        Returns:
            The history of all epochs.
        """
        if epochs is not None:
            whole("epochs", epochs)
        number("learning_rate", learning_rate, above=0)
        callbacks = checked_callbacks(callbacks)
        if flag("head_first", head_first):
            self.fit_head()
        self.unfreeze()
        self.bn_freeze()
        make_optimizer, self.make_optimizer = self.make_optimizer, keras.optimizers.Adam
        try:
            stage, histories = self._ready(None), []
            for length, rate in cycles_of(epochs, learning_rate, stage.steps()):
                with self._guard():
                    keeper = KeepBest(validation_logs(stage), self.metrics)
                rates, watched = group_rates(rate, len(self.groups)), [keeper, *callbacks]
                histories.append(self.fit_one_cycle(rates, length, callbacks=watched, resume=resume))
                if not keeper.gained:
                    break
            return joined(histories)
        finally:
            self.make_optimizer = make_optimizer

    def predict(self, is_test: bool = False) -> np.ndarray:
        """Return predictions (n, classes) for the validation set, or the test set, in the order of its file names.

        They are the model's own to 1e-5: BatchNormalization is folded into the convolutions, a quarter cheaper.
        """
        if self.precompute or self.model.distribute_strategy.num_replicas_in_sync > 1:
            return super().predict(is_test)
        view = self._split(self.data, is_test)
        with self._guard():
            return predicted(self._network, batches(view))

    @functools.cached_property
    def _network(self) -> PresentNetwork:
        return PresentNetwork(self.model)

    def tta(self, n_aug: int = 4, is_test: bool = False) -> tuple[np.ndarray, Any]:
        """Predict with test-time augmentation; every picture is read once for all its views.

        Args:
            n_aug: Number of augmented views.
            is_test: Whether to predict the test set instead of the validation set.

        Returns:
            Predictions (1 + n_aug, n, classes), the plain view first, and the targets (None for unlabelled pictures).
            Their mean over the first axis is the usual result.
        """
        with self._guard():
            views = predict_views(self.model, self.data, n_aug, is_test)
        return views, self._split(self.data, is_test).targets

    def predict_image(self, image: str | os.PathLike | bytes | np.ndarray) -> np.ndarray:
        """Return the predictions (classes,) for one picture: a file, its bytes or an array (height, width, 3) uint8."""
        transforms = self.data.transforms.validation()
        if isinstance(image, np.ndarray) or self.data.channels != 3:
            pixels = np.asarray(validation_pixels(image, transforms, self.data.channels))
        else:
            pixels = window_reader(transforms).of(image)
        return self._network(pixels[None])[0]

    def submission(
        self,
        path: str | os.PathLike,
        *,
        predictions: np.ndarray | None = None,
        threshold: float | Sequence[float] | None = None,
        ids: Sequence[object] | None = None,
        id_column: str | None = None,
        n_aug: int = 4,
        is_test: bool = True,
    ) -> pathlib.Path:
        """Write a submission file for the test set; see `write_submission`, whose checks come before any prediction.

        Args:
            path: The file; `.gz` at its end compresses it.
            predictions: (n, classes) probabilities; test-time augmentation makes them by default.
            threshold: Write the tags above it instead of a column of probabilities per class.
            ids: (n,) what to write in the first column; the names of the files, without folder and ending, by default.
            id_column: Name of the first column; `id`, or `image_name` with a threshold.
            n_aug: Augmented views, where `predictions` is not given.
            is_test: Whether for the test set; else the validation set.
        """
        view: View = self._split(self.data, is_test)
        options = {"threshold": threshold, "id_column": id_column}
        ids = checked_ids(view.files, self.data.classes, ids=ids, **options)
        if predictions is None:
            predictions = np.mean(self.tta(n_aug, is_test)[0], axis=0)
        return write_submission(path, view.files, predictions, self.data.classes, ids=ids, **options)

    def interpret(self, is_test: bool = False, *, threshold: float | Sequence[float] | None = None) -> "Interpretation":
        """Predict the validation set once and return what tells where the model is wrong, and how sure it is.

        Args:
            is_test: Whether to look at a labelled test set instead.
            threshold: Tags above it are predicted; by default what `export` writes.

        Returns:
            `Interpretation`; where the targets are numbers, a `NumberInterpretation`.

        Raises:
            ValueError: For a network of classes or tags whose outputs are no probabilities.
        """
        from kerasfast.vision.insight.grad_cam import grad_cam
        from kerasfast.vision.insight.number_interpretation import interpretation_of
        from kerasfast.vision.insight.origin import Origin, pooled

        if threshold is not None:
            limits_of("threshold", threshold, len(self.data.classes))
        predictions, targets = self.predict_with_targs(is_test)
        if threshold is None:
            threshold = self._threshold(None if is_test else (predictions, targets))
        origin = Origin(
            self.data, lambda view: pooled(self._stored(view)), {"training": self.recorder}, facts=self._facts(),
            beta=getattr(self.metrics[0], "beta", 1.0) if self.metrics else 1.0,
        )  # fmt: skip
        return interpretation_of(
            predictions, targets, self.data.classes, self.data.target_kind, view=self._split(self.data, is_test),
            threshold=threshold, heat=lambda pixels, index: grad_cam(self.model, pixels, index), origin=origin,
        )  # fmt: skip

    def export(self, path: str | os.PathLike, *, threshold: float | Sequence[float] | None = None) -> pathlib.Path:
        """Write the network, its preprocessing, size, crop and classes to one file, which `ImagePredictor.load` reads.

        Args:
            path: The file, such as "pets.kerasfast".
            threshold: Tags above it will be predicted, one or one per tag. By default that of the learner's first
                metric; where `FBeta` searches a grid, the best of it for the validation set, which is predicted for
                this.
        """
        return self.predictor(threshold=threshold).save(path)

    def predictor(self, *, threshold: float | Sequence[float] | None = None) -> ImagePredictor:
        """Return what `export` writes; it shares the learner's model."""
        if threshold is None:
            threshold = self._threshold()
        transforms = self.data.transforms.validation()
        summary = {
            "backbone": self.model.name,
            "pictures": {name: len(view) for name, view in self._views().items()},
            "last_epoch": self.recorder.epochs[-1] if self.recorder.epochs else {},
        }
        return ImagePredictor(
            self.model, transforms, self.data.classes, self.data.target_kind, threshold, self.data.batch_size, summary
        )

    def _threshold(self, predicted: tuple[np.ndarray, np.ndarray] | None = None) -> float:
        metric = self.metrics[0] if self.metrics and self.data.target_kind == "multi" else None
        grid = getattr(metric, "thresholds", None)
        if grid is None:
            return getattr(metric, "threshold", None) or 0.5
        predictions, targets = self.predict_with_targs() if predicted is None else predicted
        options = {"beta": metric.beta, "average": metric.average}
        return best_threshold(targets, predictions, thresholds=grid, **options)[0]
