"""Trains networks with `kerasfast.fastai` and with torch from the same weights on the same batches, step by step.

    python benchmarks/torch_parity.py PYTHON_WITH_TORCHVISION [NETWORK ...] [--curves]

The torch side is written out below as the course's library does it: SGD with momentum, a rate for each of three layer
groups, cosine cycles with restarts, weight decay in the loss or decoupled, BatchNormalization of frozen groups or of
the whole network held. Each line: what trains, the training loss of the first and the last step on both sides, the
largest difference over all steps, and the largest difference of the validation predictions after the last step. The
same two differences are printed of torch in float64 from torch in float32: what rounding alone does. Moving variances
of BatchNormalization divide by n here and by n - 1 in torch; the last number is the difference of the validation
predictions where torch divides by n too.
"""

import argparse
import contextlib
import dataclasses
import functools
import io
import json
import math
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

SIDE, BATCH, STEPS, CLASSES = 64, 16, 8, 4  # steps of an epoch
CYCLES, CYCLE_MULT = 3, 2  # 1 + 2 + 4 epochs
RATES, DECAY, MOMENTUM = [1e-4, 1e-3, 1e-2], 1e-3, 0.9
STATES = {
    "the head": {"first": 2},
    "from the middle": {"first": 1},
    "all, statistics move": {"first": 0},
    "all, statistics held": {"first": 0, "held": True},
    "all, decay decoupled": {"first": 0, "decoupled": True},
}
# The first module of the second layer group, and what pixels become.
NETWORKS = {"resnet18": ("layer3", "torch"), "resnet34": ("layer3", "torch"), "mobilenet_v2": ("features.7", "tf")}


# ---------------------------------------------------------------- torch


def body_of(name: str):
    """Return torchvision's network without its classifier; MobileNetV2 with the padding and epsilon of Keras's."""
    import torch
    import torchvision
    from torch import nn

    torch.manual_seed(0)
    if name != "mobilenet_v2":
        network = getattr(torchvision.models, name)(weights=None)
        children = list(network.named_children())[:-2]
        body = nn.Sequential()
        for child, module in children:
            body.add_module(child, module)
        return body
    network = torchvision.models.mobilenet_v2(norm_layer=functools.partial(nn.BatchNorm2d, eps=1e-3))
    for module in list(network.modules()):
        for layer in module.children():
            if isinstance(layer, nn.Conv2d) and layer.stride == (2, 2):
                layer.padding = (0, 0)
                layer.register_forward_pre_hook(lambda _, inputs: nn.functional.pad(inputs[0], (0, 1, 0, 1)))
    body = nn.Sequential()
    body.add_module("features", network.features)
    return body


def normalised(pixels: np.ndarray, mode: str):
    import torch

    x = torch.from_numpy(pixels).float().permute(0, 3, 1, 2).contiguous() / 255
    if mode == "tf":
        return x * 2 - 1
    mean, deviation = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    return (x - torch.tensor(mean)[:, None, None]) / torch.tensor(deviation)[:, None, None]


