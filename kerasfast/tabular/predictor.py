"""From raw tables to predictions: an encoder, a model and a target, kept in one file."""

import dataclasses
import json
import os
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import pandas as pd

from kerasfast.basics.arguments import numbers
from kerasfast.basics.described import Described, some
from kerasfast.basics.processors import check_process
from kerasfast.basics.quiet import expected_tracing
from kerasfast.bundle import BundleFormat
from kerasfast.runtimes.formats import export_model, runner_of
from kerasfast.tabular.encoding.encoder import TableEncoder
from kerasfast.tabular.encoding.targets import Target
from kerasfast.tabular.networks.model import embedding_tables, embedding_vectors
from kerasfast.tabular.pipeline.rows import RowEncoder, Rows

FORMAT = BundleFormat("kerasfast.TablePredictor", 1, "table.json", "TableLearner.export")
_ROWS = 2**16  # encoded and predicted together, so that a large frame needs little memory on top


@dataclasses.dataclass(frozen=True, repr=False)
class TablePredictor(Described):
    """Predicts rows of raw tables; `TableLearner.export` writes one, and `load` needs no data.

    Attributes:
        model: The Keras model.
        encoder: From columns to its inputs.
        target: What its outputs mean.
        embedding_widths: Width of each categorical column's vectors; None for a model made elsewhere.
        runner: What predicts batches of inputs in the place of Keras; None for Keras.

    Example:

        learn.export("sales.kerasfast")
        TablePredictor.load("sales.kerasfast").predict(new_rows)
    """

    model: keras.Model
    encoder: TableEncoder
    target: Target
    embedding_widths: Mapping[str, int] | None = None
    runner: Callable[[Mapping[str, np.ndarray]], np.ndarray] | None = None
    _process: int = dataclasses.field(default_factory=os.getpid, init=False)

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return predictions for the rows of a frame, with its index.

        Numbers in the target's own units, or a column of probabilities per class or label.

        Raises:
            TypeError: For anything but a frame.
            ValueError: Naming the column that is not there or cannot be encoded.
        """
        check_process(self._process, "this predictor")
        if not isinstance(frame, pd.DataFrame):
            raise TypeError(f"`predict` takes a pandas DataFrame; received {type(frame).__name__}.")
        encode = RowEncoder(self.encoder)
        pieces = [encode(frame.iloc[start : start + _ROWS]) for start in range(0, max(len(frame), 1), _ROWS)]
        outputs = [self._outputs(rows) for rows in pieces if rows.count]
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
        fields = {
            "encoder": json.loads(self.encoder.to_json()),
            "target": self.target.to_json(),
            "embedding_widths": self.embedding_widths and dict(self.embedding_widths),
        }
        return FORMAT.write(path, fields, self.model)

    @classmethod
    def load(
        cls, path: str | os.PathLike, *, runtime: str = "keras", custom_objects: Mapping[str, Any] | None = None
    ) -> "TablePredictor":
        """Read what `save` wrote; nothing in the file is executed, and its sizes are checked first.

        Args:
            path: The file.
            runtime: "keras", "onnx" (extra `onnx`) or "litert" (extra `litert`).
            custom_objects: Layers of one's own by name, as in `keras.models.load_model`.

        Raises:
            FileNotFoundError: If there is no such file.
            BundleError: If it is no such bundle; a `ValueError`.
            ImportError: If a package is missing that the runtime needs.
        """
        with FORMAT.opened(path, custom_objects) as (record, model):
            encoder = TableEncoder.from_json(json.dumps(record["encoder"]))
            predictor = cls(model, encoder, Target.from_json(record["target"]), record["embedding_widths"])
        return dataclasses.replace(predictor, runner=runner_of(model, runtime))

    def export(self, path: str | os.PathLike, form: str, *, rows: pd.DataFrame | None = None) -> pathlib.Path:
        """Write the model for another runtime, and return the path.

        It takes {"codes", "values"} as `encoder` makes them of rows, and gives what `target.decode` turns into answers.

        Args:
            path: The file, or the folder of a SavedModel, which must not be there yet.
            form: "keras", "savedmodel", "litert", "litert-dynamic", "litert-int8" or "onnx".
            rows: A hundred or so of the training rows, for "litert-int8".

        Raises:
            ValueError: If the form is unknown, or "litert-int8" lacks rows.
            ImportError: If a package is missing that the form needs.
        """
        samples = None if rows is None else [self.inputs(rows.iloc[i : i + 1]) for i in range(len(rows))]
        return export_model(self.model, path, form, representative=samples)

    def _facts(self) -> dict[str, str]:
        columns = [*self.encoder.cardinalities, *self.encoder.continuous]
        target = "logarithm of " * self.target.log + some(self.target.names)
        classes = f": {some(self.target.classes)}" if self.target.kind == "single" else ""
        return {
            "model": f"{self.model.name}, {self.model.count_params():,} parameters",
            "predicts": f"{target}{classes} ({self.target.kind})",
            "from": some(columns),
        }

    def inputs(self, frame: pd.DataFrame) -> dict[str, np.ndarray]:
        """Return the rows of a frame as the model takes them: "codes" and "values"."""
        return inputs_of(RowEncoder(self.encoder)(frame))

    def _outputs(self, rows: Rows) -> np.ndarray:
        return self.runner(inputs_of(rows)) if self.runner else predict_rows(self.model, rows)

    def level_names(self, name: str) -> pd.Index:
        """Return what each code of a categorical column stands for, as an index: "unknown" first."""
        rows = self.encoder.cardinalities[name]
        levels = ["unknown", *self.encoder.levels(name)]
        return pd.Index([*levels, *["missing"] * (rows - len(levels))], name=name)


def predict_rows(model: keras.Model, rows: Rows) -> np.ndarray:
    """Return the model's outputs (rows, outputs) for encoded rows."""
    with expected_tracing():
        return np.asarray(model.predict(inputs_of(rows), batch_size=4096, verbose=0))


