"""What is killed while it writes, for `kills`: how it is prepared, and how its files are judged."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
from damaged_kinds import frame, pixels
from PIL import Image

from kerasfast.basics.caches import COPIES_MARK
from kerasfast.basics.files import read_arrays

Judge = Callable[[pathlib.Path], list[str]]


@dataclasses.dataclass(frozen=True)
class Writer:
    """Something that writes files.

    Attributes:
        name: For messages.
        prepare: (folder) -> what writes below it; called before each new folder is used.
        torn: (folder) -> what is wrong after a kill: files that are neither whole nor absent.
        wrong: (folder) -> what is wrong after a run that was left alone.
        together: Whether a second process does the same at the same time.
        kept: Names that begin like unfinished files and are none.
    """

    name: str
    prepare: Callable[[pathlib.Path], Callable[[], Any]]
    torn: Judge
    wrong: Judge
    together: bool = False
    kept: tuple[str, ...] = (COPIES_MARK,)


def _said(checks: dict[str, bool]) -> list[str]:
    return [name for name, right in checks.items() if not right]


def _readable(path: pathlib.Path, read: Callable[[pathlib.Path], Any]) -> bool:
    """Whether a file is absent, or can be read."""
    try:
        return not path.exists() or read(path) is not None
    except (OSError, ValueError):
        return False


NAMES = [f"{kind}/{index}.{ending}" for kind in ("cats", "dogs") for index in range(4) for ending in ("png", "jpg")]


def _copies(folder: pathlib.Path) -> Callable[[], Any]:
    from kerasfast.vision.sources.resize import resize_files

    for seed, name in enumerate(NAMES):
        (folder / name).parent.mkdir(exist_ok=True)
        Image.fromarray(pixels(seed, (60, 80))).save(folder / name)
    return lambda: resize_files(folder, NAMES, 16, progress=False, workers=2)


def _torn_copies(folder: pathlib.Path) -> list[str]:
    def whole(path: pathlib.Path) -> bool:
        with Image.open(path) as picture:
            picture.load()
            return min(picture.size) == 16

    return _said({f"torn {name}": _readable(folder / "tmp" / "16" / name, whole) for name in NAMES})


def _wrong_copies(folder: pathlib.Path) -> list[str]:
    from kerasfast.vision.sources.resize import resize_files

    lines = (folder / "tmp" / "16" / COPIES_MARK).read_text().splitlines()
    listed = {line[0] for line in map(json.loads, filter(None, lines)) if isinstance(line, list)}
    times = {name: os.stat(folder / "tmp" / "16" / name).st_mtime_ns for name in NAMES}
    resize_files(folder, NAMES, 16, progress=False)
    again = [name for name in NAMES if os.stat(folder / "tmp" / "16" / name).st_mtime_ns != times[name]]
    return _torn_copies(folder) + _said({"not all listed": listed >= set(NAMES), f"made again: {again}": not again})


FILES = [f"p{index}.jpg" for index in range(4000)]


def _submission(folder: pathlib.Path) -> Callable[[], Any]:
    from kerasfast import write_submission

    (folder / "out.csv.gz").write_bytes(b"old")
    likely = np.random.default_rng(0).random((len(FILES), 5)).astype(np.float32)
    return lambda: write_submission(folder / "out.csv.gz", FILES, likely, list("abcde"))


def _torn_submission(folder: pathlib.Path) -> list[str]:
    content = (folder / "out.csv.gz").read_bytes()
    return [] if content == b"old" else _wrong_submission(folder)


def _wrong_submission(folder: pathlib.Path) -> list[str]:
    import pandas as pd

    try:
        rows = pd.read_csv(folder / "out.csv.gz")
    except (OSError, EOFError, ValueError) as error:
        return [f"torn submission: {error}"]
    return _said({"rows of the submission": rows.shape == (len(FILES), 6)})


def _table(folder: pathlib.Path) -> Callable[[], Any]:
    from kerasfast.tabular.encoding.encoder import TableEncoder
    from kerasfast.tabular.pipeline.table_files import write_frame

    table = frame()
    large = table.sample(20_000, replace=True, random_state=0, ignore_index=True)
    encoder = TableEncoder(["text"], ["number", "count"]).fit(table)

    def write() -> None:
        write_frame(large, folder / "table.parquet")
        write_frame(large, folder / "table.feather")
        encoder.save(folder / "encoder.json")

    return write


def _torn_table(folder: pathlib.Path) -> list[str]:
    from kerasfast.tabular.encoding.encoder import TableEncoder
    from kerasfast.tabular.pipeline.table_files import read_frame

    rows = lambda path: len(read_frame(path)) == 20_000 or None
    readers = {"table.parquet": rows, "table.feather": rows, "encoder.json": TableEncoder.load}
    return _said({f"torn {name}": _readable(folder / name, read) for name, read in readers.items()})


def _wrong_table(folder: pathlib.Path) -> list[str]:
    names = ("table.parquet", "table.feather", "encoder.json")
    return _torn_table(folder) + _said({f"no {name}": (folder / name).is_file() for name in names})


def _unpacked(folder: pathlib.Path) -> Callable[[], Any]:
    from kerasfast.competitions import unzip

    archive = folder.parent / f"{folder.name}.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        for name in NAMES:
            opened.writestr(name, pixels(sides=(200, 200)).tobytes())
    return lambda: unzip(archive, folder)


def _torn_unpacked(folder: pathlib.Path) -> list[str]:
    whole = pixels(sides=(200, 200)).tobytes()
    return _said(
        {f"torn {name}": _readable(folder / name, lambda path: path.read_bytes() == whole or None) for name in NAMES}
    )


def _wrong_unpacked(folder: pathlib.Path) -> list[str]:
    return _torn_unpacked(folder) + _said({f"no {name}": (folder / name).is_file() for name in NAMES})


def _run(folder: pathlib.Path) -> Callable[[], Any]:
    from kerasfast.runs.settings import RunRecord, RunSettings

    settings = RunSettings(folder / "data", folder / "run")

    def write() -> None:
        try:
            record = RunRecord.load(folder / "run")
        except FileNotFoundError:
            record = RunRecord(settings)
            record.begin()
        for name in "abcdefghij":
            record.decide(name, lambda: 0.1)

    return write


def _torn_run(folder: pathlib.Path) -> list[str]:
    from kerasfast.runs.settings import RunRecord

    return _said({"torn run.json": _readable(folder / "run" / "run.json", lambda path: RunRecord.load(path.parent))})


def _wrong_run(folder: pathlib.Path) -> list[str]:
    from kerasfast.runs.settings import RunRecord

    return _torn_run(folder) + _said({"decided": len(RunRecord.load(folder / "run").decided) == 10})


WRITERS = [
    Writer("copies", _copies, _torn_copies, _wrong_copies),
    Writer("two processes", _copies, _torn_copies, _wrong_copies, together=True),
    Writer("submission", _submission, _torn_submission, _wrong_submission),
    Writer("tables", _table, _torn_table, _wrong_table),
    Writer("archive", _unpacked, _torn_unpacked, _wrong_unpacked),
    Writer("run", _run, _torn_run, _wrong_run),
]


def _store(folder: pathlib.Path) -> Callable[[], Any]:
    from kerasfast.vision.fitting.features import FeatureStore

    rows = np.random.default_rng(0).random((3, 2000, 64)).astype(np.float32)

    def write() -> None:
        kept = FeatureStore(folder / "features")
        for part in range(3):
            keys = [f"{part}-{index}" for index in range(2000)]
            if kept.missing(keys):
                kept.add(keys, rows[part])

    return write


def _torn_store(folder: pathlib.Path) -> list[str]:
    files = (path for path in (folder / "features").glob("*.npz") if not path.name.startswith("."))
    return _said({f"torn {path.name}": _readable(path, read_arrays) for path in files})


def _wrong_store(folder: pathlib.Path) -> list[str]:
    from kerasfast.vision.fitting.features import FeatureStore

    keys = [f"{part}-{index}" for part in range(3) for index in range(2000)]
    kept = FeatureStore(folder / "features")
    rows = np.random.default_rng(0).random((3, 2000, 64)).astype(np.float32).reshape(-1, 64)
    return _torn_store(folder) + _said({"rows": not kept.missing(keys) and np.array_equal(kept.rows(keys), rows)})


def WITH_TENSORFLOW() -> list[Writer]:
    """Return the writers whose modules import TensorFlow, and those that write models."""
    import written_models

    return [
        Writer("activations", _store, _torn_store, _wrong_store),
        Writer("weights", written_models.weights, written_models.torn_weights, written_models.wrong_weights),
        Writer("bundle", written_models.bundle, written_models.torn_bundle, written_models.wrong_bundle),
    ]
