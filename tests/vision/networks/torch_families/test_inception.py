import numpy as np
import pytest
from torch_reference import write

from kerasfast.vision.networks.torch_families.inception import inception_v4, load


@pytest.mark.slow
def test_inception_v4_has_torchs_parameters_under_torchs_names(tmp_path):
    model = inception_v4()
    assert model.count_params() == 41_205_984  # the course's features with their statistics
    assert model.compute_output_shape((1, 299, 299, 3)) == (1, 8, 8, 1536)
    state = {}
    for layer in model.layers:
        if layer.weights:
            name = layer.name.replace("_", ".").replace("-", "_").replace(".branch", ".block")  # as in the course
            parts = {"kernel": "weight", "gamma": "weight", "beta": "bias"}
            for one in layer.weights:
                order = (3, 2, 0, 1) if one.name == "kernel" else (0,)
                key = parts.get(one.name) or {"moving_mean": "running_mean"}.get(one.name, "running_var")
                state[f"{name}.{key}"] = np.full(one.shape, 0.5, "float32").transpose(order)
    assert {"features.0.conv.weight", "features.4.block1.3.bn.bias", "features.6.block3.1.conv.weight"} <= state.keys()
    assert {"features.19.block1_1a.conv.weight", "features.21.block2_3b.bn.running_var"} <= state.keys()
    assert {"features.3.conv.bn.weight", "features.10.block1.2.conv.weight"} <= state.keys()
    state |= {"classif.weight": np.zeros((5, 1536), "float32"), "classif.bias": np.zeros(5, "float32")}
    load(model, write(tmp_path / "weights.safetensors", state))
    assert all(np.all(np.asarray(one) == 0.5) for one in model.weights)
