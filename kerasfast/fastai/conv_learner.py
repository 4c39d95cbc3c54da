"""The course's image learner, and with a star everything that its lessons import from here."""

import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

from kerasfast.fastai.core import SGD_Momentum
from kerasfast.fastai.dataset import ImageClassifierData
from kerasfast.fastai.internals.architectures import *
from kerasfast.fastai.internals.architectures import as_backbone
from kerasfast.fastai.internals.stars import names_of
from kerasfast.fastai.learner import *
from kerasfast.fastai.learner import BasicModel, Learner
from kerasfast.fastai.metrics import accuracy, accuracy_thresh
from kerasfast.fastai.torch_names.module_layer import ModuleLayer
from kerasfast.fastai.torch_names.modules import Module, ModuleList, parts_of
from kerasfast.vision.learner import ImageLearner
from kerasfast.vision.networks.heads import CustomHead

__all__ = names_of(("learner", "internals.architectures"), ("ConvLearner",))


class ConvLearner(Learner):
    """A learner for pictures. Make one with `ConvLearner.pretrained`.

    Example:

        data = ImageClassifierData.from_paths(PATH, tfms=tfms_from_model(resnet34, 224))
        learn = ConvLearner.pretrained(resnet34, data, precompute=True)
        learn.fit(0.01, 3)
        log_preds, y = learn.TTA()
    """

    core: ImageLearner

    def __init__(self, data: ImageClassifierData, core: ImageLearner | BasicModel, **arguments):
        """Train `ConvLearner.pretrained`'s networks, or a model of your own: `ConvLearner(data, BasicModel(model))`."""
        if isinstance(core, BasicModel):
            chosen = {name: arguments.pop(name) for name in ("opt_fn", "clip") if name in arguments}
            core = Learner.from_model_data(core, data, **chosen).core
        super().__init__(data, core, **arguments)

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
        hidden = [512] if xtra_fc is None else list(xtra_fc)
        if isinstance(custom_head, ModuleList):
            custom_head = [ModuleLayer(part) if isinstance(part, Module) else part for part in parts_of(custom_head)]
        image_learner = ImageLearner.pretrained(
            as_backbone(f).without_stages(xtra_cut) if xtra_cut else as_backbone(f),
            data.core,
            hidden=hidden,
            dropout=[0.25] * len(hidden) + [0.5] if ps is None else ps,
            custom_head=custom_head,
            weights=weights if pretrained else None,
            optimizer=opt_fn or SGD_Momentum(0.9),
            clip=clip,
            accelerate=accelerate,
            metrics=[],
        )
        image_learner.store_path = pathlib.Path(data.path, tmp_name)
        image_learner.precompute = precompute
        metrics = _usual_metrics(data) if metrics is None else metrics
        return cls(data, image_learner, metrics=metrics, crit=crit, models_name=models_name)

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
