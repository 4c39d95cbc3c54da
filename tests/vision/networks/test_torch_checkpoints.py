"""Reading safetensors and torch files without torch, and copying them into Keras layers."""

import collections
import io
import json
import pickle
import struct
import zipfile

import numpy as np
import pytest

from kerasfast.vision.networks.torch_checkpoints import CheckpointError, load_tensors, read_checkpoint


class _Global:
    """Pickles as a name of a module that need not be there, as torch's files do."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class _TorchPickler(pickle._Pickler):
    """Writes arrays as torch writes tensors: a call of _rebuild_tensor_v2 on a storage kept outside."""

    def __init__(self, file):
        super().__init__(file, protocol=2)
        self.storages = {}

    def persistent_id(self, value):
        if isinstance(value, tuple) and len(value) == 3 and value[0] == "storage":
            kind = {"float32": "FloatStorage", "int64": "LongStorage", "float16": "HalfStorage"}[value[2].dtype.name]
            self.storages[value[1]] = value[2]
            return ("storage", _Global("torch", kind), value[1], "cpu", value[2].size)
        return None

    def save(self, value, save_persistent_id=True):
        if isinstance(value, _Global):
            self.write(pickle.GLOBAL + f"{value.module}\n{value.name}\n".encode())
        elif isinstance(value, np.ndarray):
            base = np.ascontiguousarray(value)
            strides = tuple(step // base.itemsize for step in base.strides)
            self._call(
                "torch._utils",
                "_rebuild_tensor_v2",
                (
                    ("storage", str(len(self.storages)), base.ravel()),
                    0,
                    base.shape,
                    strides,
                    False,
                    collections.OrderedDict(),
                ),
            )
        elif isinstance(value, _Call):
            self._call(value.module, value.name, value.arguments)
        else:
            super().save(value, save_persistent_id)

    def _call(self, module, name, arguments):
        self.save(_Global(module, name))
        self.save(arguments)
        self.write(pickle.REDUCE)


class _Call:
    def __init__(self, module, name, arguments):
        self.module, self.name, self.arguments = module, name, arguments


def _pickled(state):
    file = io.BytesIO()
    pickler = _TorchPickler(file)
    pickler.dump(state)
    return file.getvalue(), pickler.storages


def write_zip(path, state):
    data, storages = _pickled(state)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/byteorder", "little")
        for key, values in storages.items():
            archive.writestr(f"archive/data/{key}", values.tobytes())


def write_legacy(path, state):
    data, storages = _pickled(state)
    parts = [pickle.dumps(value, protocol=2) for value in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})]
    parts += [data, pickle.dumps(list(storages), protocol=2)]
    parts += [struct.pack("<q", values.size) + values.tobytes() for values in storages.values()]
    path.write_bytes(b"".join(parts))


def write_safetensors(path, tensors, kinds=None):
    header, buffers, position = {"__metadata__": {"format": "pt"}}, [], 0
    for name, tensor in tensors.items():
        kind = (kinds or {}).get(name) or {"float32": "F32", "int64": "I64", "float16": "F16"}[tensor.dtype.name]
        header[name] = {
            "dtype": kind,
            "shape": list(tensor.shape),
            "data_offsets": [position, position + tensor.nbytes],
        }
        buffers.append(tensor.tobytes())
        position += tensor.nbytes
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(buffers))


@pytest.fixture
def tensors(rng):
    return {
        "conv.weight": rng.normal(size=(4, 3, 2, 2)).astype("float32"),
        "scalar": np.array(7, "int64"),
        "half": rng.normal(size=5).astype("float16"),
        "empty": np.zeros((0, 3), "float32"),
    }


@pytest.mark.parametrize("write", [write_safetensors, write_zip, write_legacy])
def test_every_format_gives_back_the_arrays_whatever_the_file_is_called(tmp_path, tensors, write):
    path = tmp_path / "weights.bin"
    write(path, tensors)
    read = read_checkpoint(path)
    assert list(read) == list(tensors)
    for name, tensor in tensors.items():
        assert read[name].dtype == tensor.dtype
        np.testing.assert_array_equal(read[name], tensor)


def test_bfloat16_is_widened(tmp_path):
    values = np.array([1.5, -2.0, 0.15625], "float32")
    raw = (values.view("<u4") >> 16).astype("<u2")
    write_safetensors(tmp_path / "b", {"x": raw}, {"x": "BF16"})
    np.testing.assert_array_equal(read_checkpoint(tmp_path / "b")["x"], values)


@pytest.mark.parametrize("write", [write_zip, write_legacy])
def test_a_transposed_view_is_read_through_its_strides(tmp_path, write):
    view = _Call(
        "torch._utils",
        "_rebuild_tensor_v2",
        (("storage", "0", np.arange(7, dtype="float32")), 1, (3, 2), (1, 3), False, collections.OrderedDict()),
    )
    write(tmp_path / "v", {"x": view})
    np.testing.assert_array_equal(read_checkpoint(tmp_path / "v")["x"], np.arange(1, 7).reshape(2, 3).T)


@pytest.mark.parametrize("write", [write_zip, write_legacy])
def test_training_checkpoints_and_data_parallel_names_are_unwrapped(tmp_path, write):
    write(
        tmp_path / "t",
        {"epoch": 3, "state_dict": {"module.a": np.ones(2, "float32"), "module.b": np.zeros(2, "float32")}},
    )
    assert list(read_checkpoint(tmp_path / "t")) == ["a", "b"]


@pytest.mark.parametrize("write", [write_zip, write_legacy])
@pytest.mark.parametrize(
    "name", [("os", "system"), ("builtins", "eval"), ("torch", "load"), ("torch._utils", "_rebuild_tensor_v2.x")]
)
def test_a_pickle_that_calls_anything_else_is_refused(tmp_path, write, name):
    write(tmp_path / "evil.pth", {"x": _Call(*name, (f"touch {tmp_path}/owned",))})
    with pytest.raises(CheckpointError, match=f"{name[0]}.{name[1]}"):
        read_checkpoint(tmp_path / "evil.pth")
    assert not (tmp_path / "owned").exists()


def test_a_tensor_that_reaches_beyond_its_storage_is_refused(tmp_path):
    beyond = _Call(
        "torch._utils",
        "_rebuild_tensor_v2",
        (("storage", "0", np.zeros(4, "float32")), 2, (3,), (1,), False, collections.OrderedDict()),
    )
    write_zip(tmp_path / "b.pth", {"x": beyond})
    with pytest.raises(CheckpointError, match="b.pth is damaged.*reaches beyond"):
        read_checkpoint(tmp_path / "b.pth")


def test_missing_empty_cut_and_foreign_files_are_named(tmp_path, tensors):
    with pytest.raises(FileNotFoundError, match="nowhere.pth"):
        read_checkpoint(tmp_path / "nowhere.pth")
    for name, content in {"empty": b"", "text": b"not a checkpoint at all", "pickle": pickle.dumps({"a": 1})}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(CheckpointError, match=name):
            read_checkpoint(tmp_path / name)
    for write in (write_safetensors, write_legacy):
        write(tmp_path / "cut", {"conv.weight": tensors["conv.weight"]})
        (tmp_path / "cut").write_bytes((tmp_path / "cut").read_bytes()[:-5])
        with pytest.raises(CheckpointError, match="cut ends early"):
            read_checkpoint(tmp_path / "cut")


def test_a_header_that_lies_about_sizes_is_refused(tmp_path):
    text = json.dumps({"x": {"dtype": "F32", "shape": [4], "data_offsets": [0, 8]}}).encode()
    (tmp_path / "lie").write_bytes(struct.pack("<Q", len(text)) + text + b"\0" * 16)
    with pytest.raises(CheckpointError, match="'x'.*needs 16 bytes.*gives 8"):
        read_checkpoint(tmp_path / "lie")


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [2**31, 2**31, 2**31], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]},
        {"dtype": "F32", "shape": [-1], "data_offsets": [4, 0]},
        {"dtype": "F32", "shape": [1.0], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": "4", "data_offsets": [0, 16]},
        {"dtype": "F32", "shape": [4], "data_offsets": [16]},
        {"dtype": "F32", "shape": [4], "data_offsets": None},
        {"dtype": [], "shape": [4], "data_offsets": [0, 16]},
        {"dtype": "F32", "shape": None, "data_offsets": [0, 16]},
        [1, 2],
        "F32",
        None,
    ],
)
def test_safetensors_headers_of_any_form_are_refused(tmp_path, entry):
    text = json.dumps({"x": entry}).encode()
    (tmp_path / "odd").write_bytes(struct.pack("<Q", len(text)) + text + b"\0" * 16)
    with pytest.raises(CheckpointError, match="odd"):
        read_checkpoint(tmp_path / "odd")


@pytest.mark.parametrize("text", [b"[]", b"3", b"null", b'"x"', b"{", b"\xff\xfe"])
def test_safetensors_without_a_table_are_refused(tmp_path, text):
    (tmp_path / "odd").write_bytes(struct.pack("<Q", len(text)) + text)
    with pytest.raises(CheckpointError, match="odd"):
        read_checkpoint(tmp_path / "odd")


def test_small_files_cannot_ask_for_much_memory(tmp_path, tensors):
    arguments = (("storage", "0", np.zeros(4, "float32")), 0, (10**10,), (0,), False, collections.OrderedDict())
    write_zip(tmp_path / "repeated.pth", {"x": _Call("torch._utils", "_rebuild_tensor_v2", arguments)})
    (tmp_path / "memo.pth").write_bytes(b"\x80\x02Nr\xff\xff\xff\xff.")
    (tmp_path / "long.pth").write_bytes(b"\x80\x04\x8e" + (2**60).to_bytes(8, "little") + b".")
    write_zip(tmp_path / "packed.pth", {"x": np.zeros(10**6, "float32")})
    with zipfile.ZipFile(tmp_path / "packed.pth") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(tmp_path / "packed.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    for file in sorted(tmp_path.iterdir()):
        with pytest.raises(CheckpointError, match=file.name):
            read_checkpoint(file)


@pytest.mark.parametrize("write", [write_safetensors, write_zip, write_legacy])
def test_damage_anywhere_is_found_or_harmless(tmp_path, tensors, write, rng):
    path = tmp_path / "weights"
    write(path, tensors)
    whole, found = path.read_bytes(), 0
    for _ in range(150):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(whole), rng.integers(1, 4)):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged[: rng.integers(1, len(whole))] if rng.random() < 0.2 else damaged)
        try:
            read_checkpoint(path)
        except CheckpointError:
            found += 1
    assert found > 20  # a cut file at least


@pytest.fixture
def dense():
    import keras

    layer = keras.layers.Dense(2)
    layer.build((None, 3))
    return layer


def test_dense_kernels_are_turned(dense):
    tensors = {
        "fc.weight": np.arange(6, dtype="float32").reshape(2, 3),
        "fc.bias": np.ones(2, "float32"),
        "bn.num_batches_tracked": np.array(3),
    }
    load_tensors([(dense, "fc")], tensors, source="file")
    np.testing.assert_array_equal(dense.kernel, tensors["fc.weight"].T)
    np.testing.assert_array_equal(dense.bias, np.ones(2))


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"fc.weight": (2, 3)}, "missing: fc.bias"),
        ({"fc.weight": (2, 3), "fc.bias": (2,), "extra": (1,)}, "unexpected: extra"),
        ({"fc.weight": (3, 2), "fc.bias": (2,)}, r"wrong shape: fc.weight \(3, 2\)"),
        ({"fc.weight": (2, 3, 1, 1), "fc.bias": (2,)}, r"wrong shape: fc.weight \(2, 3, 1, 1\)"),
        ({"other": (1,)}, r"missing: fc.weight, fc.bias \(2 in all\); unexpected: other"),
    ],
)
def test_tensors_that_do_not_fit_are_all_named_and_nothing_changes(dense, tensors, message):
    before = dense.get_weights()
    with pytest.raises(CheckpointError, match="file.pth does not fit.*" + message):
        load_tensors(
            [(dense, "fc")], {name: np.ones(shape, "float32") for name, shape in tensors.items()}, source="file.pth"
        )
    for old, new in zip(before, dense.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_layer_of_another_kind_is_refused():
    import keras

    with pytest.raises(TypeError, match="LayerNormalization"):
        load_tensors([(keras.layers.LayerNormalization(name="norm"), "norm")], {}, source="file")
