"""Layer groups as the course's learner freezes them."""

from collections.abc import Sequence

import keras

from kerasfast.fastai.layer_optimizer import LayerOptimizer
from kerasfast.learner import Learner as CoreLearner
from kerasfast.optimizing.rates import Rates


class CourseGroups:
    """Which layer groups of a learner's model train, in the words of the course."""

    core: CoreLearner

    def freeze_to(self, n: int) -> None:
        """Train the layer groups from index n on."""
        self.core.freeze_to(n)

    def freeze_all_but(self, n: int) -> None:
        """Train one layer group alone."""
        self.core.freeze_all_but(n)

    def freeze(self) -> None:
        """Train the last layer group alone."""
        self.core.freeze()

    def unfreeze(self) -> None:
        """Train all layer groups."""
        self.core.unfreeze()

    def freeze_groups(self, groups: Sequence[int]) -> None:
        """Train all layer groups but these."""
        self._train_groups(groups, False, [True] * len(self.core.groups))

    def unfreeze_groups(self, groups: Sequence[int]) -> None:
        """Train these layer groups too."""
        self._train_groups(groups, True, self.core.groups.trainable)

    def bn_freeze(self, do_freeze: bool) -> None:
        """Hold the statistics of BatchNormalization, or let them move again."""
        self.core.bn_freeze(do_freeze)

    def get_layer_groups(self) -> list[list[keras.layers.Layer]]:
        """Return the layers of each group."""
        return self.core.groups.layers

    def get_layer_opt(self, lrs: Rates, wds: Rates | None = None) -> LayerOptimizer:
        """Return an optimizer with a rate and a weight decay per layer group."""
        return LayerOptimizer(self.core.make_optimizer, self.core.groups, lrs, wds)

    def _train_groups(self, groups: Sequence[int], trains: bool, marks: list[bool]) -> None:
        marks = list(marks)
        for index in groups:
            if not -len(marks) <= index < len(marks):
                raise ValueError(f"There are {len(marks)} layer groups, from 0; received {index}.")
            marks[index] = trains
        if any(marks[:-1]) and getattr(self.core, "precompute", False):
            self.core.precompute = False  # stored activations do not see these groups train
        self.core.groups.train_exactly(marks)