def write_weights(name: str, folder: pathlib.Path) -> None:
    """Write random weights, with statistics that fit the pictures as those of a trained network would."""
    import torch

    if (folder / "weights.pth").exists():
        return
    body, pixels = body_of(name), np.load(folder.parent / "pictures.npy")
    folder.mkdir(exist_ok=True)
    norms = [module for module in body.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        body.train()(normalised(pixels, NETWORKS[name][1]))
    for norm in norms:
        norm.running_var.clamp_(min=0.05)
    torch.save(body.state_dict(), folder / "weights.pth")


def head_of(folder: pathlib.Path):
    """Return the head that kerasfast made, in torch."""
    import torch
    from torch import nn

    arrays = np.load(folder / "head.npz")
    layers = []
    for number in (1, 2):
        kernel, bias = arrays[f"dense{number}_0"], arrays[f"dense{number}_1"]
        norm, dense = nn.BatchNorm1d(kernel.shape[0]), nn.Linear(*kernel.shape)
        with torch.no_grad():
            dense.weight.copy_(torch.from_numpy(kernel.T))
            dense.bias.copy_(torch.from_numpy(bias))
        layers += [norm, dense, nn.ReLU()]
    return nn.Sequential(*layers[:-1], nn.LogSoftmax(dim=1))


class ConcatPool:
    """The course's pooling: maxima, then averages."""

    def __call__(self, x):
        import torch

        return torch.cat([x.amax(dim=(2, 3)), x.mean(dim=(2, 3))], dim=1)


def rate_factors(steps: int):
    """Yield the course's cosine annealing: a twentieth of the first cycle at a hundredth, then restarts."""
    length, place, iteration = steps, 0, 0
    while True:
        if iteration < steps / 20:
            yield 1 / 100
            iteration, place = iteration + 1, place + 1
            continue
        yield (math.cos(math.pi * place / length) + 1) / 2
        place += 1
        if place == length:
            place, length = 0, length * CYCLE_MULT


def train(name: str, folder: pathlib.Path) -> None:
    """Train on the batches that kerasfast trained on, in each state; write the losses and the last predictions."""
    for place in sorted(folder.glob("state*")):
        if not (place / "here.npz").exists():
            continue
        for file, kind, biased in (
            ("torch", "float32", False),
            ("torch64", "float64", False),
            ("biased", "float32", True),
        ):
            if not (place / f"{file}.npz").exists():
                losses, valid = train_in_one_state(name, folder, place, kind, biased=biased)
                np.savez(place / f"{file}.npz", losses=losses, valid=valid)


def divide_by_n(norm, inputs: tuple, _) -> None:
    """Take back, after a training step, that torch's moving variance of n values divides by n - 1."""
    if not norm.training:
        return
    x = inputs[0].detach()
    axes = [axis for axis in range(x.dim()) if axis != 1]
    excess = x.var(dim=axes, unbiased=True) - x.var(dim=axes, unbiased=False)
    norm.running_var.data.sub_(norm.momentum * excess)


def train_in_one_state(
    name: str, folder: pathlib.Path, place: pathlib.Path, kind: str, *, biased: bool
) -> tuple[list[float], np.ndarray]:
    import torch

    state, batches = json.loads((place / "state.json").read_text()), np.load(place / "batches.npz")
    late, mode = NETWORKS[name]
    body, head, pool = body_of(name), head_of(place), ConcatPool()
    body.load_state_dict(torch.load(folder / "weights.pth"))
    body.to(getattr(torch, kind)), head.to(getattr(torch, kind))
    for norm in [*body.modules(), *head.modules()]:
        if biased and isinstance(norm, torch.nn.modules.batchnorm._BatchNorm):
            norm.register_forward_hook(divide_by_n)
    names = [module for module, _ in body.named_modules()]
    early = names[: names.index(late)]
    groups = [[], [], list(head.modules())]
    for module_name, module in body.named_modules():
        groups[0 if module_name in early else 1].append(module)
    parameters = []
    for number, modules in enumerate(groups):
        trains = number >= state["first"]
        own = [parameter for module in modules for parameter in module.parameters(recurse=False)]
        for parameter in own:
            parameter.requires_grad = trains
        for module in modules:
            norm = isinstance(module, torch.nn.modules.batchnorm._BatchNorm)
            module.training = not (norm and (state.get("held") or not trains))
        parameters.append(own if trains else [])
    decoupled = state.get("decoupled", False)
    used = [number for number in range(3) if parameters[number]]
    optimizer = torch.optim.SGD(
        [{"params": parameters[number]} for number in used],
        lr=1.0,
        momentum=MOMENTUM,
        weight_decay=0.0 if decoupled else DECAY,
    )
    losses = []
    for x, y, factor in zip(batches["x"], batches["y"], rate_factors(STEPS), strict=False):
        for group, number in zip(optimizer.param_groups, used, strict=True):
            group["lr"] = RATES[number] * factor
        pixels = normalised(x, mode).to(getattr(torch, kind))
        loss = torch.nn.functional.nll_loss(head(pool(body(pixels))), torch.from_numpy(y))
        optimizer.zero_grad()
        loss.backward()
        if decoupled:
            with torch.no_grad():
                for group in optimizer.param_groups:
                    for parameter in group["params"]:
                        parameter.mul_(1 - group["lr"] * DECAY)
        optimizer.step()
        losses.append(loss.item())
    body.eval(), head.eval()
    with torch.no_grad():
        valid = torch.exp(head(pool(body(normalised(batches["valid"], mode).to(getattr(torch, kind))))))
    return losses, valid.numpy()


# ---------------------------------------------------------------- kerasfast


def pictures(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw coarse coloured patterns of CLASSES kinds, with noise."""
    random, kinds = np.random.default_rng(seed), np.random.default_rng(99)
    patterns = kinds.integers(60, 196, (CLASSES, 4, 4, 3))
    y = np.arange(count) % CLASSES
    coarse = patterns[y] + random.integers(-50, 51, (count, 4, 4, 3))
    x = coarse.repeat(SIDE // 4, 1).repeat(SIDE // 4, 2) + random.integers(-20, 21, (count, SIDE, SIDE, 3))
    return np.clip(x, 0, 255).astype(np.uint8), y


def learner(name: str, folder: pathlib.Path, data):
    """Return the course's learner of a network with the weights of the file, and no dropout."""
    import keras

    from kerasfast.fastai.conv_learner import ConvLearner
    from kerasfast.fastai.internals import architectures
    from kerasfast.vision.networks.torch_checkpoints import load_tensors, read_checkpoint

    keras.utils.set_random_seed(1)
    if name != "mobilenet_v2":
        network = getattr(architectures, name)
        return ConvLearner.pretrained(network, data, ps=0.0, weights=folder / "weights.pth")
    raw, tensors = (
        keras.applications.MobileNetV2(include_top=False, weights=None),
        read_checkpoint(folder / "weights.pth"),
    )
    prefixes = list(dict.fromkeys(key.rsplit(".", 1)[0] for key in tensors))
    layers = [layer for layer in raw.layers if layer.weights]
    load_tensors(zip(layers, prefixes, strict=True), tensors, source="weights.pth")
    backbone = dataclasses.replace(architectures.mobilenet_v2.backbone(), build=lambda weights: raw)
    return ConvLearner.pretrained(backbone, data, ps=0.0)


def train_here(name: str, folder: pathlib.Path, place: pathlib.Path, state: dict, data) -> None:
    """Train in one state; write the head and the batches for torch, the losses and the last predictions."""
    learn = learner(name, folder, data)
    head = [learn.model.get_layer(f"head_dense{number}").get_weights() for number in (1, 2)]
    dense = {f"dense{number}_{i}": values for number, pair in enumerate(head, start=1) for i, values in enumerate(pair)}
    np.savez(place / "head.npz", **dense)
    epochs = sum(CYCLE_MULT**cycle for cycle in range(CYCLES))
    rows = [batch for epoch in range(epochs) for batch in data.core.train.dataset(epoch).take(STEPS)]
    x, y = (np.stack([np.asarray(row[part]) for row in rows]) for part in (0, 1))
    np.savez(place / "batches.npz", x=x, y=y.astype(np.int64), valid=np.concatenate([x for x, _ in data.val_dl]))
    (place / "state.json").write_text(json.dumps(state))
    learn.freeze_to(state["first"])
    learn.bn_freeze(state.get("held", False))
    with contextlib.redirect_stdout(io.StringIO()):
        decoupled = state.get("decoupled", False)
        learn.fit(RATES, CYCLES, DECAY, cycle_len=1, cycle_mult=CYCLE_MULT, use_wd_sched=decoupled, metrics=[])
    np.savez(place / "here.npz", losses=learn.sched.losses, valid=np.exp(learn.predict()))


def compare(python: str, names: list[str], root: pathlib.Path, *, curves: bool) -> None:
    from kerasfast.fastai.dataset import ImageClassifierData
    from kerasfast.fastai.transforms import CropType, tfms_from_model

    train_set, valid_set = pictures(STEPS * BATCH, 0), pictures(64, 1)
    np.save(root / "pictures.npy", train_set[0])
    subprocess.run([python, __file__, "--write-weights", root, *names], check=True)
    for name in names:
        np.random.seed(0)
        tfms = tfms_from_model(None, SIDE, crop_type=CropType.NO)
        data = ImageClassifierData.from_arrays(root, train_set, valid_set, bs=BATCH, tfms=tfms)
        for number, state in enumerate(STATES.values()):
            place = root / name / f"state{number}"
            place.mkdir(exist_ok=True)
            if not (place / "here.npz").exists():
                train_here(name, root / name, place, state, data)
    subprocess.run([python, __file__, "--train", root, *names], check=True)
    for name in names:
        for number, title in enumerate(STATES):
            sides = [root / name / f"state{number}" / f"{side}.npz" for side in ("here", "torch", "torch64", "biased")]
            report(f"{name:13} {title:21}", *map(np.load, sides), curves=curves)


def apart(one: dict, other: dict, name: str) -> float:
    """Return the largest difference of two sides."""
    return float(np.abs(one[name] - other[name]).max())


def report(title: str, here: dict, torch: dict, torch64: dict, biased: dict, *, curves: bool) -> None:
    ours, theirs = here["losses"], torch["losses"]
    assert len(ours) == len(theirs), (len(ours), len(theirs))
    print(
        f"{title} {len(ours)} steps  first {ours[0]:.4f} {theirs[0]:.4f}  last {ours[-1]:.4f} {theirs[-1]:.4f}  "
        f"largest difference {apart(here, torch, 'losses'):.1e}  "
        f"validation {apart(here, torch, 'valid'):.1e}  "
        f"torch in float64: from float32 {apart(torch64, torch, 'losses'):.1e} {apart(torch64, torch, 'valid'):.1e}, "
        f"from here {apart(torch64, here, 'losses'):.1e}  "
        f"dividing by n: {apart(here, biased, 'valid'):.1e}",
        flush=True,
    )
    for step, pair in enumerate(zip(ours, theirs, strict=True) if curves else ()):
        print(f"    {step:3} {pair[0]:.6f} {pair[1]:.6f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("python", help="a Python that has torch and torchvision")
    parser.add_argument("networks", nargs="*", default=list(NETWORKS), help=f"some of {', '.join(NETWORKS)}")
    parser.add_argument("--curves", action="store_true", help="print both losses of every step")
    parser.add_argument("--keep", help="a folder for what both sides write; what is there is not computed again")
    arguments = parser.parse_args()
    with contextlib.nullcontext(arguments.keep) if arguments.keep else tempfile.TemporaryDirectory() as root:
        compare(arguments.python, arguments.networks, pathlib.Path(root), curves=arguments.curves)


if __name__ == "__main__":
    torch_side = {"--write-weights": write_weights, "--train": train}.get(sys.argv[1] if len(sys.argv) > 1 else "")
    if torch_side is None:
        main()
    else:
        for network in sys.argv[3:]:
            torch_side(network, pathlib.Path(sys.argv[2], network))
