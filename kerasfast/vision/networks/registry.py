"""The pretrained networks an image model can stand on, each with its own pixels, size, weights and split."""

import dataclasses
import difflib
import functools
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kerasfast.basics.arguments import whole
from kerasfast.vision.networks.applications import APPLICATIONS, NETWORKS, WeightsError
from kerasfast.vision.networks.builders import (
    application,
    application_name,
    application_weights,
    checked_sides,
    copied,
    existing,
    shortened,
)
from kerasfast.vision.networks.preprocessing import check_preprocess, prepare

if TYPE_CHECKING:
    import keras

# Keras and this package's networks are imported where they are used: `names` and
# `weights_available` answer without TensorFlow's six seconds.

# keras.applications moves the averages by 1% or 0.1% a step, which takes thousands of steps to
# follow new pictures: a model fine-tuned for one short cycle would be validated with ImageNet's
# statistics and fall apart. 10% a step is what the lessons' torch networks do.
BATCH_NORM_MOMENTUM = 0.9
__all__ = ["BATCH_NORM_MOMENTUM", "Backbone", "WeightsError", "get", "names"]


@dataclasses.dataclass(frozen=True)
class Backbone:
    """A network from RGB pixels to its last feature map, and what fine-tuning must know about it.

    Example:
        >>> backbone = get("resnet34")                            # or Backbone.from_keras(...)
        >>> model = backbone.create(weights=None)                 # doctest: +SKIP
        >>> backbone.split_layer(model)                           # doctest: +SKIP
        'layer3_0_conv1_pad'

    Attributes:
        name: What the registry calls it.
        size: The side of the square pictures it was trained on, in pixels.
        preprocess: `tf` (to -1..1), `torch` (ImageNet's mean and deviation), `caffe` (BGR minus
            the mean), `lite` (minus 127, by 128), `none` (the network reads 0..255), or a Keras layer.
        build: Called with "default", None or a path; returns the network with these weights.
        locate: Says without network or TensorFlow whether the default weights are here, and where.
        split: The layer at which the late group begins, by name or by index in the created
            model; None finds the stage boundary in the middle.
        sides: Height and width the network needs; None for any.
        own_names: Keep layer names such as `conv2d_17` as they are, instead of counting them anew.
    """

    name: str
    size: int
    preprocess: "str | keras.layers.Layer"
    build: "Callable[[Any], keras.Model]" = dataclasses.field(repr=False)
    locate: Callable[[], tuple[bool, str]] = dataclasses.field(repr=False)
    split: str | int | None = None
    sides: tuple[int | None, int | None] = (None, None)
    own_names: bool = False

    def create(self, *, weights: str | os.PathLike | None = "default", channels: int = 3) -> "keras.Model":
        """Build a flat functional model from pixels 0..255 (batch, height, width, channels) to the last feature map.

        Preprocessing is part of it, in Keras's own layers, so the saved file loads without this package.

        Args:
            weights: "default" for the backbone's own, None for random ones, or a file.
            channels: Of the pictures. Beyond three, the first kernels are extended with zeros.

        Raises:
            FileNotFoundError: There is no such file.
            WeightsError: The default weights cannot be had, or the file does not fit.
            ValueError: The network cannot be extended to so many channels.
        """
        from kerasfast.vision.networks.graphs import feature_map, rebuild

        if weights is not None and not (isinstance(weights, str) and weights == "default"):
            weights = existing(weights)
        raw = self.build(weights)
        try:
            model = rebuild(
                raw, feature_map(raw), sides=self.sides, preprocess=functools.partial(prepare, self.preprocess),
                momentum=BATCH_NORM_MOMENTUM, prefix=None if self.own_names else self.name, channels=channels,
            )  # fmt: skip
        except (ValueError, TypeError, StopIteration) as error:
            if channels == 3:
                raise
            raise ValueError(
                f"{self.name} cannot be extended from 3 to {channels} channels ({error}); take another backbone, or "
                "make three channels of yours."
            ) from error
        self.split_layer(model)
        return model

    def split_layer(self, model: "keras.Model") -> str:
        """Return the name of the layer of a created model at which the late group begins.

        Raises:
            ValueError: `split` names no layer, or one side of it has no parameters.
        """
        from kerasfast.vision.networks.graphs import stage_boundary

        if self.split is None:
            return stage_boundary(model)
        layers = [layer.name for layer in model.layers]
        if isinstance(self.split, int) and -len(layers) <= self.split < len(layers):
            name = layers[self.split]
        elif self.split in layers:
            name = self.split
        else:
            near = difflib.get_close_matches(str(self.split), layers, n=3, cutoff=0.3)
            raise ValueError(
                f"`split` must be one of the {len(layers)} layers of {self.name}; received {self.split!r}. "
                f"The nearest are {', '.join(near) or layers[len(layers) // 2]}."
            )
        index = layers.index(name)
        if not all(
            any(layer.trainable_weights for layer in part) for part in (model.layers[:index], model.layers[index:])
        ):
            raise ValueError(f"`split` at {name!r} leaves no parameters on one side; choose a layer nearer the middle.")
        return name

    def without_stages(self, count: int) -> "Backbone":
        """Return the network without its last stages: larger feature maps of fewer and simpler features.

        Args:
            count: How many halvings of the sides, counted from the end, to leave out with all that follows them.
        """
        whole("count", count, least=0)
        build = functools.partial(shortened, self.build, count)
        return dataclasses.replace(self, name=f"{self.name}_without{count}", build=build, split=None) if count else self

    def weights_available(self) -> tuple[bool, str]:
        """Say whether the default weights are here, and where, or what to do; without network, at once."""
        return self.locate()

    @classmethod
    def from_keras(
        cls,
        function: Callable,
        *,
        weights: str | os.PathLike | None = "imagenet",
        split: str | int | None = None,
        size: int | None = None,
        **kwargs: Any,
    ) -> "Backbone":
        """Make a backbone of a `keras.applications` function.

        Args:
            function: Such as `keras.applications.MobileNet`.
            weights: What "default" shall mean: "imagenet", a file, or None for random weights.
            split: The first late layer, by name or index; None for the family's own stage boundary.
            size: Side of the pictures in pixels; None for the network's own.
            **kwargs: Passed on, such as `alpha=0.75`.

        Raises:
            TypeError: The function is not one of `keras.applications`, or sets what the backbone decides.
            FileNotFoundError: There is no such weights file.
        """
        name = application_name(function, kwargs)
        if weights is not None and not (isinstance(weights, str) and weights == "imagenet"):
            weights = existing(weights)
        size = None if size is None else whole("size", size)
        record = cls._of_application(name, kwargs, weights)
        return dataclasses.replace(record, size=size or record.size, split=record.split if split is None else split)

    @classmethod
    def _of_application(cls, name: str, kwargs: dict, weights: Any) -> "Backbone":
        """Make the backbone of a row of `APPLICATIONS`; `weights` are its default ones."""
        row = APPLICATIONS[name]
        full_name = "_".join([name, *(f"{key}{value}" for key, value in sorted(kwargs.items()))])
        build = functools.partial(application, full_name, row, kwargs, weights)
        locate = functools.partial(application_weights, row, kwargs, weights)
        return cls(full_name, row.size, row.preprocess, build, locate, row.split)

    @classmethod
    def from_model(
        cls,
        model: "keras.Model",
        *,
        preprocess: "str | keras.layers.Layer | None" = None,
        size: int | None = None,
        split: str | int | None = None,
        name: str | None = None,
    ) -> "Backbone":
        """Make a backbone of any functional model; a classifier is cut at its last feature map.

        A network built for one size is copied for any size; where its layers do not allow that, it
        keeps its own, and `sides` says so.

        Args:
            model: Reads one picture (height, width, 3). Its weights are copied by `create`.
            preprocess: How pixels 0..255 become what it reads: see `Backbone`. None means "none".
            size: Side of the pictures in pixels; None for the model's own, or 224.
            split: The first late layer, by name or index; None for the stage boundary in the middle.
            name: What to call it; None for the model's name.

        Raises:
            ValueError: The model has another input, no feature map, nested models, or no such layer.
        """
        preprocess = "none" if preprocess is None else preprocess
        size = None if size is None else whole("size", size)
        own = checked_sides(model)
        check_preprocess(preprocess)
        record = cls(
            name or model.name,
            size or own[0] or 224,
            preprocess,
            functools.partial(copied, model),
            lambda: (True, "the weights of the model it was made of"),
            split,
            own_names=True,
        )
        try:
            record.create()
        except (ValueError, TypeError):  # what layers raise that cannot be built for any size
            if own == (None, None):
                raise
            record = dataclasses.replace(record, sides=own, size=own[0] if own[0] == own[1] else record.size)
            record.create()
        return record


