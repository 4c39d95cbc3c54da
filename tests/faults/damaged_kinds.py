"""The kinds of files that are read: how to write a good one, and what reads it. TensorFlow is imported where needed."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import pathlib
import shutil
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from kerasfast.basics.caches import COPIES_MARK

Reader = Callable[[pathlib.Path], Any]


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        name: For the command line.
        ending: File name below the work folder.
        prepare: (folder) -> what reads the file, after the file was written there.
        share: Of all damaged files.
        has_checksums: Whether the format tells every other content from its own.
        problem: (received, expected) -> what is wrong with the form of a result that is not the expected one, or None.
        other_names: What a refusal may name in the place of the file.
    """

    name: str
    ending: str
    prepare: Callable[[pathlib.Path], Reader]
    share: int
    has_checksums: bool = False
    problem: Callable[[Any, Any], str | None] = lambda received, expected: None
    other_names: tuple[str, ...] = ()

    def file(self, work: pathlib.Path) -> pathlib.Path:
        """Return where `prepare` wrote the file."""
        return work / self.ending


def same(received: Any, expected: Any) -> bool:
    """Whether two results are equal to the bit."""
    if isinstance(expected, np.ndarray):
        return (
            isinstance(received, np.ndarray)
            and (received.dtype, received.shape) == (expected.dtype, expected.shape)
            and received.tobytes() == expected.tobytes()
        )
    if isinstance(expected, pd.DataFrame):
        return isinstance(received, pd.DataFrame) and received.equals(expected)
    if isinstance(expected, dict):
        return (
            isinstance(received, dict)
            and list(received) == list(expected)
            and all(same(received[name], value) for name, value in expected.items())
        )
    if isinstance(expected, (list, tuple)):
        return len(received) == len(expected) and all(map(same, received, expected))
    return type(received) is type(expected) and received == expected


def pixels(seed: int = 0, sides: tuple[int, int] = (40, 52)) -> np.ndarray:
    """Return a picture with gradients and noise, (height, width, 3) uint8."""
    rows, columns = np.mgrid[: sides[0], : sides[1]]
    plain = np.stack([rows * 5, columns * 4, rows + columns], 2)
    noise = np.random.default_rng(seed).integers(0, 40, plain.shape)
    return np.clip(plain + noise, 0, 255).astype(np.uint8)


def frame() -> pd.DataFrame:
    """Return a table with numbers, texts, dates and gaps."""
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=300).round(4)
    numbers[::17] = np.nan
    return pd.DataFrame(
        {
            "number": numbers, "count": rng.integers(0, 50, 300), "text": rng.choice(["a", "bc", "def"], 300),
            "day": pd.date_range("2024-01-01", periods=300).astype("datetime64[us]"), "yes": rng.random(300) > 0.5,
        }
    )  # fmt: skip


def _picture(name: str, ending: str, share: int = 1000, checked: bool = False, **options: Any) -> Kind:
    def prepare(work: pathlib.Path) -> Reader:
        from kerasfast import open_image
        from kerasfast.vision.sources.decoding.scanning import scan

        mode = options.pop("mode", "RGB")
        Image.fromarray(pixels()).convert(mode).save(work / ending, **options)

        def read(file: pathlib.Path) -> np.ndarray:
            picture = open_image(file)
            found = scan(work, [file.name], progress=False)
            # What can be decoded must pass the look at the headers, with the same sides.
            if found.problems or (int(found.height[0]), int(found.width[0])) != picture.shape[:2]:
                return np.array([found.height[0], found.width[0], *picture.shape[:2]])
            return picture

        return read

    def problem(received: np.ndarray, expected: np.ndarray) -> str | None:
        right = received.dtype == np.uint8 and received.ndim == 3 and received.shape[2] == 3 and received.size
        return None if right else f"shape {received.shape}, or the headers say otherwise: {received.ravel()[:4]}"

    return Kind(name, ending, prepare, share, checked, problem)


