"""From raw tables to predictions: an encoder, a model and a target, kept in one file."""

import dataclasses
import json
import os
import pathlib
import tempfile
import zipfile
from collections.abc import Mapping

import keras
import numpy as np
import pandas as pd

from kerasfast.files import atomic_path
from kerasfast.tabular.encoding.encoder import TableEncoder
from kerasfast.tabular.encoding.targets import Target
from kerasfast.tabular.model import embedding_tables, embedding_vectors
from kerasfast.tabular.pipeline.rows import RowEncoder, Rows

_MODEL, _RECORD = "model.keras", "table.json"
_FORMAT, _VERSION = "kerasfast.TablePredictor", 1
_ROWS = 2**16  # encoded and predicted together, so that a large frame needs little memory on top


@dataclasses.dataclass(frozen=True)
class TablePredictor:
    """Predicts rows of raw tables; `TableLearner.export` writes one, and `load` needs no data.

    Attributes:
        model: The Keras model.
        encoder: From columns to its inputs.
        target: What its outputs mean.
        embedding_widths: Width of each categorical column's vectors; None for a model made elsewhere.

    Example:

        learn.export("sales.kerasfast")
        TablePredictor.load("sales.kerasfast").predict(new_rows)
    """

    model: keras.Model
    encoder: TableEncoder
    target: Target
    embedding_widths: Mapping[str, int] | None = None

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return predictions for the rows of a frame, with its index.

        Numbers in the target's own units, or a column of probabilities per class or label.

        Raises:
            TypeError: For anything but a frame.
            ValueError: Naming the column that is not there or cannot be encoded.
        """
        if not isinstance(frame, pd.DataFrame):
            raise TypeError(f"`predict` takes a pandas DataFrame; received {type(frame).__name__}.")
        encode = RowEncoder(self.encoder)
        pieces = [encode(frame.iloc[start : start + _ROWS]) for start in range(0, max(len(frame), 1), _ROWS)]
        outputs = [predict_rows(self.model, rows) for rows in pieces if rows.count]
        predictions = np.concatenate(outputs) if outputs else np.zeros((0, len(self.target.classes)))
        return self.target.decode(predictions, frame.index)

    def embeddings(self) -> dict[str, pd.DataFrame]:
        """Return the learned vectors: by column a frame with a row per level, and "unknown" first.

        Raises:
            ValueError: If the model was made elsewhere.
        """
        vectors = embedding_vectors(self.model, _tables(self.encoder.cardinalities, self.embedding_widths))
        return {name: pd.DataFrame(array, self.level_names(name)) for name, array in vectors.items()}

    def save(self, path: str | os.PathLike) -> pathlib.Path:
        """Write everything to one file, whole or not at all, and return its path."""
        record = {
            "format": _FORMAT,
            "version": _VERSION,
            "encoder": json.loads(self.encoder.to_json()),
            "target": self.target.to_json(),
            "embedding_widths": self.embedding_widths and dict(self.embedding_widths),
        }
        with tempfile.TemporaryDirectory() as folder, atomic_path(path) as unfinished:
            model_file = pathlib.Path(folder) / _MODEL
            self.model.save(model_file)
            with zipfile.ZipFile(unfinished, "w") as bundle:
                bundle.write(model_file, _MODEL)
                bundle.writestr(_RECORD, json.dumps(record, allow_nan=False, indent=1))
        return pathlib.Path(path)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "TablePredictor":
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is no such bundle.
        """
        try:
            with zipfile.ZipFile(path) as bundle, tempfile.TemporaryDirectory() as folder:
                record = json.loads(bundle.read(_RECORD))
                if (record["format"], record["version"]) != (_FORMAT, _VERSION):
                    raise ValueError(f"it is a {record['format']} of version {record['version']}.")
                encoder = TableEncoder.from_json(json.dumps(record["encoder"]))
                target = Target.from_json(record["target"])
                model = keras.models.load_model(bundle.extract(_MODEL, folder), compile=False)
        except (zipfile.BadZipFile, KeyError, ValueError) as error:
            raise ValueError(f"{str(path)!r} is no bundle that `TableLearner.export` wrote: {error}") from error
        return cls(model, encoder, target, record["embedding_widths"])

    def level_names(self, name: str) -> pd.Index:
        """Return what each code of a categorical column stands for, as an index: "unknown" first."""
        rows = self.encoder.cardinalities[name]
        levels = ["unknown", *self.encoder.levels(name)]
        return pd.Index([*levels, *["missing"] * (rows - len(levels))], name=name)


def predict_rows(model: keras.Model, rows: Rows) -> np.ndarray:
    """Return the model's outputs (rows, outputs) for encoded rows."""
    inputs = {name: part for name, part in (("codes", rows.codes), ("values", rows.values)) if part.shape[1]}
    return np.asarray(model.predict(inputs, batch_size=4096, verbose=0))


def _tables(cardinalities: Mapping[str, int], widths: Mapping[str, int] | None) -> list:
    if widths is None:
        raise ValueError("this model was made elsewhere; its embedding layers are not known.")
    return embedding_tables(cardinalities, widths)
