"""A learner of pictures whose head may learn from stored activations of the frozen backbone."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from kerasfast.basics.arguments import flag, whole
from kerasfast.basics.bars import say
from kerasfast.basics.described import some
from kerasfast.datasets import Datasets
from kerasfast.learner import Learner
from kerasfast.model_with_data import sgd_with_momentum
from kerasfast.optimizing.groups import LayerGroups, flat_layers
from kerasfast.optimizing.linear_fit import LinearFit
from kerasfast.optimizing.train_function import train_function_of
from kerasfast.training.keeping.saved_weights import TrainingState
from kerasfast.training.mixing import Mixing
from kerasfast.training.training_stage import OptimizerMaker, Stage
from kerasfast.vision.data import ImageData
from kerasfast.vision.fitting.features import FeatureView, precompute
from kerasfast.vision.fitting.solved_head import solve_head, train_head
from kerasfast.vision.networks.heads import ImageNetwork, check_sides
from kerasfast.vision.pipeline.on_device import Mover
from kerasfast.vision.pipeline.views import View
from kerasfast.vision.sources.decoding.decode import ImageError
from kerasfast.vision.tasks import task_of

FEATURE_BATCHES_PER_CALL = 32  # a head step takes a millisecond: less than the call that starts it


class HeadLearner(Learner):
    """What an `ImageLearner` is before it predicts; its arguments are those of `ImageLearner`."""

    def __init__(
        self,
        network: ImageNetwork,
        data: ImageData,
        *,
        precompute: bool = False,
        loss: Any = None,
        metrics: Sequence[Any] | None = None,
        mix: Mixing | None = None,
        optimizer: OptimizerMaker = sgd_with_momentum,
        clip: float | None = None,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        path: str | os.PathLike | None = None,
    ):
        task = task_of(data)
        if metrics is None:
            metrics = [task.metric()] if task.metric else []
        check_sides(network.features, data.transforms.sides)
        self.network = network
        super().__init__(
            network.model, data, groups=LayerGroups.split(network.model, network.split),
            loss=task.loss if loss is None else loss, metrics=metrics, optimizer=optimizer, clip=clip,
            steps_per_execution=steps_per_execution, jit_compile=jit_compile, path=path,
        )  # fmt: skip
        self._main.transform = _mover(data)
        self._features: Stage | None = None
        self.store_path = self.path / "tmp"
        self.freeze()
        self.mix = mix
        self.precompute = precompute

    @property
    def precompute(self) -> bool:
        """Whether the head trains on stored activations. Setting it True freezes the backbone and fills the store."""
        return self._features is not None

    @precompute.setter
    def precompute(self, wanted: bool) -> None:
        if not flag("precompute", wanted):
            self._features = None
        elif self._features is None:
            self._check_mix(self.mix, stored=True)
            super().freeze_to(-1)
            self._features = self._feature_stage()

    @property
    def mix(self) -> Mixing | None:
        """How training pictures are mixed with each other: `MixUp(...)`, `CutMix()` or None."""
        return self._main.mix

    @mix.setter
    def mix(self, mix: Mixing | None) -> None:
        self._check_mix(mix, stored=self.precompute)
        self._main.mix = mix

    def _check_mix(self, mix: Mixing | None, *, stored: bool) -> None:
        if not isinstance(mix, Mixing | None):
            raise ValueError(f"`mix` must be `kf.MixUp(0.4)`, `kf.CutMix()` or None; received {mix!r}.")
        if mix is not None and stored:
            raise ValueError(
                "`mix` mixes pictures, and with `precompute` the head trains on stored activations; set "
                "`learn.precompute = False` or unfreeze first, or `learn.mix = None`."
            )

    def freeze_to(self, first: int) -> None:
        """Train the layer groups from index `first` on; more than the head ends `precompute`."""
        super().freeze_to(first)
        if first not in (-1, len(self.groups) - 1):
            self.precompute = False

    def freeze_all_but(self, only: int) -> None:
        """Train one layer group alone; any but the head ends `precompute`."""
        super().freeze_all_but(only)
        if only not in (-1, len(self.groups) - 1):
            self.precompute = False

    def fit_head(self, *, seed: int = 42) -> LinearFit | None:
        """Train the head to convergence on stored activations of the training pictures; seconds, no rates, no epochs.

        A linear head (the default one) is solved by L-BFGS, for cross-entropy or, with numbers as targets, squared
        errors. Cross-validation inside the training set chooses a weight decay, and whether the head reads maxima and
        averages or averages alone, which suits photographs. Any other head, or a `loss` that is neither the usual one
        nor a `ClassLoss`, is trained for some 600 steps of AdamW. Validation pictures are not looked at, and none are
        mixed or augmented; `balanced` data weighs its pictures.

        Args:
            seed: Of the division of the training set for cross-validation.

        Returns:
            The solution with its weight decay and what was tried; None for a head that was trained by steps.
        """
        whole("seed", seed, least=0)
        stage = self._features or self._feature_stage(["train"])
        rows, halves = stage.data.train, self.network.features.layers[-1].name == "head_pool"
        fit = solve_head(
            self.network.head, rows.features, rows.targets, self.data.target_kind, self.loss, draws=rows.draws,
            halves=halves, seed=seed,
        )  # fmt: skip
        if fit is not None:
            say(f"The head is solved on {len(rows.features)} pictures, {fit}.")
            return fit
        stage.compile(self.loss, self.metrics, keras.optimizers.AdamW, jit_compile=self.jit_compile)
        with self._guard():
            train_head(stage)
        return None

    def _tries_rates(self) -> bool:
        return self.precompute and super()._tries_rates()

    def load(self, name: str, *, weights_only: bool = False) -> None:
        """Load what `save` wrote (see `Learner.load`); stored activations of another backbone are computed anew."""
        before = self.network.features.get_weights()
        super().load(name, weights_only=weights_only)
        after = self.network.features.get_weights()
        if self._features is not None and not all(map(np.array_equal, before, after)):
            self._features.data = self._stored_splits()

    def _restore(self, state: TrainingState) -> None:
        if any(state.record["trainable"][:-1]):
            self.precompute = False
        super()._restore(state)

    def set_data(self, data: ImageData, *, precompute: bool = False) -> None:
        """Go on with other pictures or another size; the weights stay and the backbone is frozen.

        Raises:
            ValueError: If the classes or the kind of target differ, or the pictures are too small for the network.
        """
        task_of(data)
        if (data.target_kind, data.classes) != (self.data.target_kind, self.data.classes):
            raise ValueError(
                f"The new data must have the classes of the old, {some(self.data.classes)} ({self.data.target_kind}); "
                f"received {some(data.classes)} ({data.target_kind}). Make a new learner."
            )
        if data.channels != self.data.channels:
            raise ValueError(f"The network reads {self.data.channels} channels; the new data has {data.channels}.")
        check_sides(self.network.features, data.transforms.sides)
        if data.size != self.data.size:
            train_function_of(self.model).forget_sizes()
        self._main.data = data = replace(data, on_device=self.data.on_device)
        self._main.transform = _mover(data)
        self.precompute = False
        self.freeze()
        self.precompute = precompute

    def _stage(self) -> Stage:
        return self._features or self._main

    def _feature_stage(self, names: Sequence[str] = ("train", "valid", "test")) -> Stage:
        head, data = self.network.head, self._stored_splits(names)
        steps = min(FEATURE_BATCHES_PER_CALL, int(data.train.dataset().cardinality()))
        return Stage(head, LayerGroups(head, [flat_layers(head)]), data, steps_per_execution=steps)

    def _stored_splits(self, names: Sequence[str] = ("train", "valid", "test")) -> Datasets:
        """Return the activations of the pictures, for the backbone as it is now."""
        with self._guard():
            splits = {
                name: FeatureView(
                    self._stored(view),
                    view.targets,
                    view.batch_size,
                    shuffle=name == "train",
                    seed=view.seed,
                    draws=self.data.draws if name == "train" else None,
                )
                for name, view in self._views().items()
                if name in names
            }
        return Datasets(**splits)

    def _views(self) -> dict[str, View]:
        views = {"train": self.data.fixed, "valid": self.data.valid, "test": self.data.test}
        return {name: view for name, view in views.items() if view is not None}

    def _stored(self, view: View) -> np.ndarray:
        return precompute(self.network.features, view, self.store_path)

    @contextmanager
    def _guard(self) -> Iterator[None]:
        """Turn a decoding error, which names no file, into one that names all broken files."""
        try:
            yield
        except (tf.errors.InvalidArgumentError, tf.errors.NotFoundError, tf.errors.UnknownError) as error:
            if problems := self.data.source.broken():
                raise ImageError(problems) from error
            raise


def _mover(data: ImageData) -> Mover | None:
    return Mover(data.transforms.padding) if data.on_device else None