def get(backbone: "str | Callable | keras.Model | Backbone") -> Backbone:
    """Return the backbone of a name, a `keras.applications` function, a functional model, or itself.

    Args:
        backbone: One of these.

    Raises:
        ValueError: No backbone has this name; the nearest names are listed.
        TypeError: It is none of these.

    Example:
        >>> get("mobilenet_v2").size
        224
    """
    if isinstance(backbone, Backbone):
        return backbone
    if isinstance(backbone, str):
        return _by_name(backbone)
    if isinstance(backbone, functools.partial) and not backbone.args:
        return Backbone.from_keras(backbone.func, **backbone.keywords)
    if hasattr(backbone, "operations"):
        return Backbone.from_model(backbone)
    if callable(backbone):
        own = getattr(backbone, "__module__", "").startswith("kerasfast.")
        return _by_name(backbone.__name__) if own else Backbone.from_keras(backbone)
    raise TypeError(
        f"Expected a name, a keras.applications function, a functional model or a Backbone; received {backbone!r}."
    )


def names() -> list[str]:
    """Return the names of all registered backbones, sorted.

    Example:
        >>> names()[:3]
        ['convnext_base', 'convnext_large', 'convnext_small']
    """
    return sorted([*APPLICATIONS, *NETWORKS])


@functools.cache
def _by_name(name: str) -> Backbone:
    if name in NETWORKS:
        row = NETWORKS[name]
        return Backbone(name, row.size, row.preprocess, row.build, row.locate)
    if name in APPLICATIONS:
        return Backbone._of_application(name, {}, "imagenet")
    near = difflib.get_close_matches(name.lower(), names(), n=5, cutoff=0.4)
    raise ValueError(
        f"No backbone is called {name!r}; the nearest are {', '.join(near) or ', '.join(names())}. "
        "For another network use Backbone.from_model."
    )