def _labels(work: pathlib.Path) -> Reader:
    from kerasfast.vision.sources.listing.labels import read_table
    from kerasfast.vision.sources.listing.tables import table_source

    rows = [f"p{index},{'clear road' if index % 3 else 'haze'}" for index in range(40)]
    (work / "labels.csv").write_text("\n".join(["image_name,tags", *rows]) + "\n")
    (work / "pictures").mkdir()
    content = io.BytesIO()
    Image.fromarray(pixels()).save(content, "JPEG")
    for index in range(40):
        (work / "pictures" / f"p{index}.jpg").write_bytes(content.getvalue())

    def read(file: pathlib.Path) -> Any:
        source = table_source(work, read_table(work, file), folder="pictures", suffix=".jpg", valid_indices=[1, 2])
        return [list(source.classes), source.train.files.tolist(), source.train.targets.tolist()]

    return read


def _csv(work: pathlib.Path) -> Reader:
    from kerasfast.tabular.pipeline.csv_files import read_csv

    frame().to_csv(work / "table.csv", index=False)
    return read_csv


def _same_columns(received: list[pd.DataFrame], expected: list[pd.DataFrame]) -> str | None:
    pairs = zip(received, expected, strict=True)
    right = all(one.shape[1] == other.shape[1] and len(one) == len(received[0]) for one, other in pairs)
    return None if right else f"shapes {[one.shape for one in received]}"


def _columnar(name: str) -> Callable[[pathlib.Path], Reader]:
    def prepare(work: pathlib.Path) -> Reader:
        from kerasfast.tabular.pipeline.table_files import FileParts, read_frame, write_frame

        write_frame(frame(), work / name)

        def read(file: pathlib.Path) -> Any:
            parts = FileParts(file, ["number", "text", "day"])
            streamed = [piece for part in parts.parts for _, piece in parts.read(part)]
            return [read_frame(file), pd.concat(streamed)]

        return read

    return prepare


def _safetensors(work: pathlib.Path) -> Reader:
    from kerasfast.vision.networks.torch_checkpoints import read_checkpoint

    arrays = {f"layer{i}.weight": np.random.default_rng(i).normal(size=(3, i + 1)).astype("<f4") for i in range(5)}
    header, place = {"__metadata__": {"format": "pt"}}, 0
    for name, array in arrays.items():
        offsets = [place, place + array.nbytes]
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": offsets}
        place += array.nbytes
    text = json.dumps(header).encode()
    body = b"".join(array.tobytes() for array in arrays.values())
    (work / "net.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + body)
    return read_checkpoint


def _torch(work: pathlib.Path) -> Reader:
    from kerasfast.vision.networks.torch_checkpoints import read_checkpoint

    values = np.random.default_rng(0).normal(size=12).astype("<f4")
    storage = b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x0ctQ"
    tensor = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\x00K\x03K\x04\x86K\x04K\x01\x86\x89}tR"
    with zipfile.ZipFile(work / "net.pth", "w") as archive:
        archive.writestr("net/data.pkl", b"\x80\x02}X\x06\x00\x00\x00weight" + tensor + b"s.")
        archive.writestr("net/data/0", values.tobytes())
    return read_checkpoint


def _arrays(work: pathlib.Path) -> Reader:
    from kerasfast.basics.files import read_arrays

    np.savez(work / "rows.npz", keys=np.array(["a", "bc"]), rows=pixels().astype(np.float16))
    return read_arrays


def _manifest(work: pathlib.Path) -> Reader:
    """The record of small copies: whatever it says, the copies must be right, and it is never an error."""
    from kerasfast.vision.sources.resize import resize_files

    names = [f"{index}.png" for index in range(3)]
    for index, name in enumerate(names):
        Image.fromarray(pixels(index)).save(work / name)
    resize_files(work, names, 16, progress=False)

    def read(file: pathlib.Path) -> Any:
        root = resize_files(work, names, 16, progress=False)
        return [(root / name).read_bytes() for name in names]

    return read


def _copy(work: pathlib.Path) -> Reader:
    """A small copy itself."""
    read = _manifest(work)
    (work / "tmp" / "16" / "0.png").touch()  # another time than noted: damage by a program, not by the disk
    return read


def _run(work: pathlib.Path) -> Reader:
    from kerasfast.runs.settings import RunRecord, RunSettings

    record = RunRecord(RunSettings(work / "data", work / "run", sizes=(64, 128)))
    record.begin()
    record.decide("rate", lambda: 0.01)

    def read(file: pathlib.Path) -> Any:
        found = RunRecord.load(file.parent)
        return [dataclasses.asdict(found.settings), found.decided]

    return read


