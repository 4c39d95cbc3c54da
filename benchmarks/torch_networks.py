"""Compares the networks that read torch's names with torchvision's own, on the same random weights and pictures.

    python benchmarks/torch_networks.py PYTHON_WITH_TORCHVISION [NAME ...]

Each line: a network, the largest difference of its last feature map in the units of the map's largest value, and the
largest difference of the gradient of its mean square with respect to the first convolution, in the same way.
"""

import pathlib
import subprocess
import sys
import tempfile

import numpy as np

NETWORKS = {
    "resnet18": "resnet18",
    "resnet34": "resnet34",
    "resnet50_torch": "resnet50",
    "resnext50_32x4d": "resnext50_32x4d",
    "resnext101_32x4d": "ResNet of 32 groups of 4",
    "resnext101_64x4d": "resnext101_64x4d",
    "wide_resnet50_2": "wide_resnet50_2",
    "vgg16_bn": "vgg16_bn",
    "vgg19_bn": "vgg19_bn",
    "densenet161": "densenet161",
}
SIDES = (97, 64)


def write(name: str, folder: pathlib.Path) -> None:
    """In the environment with torch: write random weights, and what torch makes of a random picture with them."""
    import torch
    import torchvision

    torch.manual_seed(0)
    if name == "resnext101_32x4d":  # which torchvision can build, but does not name
        blocks = torchvision.models.resnet.Bottleneck
        network = torchvision.models.ResNet(blocks, [3, 4, 23, 3], groups=32, width_per_group=4)
    else:
        network = getattr(torchvision.models, NETWORKS[name])(weights=None)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for values, low, high in (
                (module.weight, 0.8, 1.2),
                (module.bias, -0.1, 0.1),
                (module.running_mean, -0.1, 0.1),
                (module.running_var, 0.8, 1.2),
            ):
                torch.nn.init.uniform_(values, low, high)
    if hasattr(network, "layer4"):
        first, body = network.conv1, torch.nn.Sequential(*list(network.children())[:-2])
    else:
        first = network.features[0]
        body = torch.nn.Sequential(network.features, torch.nn.ReLU()) if "dense" in name else network.features
    # The file comes first: torch counts the batches that it normalises.
    torch.save(network.state_dict(), folder / "weights.pth")
    x = torch.randn(2, 3, *SIDES)
    body.eval()
    y = body(x)
    y.square().mean().backward()
    arrays = {"x": x, "y": y.detach(), "gradient": first.weight.grad}
    np.savez(folder / "torch.npz", **{key: array.numpy() for key, array in arrays.items()})


def compare(name: str, folder: pathlib.Path) -> tuple[float, float]:
    """Return the largest differences of the last feature map and of the gradient of the first convolution."""
    import keras
    import tensorflow as tf

    from kerasfast.vision.networks.applications import NETWORKS as OURS

    model = OURS[name].build(folder / "weights.pth")
    torch = np.load(folder / "torch.npz")
    first = next(layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D))
    with tf.GradientTape() as tape:
        y = model(torch["x"].transpose(0, 2, 3, 1), training=False)
        loss = tf.reduce_mean(tf.square(y))
    gradient = tape.gradient(loss, first.kernel.value).numpy().transpose(3, 2, 0, 1)
    return difference(y.numpy().transpose(0, 3, 1, 2), torch["y"]), difference(gradient, torch["gradient"])


def difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Return the largest difference in units of the largest value."""
    assert ours.shape == theirs.shape, (ours.shape, theirs.shape)
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def main(arguments: list[str]) -> None:
    if not arguments:
        sys.exit(__doc__)
    for name in arguments[1:] or NETWORKS:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([arguments[0], __file__, "--write", name, folder], check=True)
            values, gradient = compare(name, pathlib.Path(folder))
        print(f"{name:18} features {values:.1e}  gradient {gradient:.1e}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--write"]:
        write(sys.argv[2], pathlib.Path(sys.argv[3]))
    else:
        main(sys.argv[1:])
