"""The course's architecture names; each stands for a backbone of kerasfast."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras

from kerasfast.fastai.torch_names.layers import AdaptiveAvgPool2d, Linear
from kerasfast.fastai.torch_names.methods import with_torch_methods
from kerasfast.vision.networks.graphs import pieces
from kerasfast.vision.networks.registry import Backbone, get

__all__ = [
    "Architecture", "as_backbone", "dn121", "dn161", "dn169", "dn201", "efficientnet_lite0", "inception_4",
    "inceptionresnet_2", "mobilenet", "mobilenet_v2", "nasnet", "nasnetalarge", "resnet101", "resnet152", "resnet18",
    "resnet34", "resnet50", "resnext101", "resnext101_64", "resnext50", "vgg16", "vgg19", "wrn",
]  # fmt: skip


@dataclass(frozen=True)
class Architecture:
    """A name that lessons pass around as `f_model` or `arch`; calling it builds the network.

    Args:
        name: The course's name.
        keras_name: The backbone's name in kerasfast (see `kerasfast.vision.backbones.names`).
    """

    name: str
    keras_name: str

    @property
    def __name__(self) -> str:
        return self.name

    def backbone(self) -> Backbone:
        """Return the backbone."""
        return get(self.keras_name)

    def __call__(self, pre: bool = True) -> keras.Model:
        """Build the network up to its last feature map, with ImageNet's weights or random ones.

        Its children are those of torch's, whose last two, a pooling and a dense layer, lessons leave out.
        """
        model = with_torch_methods(self.backbone().create(weights="default" if pre else None))
        object.__setattr__(model, "children", lambda: [*pieces(model), AdaptiveAvgPool2d(1), Linear(1, 1000)])
        return model


def as_backbone(f: Architecture | str | Callable | keras.Model | Backbone) -> Backbone:
    """Return the backbone of an architecture name of the course, or of anything that the core takes for one."""
    return f.backbone() if isinstance(f, Architecture) else get(f)


resnet18 = Architecture("resnet18", "resnet18")
resnet34 = Architecture("resnet34", "resnet34")
resnet50 = Architecture("resnet50", "resnet50_torch")
resnet101 = Architecture("resnet101", "resnet101_torch")
resnet152 = Architecture("resnet152", "resnet152_torch")
resnext50 = Architecture("resnext50", "resnext50_32x4d")
resnext101 = Architecture("resnext101", "resnext101_32x4d")
resnext101_64 = Architecture("resnext101_64", "resnext101_64x4d")
wrn = Architecture("wrn", "wide_resnet50_2")
vgg16 = Architecture("vgg16", "vgg16_bn")
vgg19 = Architecture("vgg19", "vgg19_bn")
dn121 = Architecture("dn121", "densenet121")
dn161 = Architecture("dn161", "densenet161")
dn169 = Architecture("dn169", "densenet169")
dn201 = Architecture("dn201", "densenet201")
inceptionresnet_2 = Architecture("inceptionresnet_2", "inception_resnet_v2")
inception_4 = Architecture("inception_4", "inception_v4")
nasnet = Architecture("nasnet", "nasnet_large")
nasnetalarge = Architecture("nasnetalarge", "nasnet_large")
# Not the course's, but small and quick, and the weights of the first come from the package index.
efficientnet_lite0 = Architecture("efficientnet_lite0", "efficientnet_lite0")
mobilenet = Architecture("mobilenet", "mobilenet")
mobilenet_v2 = Architecture("mobilenet_v2", "mobilenet_v2")
