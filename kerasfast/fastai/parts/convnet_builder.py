"""The course's description of a pretrained network with a head, from which `ConvLearner` makes its model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kerasfast.fastai.core import SGD_Momentum
from kerasfast.fastai.dataset import ImageClassifierData
from kerasfast.fastai.internals.architectures import as_backbone
from kerasfast.fastai.torch_names.module_layer import ModuleLayer
from kerasfast.fastai.torch_names.modules import Module, ModuleList, parts_of
from kerasfast.vision.learner import ImageLearner
from kerasfast.vision.networks.heads import CustomHead

__all__ = ["ConvnetBuilder"]


@dataclass
class ConvnetBuilder:
    """A pretrained network and the head that it gets, for `ConvLearner(data, ConvnetBuilder(...))`.

    Args:
        f: Architecture name such as `resnet34`, or a `kerasfast.Backbone`, a `keras.applications` function or a
            functional model.
        c: Number of classes, or of values.
        is_multi: Whether a picture can have several tags.
        is_reg: Whether values are predicted.
        ps: Dropout before each dense layer of the head, one value or one for each; by default 0.25, the last 0.5.
        xtra_fc: Units of the head's hidden layers; [512] by default.
        xtra_cut: Stages of the network to leave out at its end.
        custom_head: Keras layers, a model or a function instead of the head.
        pretrained: False for random weights.
    """

    f: Any
    c: int
    is_multi: bool
    is_reg: bool
    ps: float | Sequence[float] | None = None
    xtra_fc: Sequence[int] | None = None
    xtra_cut: int = 0
    custom_head: CustomHead | None = None
    pretrained: bool = True

    @property
    def name(self) -> str:
        """The network's name and the stages left out."""
        return f"{getattr(self.f, '__name__', self.f)}_{self.xtra_cut}"

    def learner_for(
        self,
        data: ImageClassifierData,
        *,
        weights: Any = "default",
        opt_fn: Callable | None = None,
        clip: float | None = None,
        accelerate: bool = False,
    ) -> ImageLearner:
        """Return kerasfast's learner of the network on the data; see `ConvLearner.pretrained`.

        Raises:
            ValueError: If the data has other classes, or another kind of target; a `custom_head` is for any.
        """
        said, found = (self.c, self.is_multi, self.is_reg), (data.c, data.is_multi, data.is_reg)
        if said != found and self.custom_head is None:
            raise ValueError(f"The builder was made for (c, is_multi, is_reg) = {said}, and the data has {found}.")
        hidden = [512] if self.xtra_fc is None else list(self.xtra_fc)
        head = self.custom_head
        if isinstance(head, ModuleList):
            head = [ModuleLayer(part) if isinstance(part, Module) else part for part in parts_of(head)]
        backbone = as_backbone(self.f)
        return ImageLearner.pretrained(
            backbone.without_stages(self.xtra_cut) if self.xtra_cut else backbone,
            data.core,
            hidden=hidden,
            dropout=[0.25] * len(hidden) + [0.5] if self.ps is None else self.ps,
            custom_head=head,
            weights=weights if self.pretrained else None,
            optimizer=opt_fn or SGD_Momentum(0.9),
            clip=clip,
            accelerate=accelerate,
            metrics=[],
        )
