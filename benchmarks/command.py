"""The command line that the benchmarks of pretrained networks share."""

import argparse
import tempfile
from collections.abc import Callable


def main(about: str, run: Callable[..., dict[str, float]], named: dict[str, Callable]) -> None:
    """Read data folder, backbone and weights from the command line, call `run` and print what it returns.

    Args:
        about: Shown by `--help`.
        run: Called with data folder, backbone, a temporary folder for what the run writes, and `accelerate`.
        named: Name -> function from a weights file (or "imagenet") to a backbone, besides those of the registry.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--backbone", default="efficientnet_lite0")
    parser.add_argument("--weights", default="imagenet")
    parser.add_argument("--accelerate", action="store_true", help="for a GPU: mixed_float16, XLA, augmentation there")
    options = parser.parse_args()
    make = named.get(options.backbone)
    backbone = make(options.weights) if make else options.backbone
    with tempfile.TemporaryDirectory() as work:
        for name, value in run(options.data, backbone, work, accelerate=options.accelerate).items():
            print(f"{name:20} {value:8.4f}")
