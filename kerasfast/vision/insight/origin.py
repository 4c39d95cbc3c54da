"""Where predictions of pictures come from: the data, the network's activations, how it was trained."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from kerasfast.training.callbacks import Recorder
from kerasfast.vision.data import ImageData
from kerasfast.vision.fitting.features import compute_features
from kerasfast.vision.networks.graphs import feature_map
from kerasfast.vision.pipeline.transforms import Transforms
from kerasfast.vision.pipeline.views import View
from kerasfast.vision.prediction.predictor import ImagePredictor

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Origin:
    """What is known of a network and its training beside its predictions; every part may be missing.

    Attributes:
        data: The pictures, those for training among them.
        activations: From a view without chance to what the network's last feature map says of it, (n, features).
        recorders: What was recorded in training, by stage.
        history: A row per epoch, where nothing was recorded in this process.
        facts: What to say of the training, by a word or two each.
        beta: Of F-beta, for tags.
        file: The exported model.
    """

    data: ImageData | None = None
    activations: Callable[[View], np.ndarray] | None = None
    recorders: Mapping[str, Recorder] = field(default_factory=dict)
    history: "pd.DataFrame | None" = None
    facts: Mapping[str, str] = field(default_factory=dict)
    beta: float = 1.0
    file: str | os.PathLike | None = None

    def knowing(
        self,
        file: str | os.PathLike | None,
        facts: Mapping[str, str] | None,
        recorders: Mapping[str, Recorder] | None,
    ) -> "Origin":
        """Return the same with the model's file, more facts and other recordings, where they are given."""
        return replace(
            self, file=self.file if file is None else file, facts={**self.facts, **(facts or {})},
            recorders=self.recorders if recorders is None else recorders,
        )  # fmt: skip

    @classmethod
    def of_predictor(cls, predictor: ImagePredictor, data: ImageData | None) -> "Origin":
        """Return what an exported model tells of itself."""
        summary = predictor.summary
        facts = {"network": f"{predictor.model.name}, {predictor.model.count_params():,} parameters"}
        facts["pictures"] = f"{predictor.transforms.size} pixels, crop {predictor.transforms.crop!r}"
        if summary.get("pictures"):
            facts["trained with"] = ", ".join(f"{count} {name}" for name, count in summary["pictures"].items())
        if summary.get("last_epoch"):
            facts["last epoch"] = ", ".join(f"{name} {value:.4g}" for name, value in summary["last_epoch"].items())
        facts["written by"] = predictor.written_by
        return cls(data, _activations(predictor.model), facts=facts)


def pooled(features: np.ndarray) -> np.ndarray:
    """Return features (n, features) in float32: of feature maps (n, height, width, channels) the averages."""
    features = np.asarray(features, dtype=np.float32)
    return features.mean(axis=(1, 2)) if features.ndim == 4 else features.reshape(len(features), -1)


def pictures_at(view: View, rows: Sequence[int]) -> list[np.ndarray]:
    """Return some pictures of a view, (size, size, 3) uint8 each, read together."""
    if not len(rows):
        return []
    part = replace(view, samples=view.samples.take(np.asarray(rows)), shuffle=False, on_device=False)
    batches = [batch[0] if isinstance(batch, tuple) else batch for batch in part.dataset()]
    return [pixels for batch in batches for pixels in batch.numpy()]


def thumbnails(view: View, side: int) -> np.ndarray:
    """Return the pictures of a view as a few pixels, (n, side * side * 3) from 0 to 1."""
    crop = view.transforms.validation().crop
    small = replace(view, transforms=Transforms(side, crop=crop), shuffle=False, on_device=False)
    parts = [batch[0] if isinstance(batch, tuple) else batch for batch in small.dataset()]
    pixels = np.concatenate([part.numpy() for part in parts])
    return pixels.reshape(len(pixels), -1).astype(np.float32) / 255


def _activations(model: keras.Model) -> Callable[[View], np.ndarray] | None:
    try:
        features: Any = keras.Model(model.input, feature_map(model))
    except ValueError:  # a model within a model, or one without a feature map
        return None
    averages = keras.Model(features.input, keras.layers.GlobalAveragePooling2D(dtype="float32")(features.output))
    known: list[tuple[View, np.ndarray]] = []

    def activations(view: View) -> np.ndarray:
        """Return the activations of a view, computed once."""
        if not any(one is view for one, _ in known):
            known.append((view, pooled(compute_features(averages, view))))
        return next(rows for one, rows in known if one is view)

    return activations
