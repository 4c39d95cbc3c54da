"""The course's image learner, and with a star everything that its lessons import from here."""

import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

from kerasfast.basics.arguments import sized
from kerasfast.fastai.dataset import ImageClassifierData
from kerasfast.fastai.initializers import *
from kerasfast.fastai.internals.architectures import *
from kerasfast.fastai.internals.stars import names_of
from kerasfast.fastai.learner import *
from kerasfast.fastai.learner import BasicModel, Learner
from kerasfast.fastai.metrics import accuracy, accuracy_thresh
from kerasfast.fastai.parts.absent import absent
from kerasfast.fastai.parts.convnet_builder import ConvnetBuilder
from kerasfast.vision.learner import ImageLearner
from kerasfast.vision.networks.heads import CustomHead

_REFUSED = absent(
    {
        "model_meta model_features": "a network is cut before its last pooling, and its layer groups are found in its "
        "graph: `learn.get_layer_groups()`, `ConvLearner.pretrained(..., xtra_cut=n)`",
    }
)
globals().update(_REFUSED)
__all__ = names_of(("learner", "internals.architectures", "initializers"), ("ConvLearner", "ConvnetBuilder", *_REFUSED))


class ConvLearner(Learner):
    """A learner for pictures. Make one with `ConvLearner.pretrained`.

    Example:

        data = ImageClassifierData.from_paths(PATH, tfms=tfms_from_model(resnet34, 224))
        learn = ConvLearner.pretrained(resnet34, data, precompute=True)
        learn.fit(0.01, 3)
        log_preds, y = learn.TTA()
    """

    core: ImageLearner

    def __init__(
        self,
        data: ImageClassifierData,
        models: ImageLearner | BasicModel | ConvnetBuilder,
        precompute: bool = False,
        opt_fn: Callable | None = None,
        tmp_name: str = "tmp",
        models_name: str = "models",
        metrics: Sequence[Callable] | None = None,
        clip: float | None = None,
        crit: Any = None,
        **network: Any,
    ):
        """Train what a `ConvnetBuilder` describes, or a model of your own: `ConvLearner(data, BasicModel(model))`.

        `network` has `weights` and `accelerate`; for all other arguments see `pretrained`.
        """
        if isinstance(models, ConvnetBuilder):
            models = models.learner_for(data, opt_fn=opt_fn, clip=clip, **network)
            models.store_path = pathlib.Path(data.path, tmp_name)
            metrics = _usual_metrics(data) if metrics is None else metrics
        elif network:
            raise TypeError(f"{sorted(network)} are for a `ConvnetBuilder`; received {type(models).__name__}.")
        super().__init__(data, models, opt_fn, tmp_name, models_name, metrics, clip, crit)
        if precompute:
            self.precompute = True

    @classmethod
    def pretrained(
        cls,
        f: Any,
        data: ImageClassifierData,
        ps: float | Sequence[float] | None = None,
        xtra_fc: Sequence[int] | None = None,
        xtra_cut: int = 0,
        custom_head: CustomHead | None = None,
        precompute: bool = False,
        pretrained: bool = True,
        *,
        weights: str | os.PathLike | None = "default",
        opt_fn: Callable | None = None,
        metrics: Sequence[Callable] | None = None,
        clip: float | None = None,
        crit: Any = None,
        accelerate: bool = False,
        tmp_name: str = "tmp",
        models_name: str = "models",
    ) -> "ConvLearner":
        """Put a head for the data on a pretrained network.

        Args:
            f: Architecture name such as `resnet34`, or a `kerasfast.Backbone`, a `keras.applications` function or a
                functional model.
            data: The pictures.
            ps: Dropout before each dense layer of the head, one value or one for each; by default 0.25, the last 0.5.
            xtra_fc: Units of the head's hidden layers; [512] by default.
            xtra_cut: Stages of the network to leave out at its end.
            custom_head: Keras layers, a model or a function instead of the head.
            precompute: Begin on stored activations.
            pretrained: False for random weights.
            weights: File of the network's weights; downloaded (or found in the Keras cache) by default.
            opt_fn: Makes the optimizer; SGD with momentum 0.9 by default.
            metrics: Functions (preds, targs); accuracy by default (for tags `accuracy_thresh(0.5)`).
            clip: Largest norm of the gradients.
            crit: Loss.
            accelerate: Use a GPU well; see `ImageLearner.pretrained`.
            tmp_name: Folder below the data's that activations are stored in; an absolute path stays what it is.
            models_name: Folder below the data's that weights are saved in.
        """
        if not isinstance(data, ImageClassifierData):
            raise ValueError(f"`data` must be an `ImageClassifierData`; received {type(data).__name__}.")
        described = ConvnetBuilder(
            f, data.c, data.is_multi, data.is_reg, ps, xtra_fc and sized("xtra_fc", xtra_fc), xtra_cut, custom_head,
            pretrained,
        )  # fmt: skip
        return cls(
            data, described, precompute, opt_fn, tmp_name, models_name, metrics, clip, crit,
            weights=weights, accelerate=accelerate,
        )  # fmt: skip

    @property
    def tmp_path(self) -> str:
        """Folder that activations are stored in."""
        return str(self.core.store_path)

    @property
    def precompute(self) -> bool:
        """Whether the head trains on stored activations, without augmentation; may be set."""
        return self.core.precompute

    @precompute.setter
    def precompute(self, wanted: bool) -> None:
        self.core.precompute = wanted

    def set_data(self, data: ImageClassifierData, precompute: bool = False) -> None:
        """Go on with other pictures or another size; the weights stay and the network below the head is frozen."""
        self.core.set_data(data.core, **({"precompute": True} if precompute else {}))
        self._data = data


def _usual_metrics(data: ImageClassifierData) -> list[Callable]:
    if data.is_reg:
        return []
    return [accuracy_thresh(0.5)] if data.is_multi else [accuracy]