def inputs_of(rows: Rows) -> dict[str, np.ndarray]:
    """Return encoded rows as a model takes them: a kind of column that is not there has no input."""
    return {name: part for name, part in (("codes", rows.codes), ("values", rows.values)) if part.shape[1]}


def checked_inputs(model: keras.Model, inputs: Any, cardinalities: Mapping[str, int]) -> dict[str, np.ndarray]:
    """Return what a caller gives as the model's inputs.

    Raises:
        ValueError: If there are no rows, or shapes, types or codes are not those that the model takes.
    """
    widths = {name: (tensor.shape[1],) for name, tensor in model.input.items()}
    received = {name: np.shape(part) for name, part in inputs.items()} if isinstance(inputs, Mapping) else inputs
    fits = isinstance(inputs, Mapping) and {name: shape[1:] for name, shape in received.items()} == widths
    if not fits or len({shape[0] for shape in received.values()}) != 1:
        expected = ", ".join(f"{name!r}: (rows, {width})" for name, (width,) in widths.items())
        raise ValueError(f"`predict_array` takes {{{expected}}}; received {received!r:.200}.")
    arrays = {name: numbers(name, part, axes=2) for name, part in inputs.items()}
    codes = arrays.get("codes", np.zeros((1, 0)))
    if not ((codes >= 0) & (codes < list(cardinalities.values())[: codes.shape[1]])).all():
        raise ValueError(f"`codes` must be from 0 to below {list(cardinalities.values())}; received {codes!r:.200}.")
    return arrays


def _tables(cardinalities: Mapping[str, int], widths: Mapping[str, int] | None) -> list:
    if widths is None:
        raise ValueError("this model was made elsewhere; its embedding layers are not known.")
    return embedding_tables(cardinalities, widths)