def _encoder(work: pathlib.Path) -> Reader:
    from kerasfast.tabular.encoding.encoder import TableEncoder

    table = frame()
    TableEncoder(["text", "count"], ["number"], dates=["day"]).fit(table).save(work / "encoder.json")

    def read(file: pathlib.Path) -> Any:
        return list(TableEncoder.load(file).transform(table))

    return read


def _archive(work: pathlib.Path) -> Reader:
    from kerasfast.competitions import unzip

    with zipfile.ZipFile(work / "all.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for index in range(3):
            archive.writestr(f"train/{index}.csv", frame().to_csv())

    def read(file: pathlib.Path) -> Any:
        target = work / "unpacked"
        target.mkdir()
        try:
            return {os.fspath(path.relative_to(target)): path.read_bytes() for path in unzip(file, target)}
        finally:
            shutil.rmtree(target)

    return read


def _notebook(work: pathlib.Path) -> Reader:
    from kerasfast.porting.ported import port

    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "source": ["from fastai.conv_learner import *\n", "x"]}
    notebook = {"cells": [cell] * 3, "metadata": {}, "nbformat": 4, "nbformat_minor": 2}
    (work / "lesson.ipynb").write_text(json.dumps(notebook, indent=1))

    def read(file: pathlib.Path) -> Any:
        ported = port(file)
        return [ported.text, ported.changes]

    return read


def _learned(name: str) -> Callable[[pathlib.Path], Reader]:
    """A kind whose reader needs TensorFlow, of `damaged_models`."""

    def prepare(work: pathlib.Path) -> Reader:
        import damaged_models

        return getattr(damaged_models, name)(work)

    return prepare


KINDS = (
    _picture("jpeg", "a.jpg", 1500, quality=90),
    _picture("jpeg-cmyk", "b.jpg", 500, mode="CMYK", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"),
    _picture("png", "a.png", 1500, checked=True),
    _picture("png-palette", "b.png", 500, mode="P", checked=True),
    _picture("gif", "a.gif"),
    _picture("bmp", "a.bmp"),
    _picture("webp", "a.webp", quality=80),
    _picture("tiff", "a.tif"),
    _picture("tiff-lzw", "b.tif", 500, compression="tiff_lzw"),
    _picture("ppm", "a.ppm"),
    Kind("labels", "labels.csv", _labels, 1000, other_names=("table", "picture", "column", "class", "row")),
    Kind("csv", "table.csv", _csv, 1000),
    Kind("parquet", "table.parquet", _columnar("table.parquet"), 1200, problem=_same_columns),
    Kind("feather", "table.feather", _columnar("table.feather"), 1200, problem=_same_columns),
    Kind("safetensors", "net.safetensors", _safetensors, 1000),
    Kind("torch", "net.pth", _torch, 800, has_checksums=True),
    Kind("npz", "rows.npz", _arrays, 1000, has_checksums=True),
    Kind("manifest", f"tmp/16/{COPIES_MARK}", _manifest, 800, has_checksums=True, other_names=("tmp/16 holds",)),
    Kind("copy", "tmp/16/0.png", _copy, 400, has_checksums=True),
    Kind("run", "run/run.json", _run, 500),
    Kind("encoder", "encoder.json", _encoder, 500, other_names=("the encoder needs",)),
    Kind("zip", "all.zip", _archive, 500, has_checksums=True),
    Kind("notebook", "lesson.ipynb", _notebook, 300),
    Kind("jpeg-training", "train/cats/0.jpg", _learned("training_pictures"), 300),
    Kind("weights", "models/w.weights.h5", _learned("weights"), 600, has_checksums=True),
    Kind("resume", "models/resume-1.resume.npz", _learned("resume"), 300, has_checksums=True),
    Kind("backbone", "net.weights.h5", _learned("backbone"), 400),
    Kind("store", "store.npz", _learned("store"), 300, has_checksums=True),
    Kind("pictures-model", "pets.kerasfast", _learned("picture_bundle"), 500, has_checksums=True),
    Kind("table-model", "sales.kerasfast", _learned("table_bundle"), 500, has_checksums=True),
)
