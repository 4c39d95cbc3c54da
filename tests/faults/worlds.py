"""Small data, learners and predictors, and what a call of `calls` is."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from damaged_kinds import frame
from damaged_models import backbone_of, folders
from wrong_values import PARAMETERS, Legal

import kerasfast as kf


@dataclasses.dataclass(frozen=True)
class Call:
    """A right call.

    Attributes:
        name: For messages.
        function: What is called.
        arguments: The right arguments, by name.
        legal: What else may be passed, by parameter, where `PARAMETERS` says otherwise or nothing.
        costly: Whether a right call takes long, so that legal values are not tried.
    """

    name: str
    function: Callable[..., Any]
    arguments: dict[str, Any] = dataclasses.field(default_factory=dict)
    legal: dict[str, Legal] = dataclasses.field(default_factory=dict)
    costly: bool = False

    def legal_of(self, parameter: str) -> Legal | None:
        """Return what may be passed; None where nothing is known of the parameter."""
        return self.legal.get(parameter, PARAMETERS.get(parameter))


class World:
    """Small data, learners and predictors that the calls work on."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        self.data = folders(folder / "pictures")
        keras.utils.set_random_seed(0)
        self.learn = kf.ImageLearner.pretrained(backbone_of(), self.data, path=folder / "learner")
        self.frame = frame().dropna().reset_index(drop=True)
        self.frame["answer"] = np.where(self.frame["count"] > 20, "yes", "no")
        self.table = kf.TableData.from_frame(
            self.frame, "answer", categorical=["text"], continuous=["number"], batch_size=64
        )
        self.tables = kf.TableLearner.entity_embeddings(self.table, [4], path=folder / "tables")
        inputs = keras.Input((3,))
        self.model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Dense(2)(inputs)))
        self.rows = tf.data.Dataset.from_tensor_slices((np.ones((8, 3), "f4"), np.ones((8, 1), "f4"))).batch(4)
        self.plain = kf.Learner(self.model, kf.Datasets(self.rows, self.rows), loss="mse", path=folder / "plain")
        self.plain.save("w")
        self.learn.save("w")
        self.learn.export(folder / "pets.kerasfast")
        self.tables.export(folder / "sales.kerasfast")
        self.predictor = self.learn.predictor()
        self.tags = np.random.default_rng(0).random((20, 3)) > 0.5
        self.likely = np.random.default_rng(1).random((20, 3))
        self.single = self.likely / self.likely.sum(axis=1, keepdims=True)
        self.frame.to_csv(folder / "table.csv", index=False)
