"""From pictures to predictions in another process: the network, its preprocessing and its classes, kept in one file."""

import dataclasses
import functools
import os
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from kerasfast.basics.arguments import choice, limits_of, numbers, whole
from kerasfast.basics.described import Described, some
from kerasfast.basics.processors import check_process
from kerasfast.bundle import BundleFormat, written_by
from kerasfast.runtimes.formats import RUNTIMES, export_model, runner_of
from kerasfast.vision.networks.constant_graph import ConstantNetwork
from kerasfast.vision.pipeline.transforms import Transforms
from kerasfast.vision.pipeline.views import View
from kerasfast.vision.prediction.batches import PresentNetwork, predicted
from kerasfast.vision.prediction.pictures import Pictures, broken_pictures
from kerasfast.vision.prediction.served import write_served
from kerasfast.vision.prediction.submission import tags_above

if TYPE_CHECKING:
    import pandas

FORMAT = BundleFormat("kerasfast.ImagePredictor", 1, "pictures.json", "ImageLearner.export")
KINDS = ("single", "multi", "regression")
FILE, PREDICTION = "file", "prediction"


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ImagePredictor(Described):
    """Predicts pictures; `ImageLearner.export` writes one, and `load` needs no data and no code of the training.

    Attributes:
        model: The Keras model, from pixels 0..255 to predictions; preprocessing is a part of it.
        transforms: Size and crop.
        classes: What each output stands for.
        target_kind: "single" (one class a picture), "multi" (tags) or "regression" (numbers).
        threshold: Tags above it are predicted; one number, or one per class.
        batch_size: Pictures predicted together.
        summary: About the training: backbone, last results, numbers of pictures.
        written_by: In words, the versions that wrote the file.
        runner: What predicts batches (n, size, size, 3); None for the model as it is now, as `learn.predict` does.

    Raises:
        ValueError: If classes, thresholds and the model's outputs differ in number, or an argument is out of its range.

    Example:

        learn.export("pets.kerasfast")
        frame = ImagePredictor.load("pets.kerasfast").predict("holiday/", on_error="skip")
        frame.to_csv("predictions.csv", index=False)
    """

    model: keras.Model
    transforms: Transforms
    classes: tuple[str, ...]
    target_kind: str
    threshold: float | tuple[float, ...] = 0.5
    batch_size: int = 64
    summary: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    written_by: str = "this process"
    runner: Callable[[np.ndarray], np.ndarray] | None = None
    _process: int = dataclasses.field(default_factory=os.getpid, init=False)

    def __post_init__(self):
        choice("target_kind", self.target_kind, KINDS)
        whole("batch_size", self.batch_size)
        object.__setattr__(self, "transforms", self.transforms.validation())
        object.__setattr__(self, "threshold", _thresholds(self.threshold, len(self.classes)))
        if self.model.output_shape[-1] != len(self.classes):
            raise ValueError(
                f"The model has {self.model.output_shape[-1]} outputs, but there are {len(self.classes)} classes."
            )

    def predict(
        self,
        pictures: Any,
        *,
        top_k: int | None = None,
        on_error: str = "raise",
        column: str = FILE,
        root: str | os.PathLike = ".",
    ) -> "pandas.DataFrame":
        """Return a frame with a row per picture: file, prediction, and the probability of each class.

        The pictures are read, cropped and scaled as in training. The numbers are those of `learn.predict`; of a loaded
        predictor to 1e-5, for its weights are folded into fewer.
        `prediction` is the likeliest class, or the tags above the threshold separated by spaces (the likeliest where
        none is); a regression has a column per number instead.

        Args:
            pictures: A folder (the pictures in it and below), a file or several; the bytes of a file or of several; a
                picture of Pillow's or several; an array (height, width, 3) uint8, several, or one of shape (n, height,
                width, 3); or a frame with a column of files.
            top_k: Show the k likeliest classes (`class_1`, `probability_1`, `class_2` ...) instead of all.
            on_error: "raise" names all broken files in an error; "skip" decodes every file first, leaves the broken
                ones out, warns, and lists them with the reason in `frame.attrs["skipped"]`.
            column: Of the files, where `pictures` is a frame; the result has its index.
            root: Folder that the files are relative to.

        Raises:
            FileNotFoundError: If the folder is missing or has no pictures.
            ImageError: If pictures cannot be read.
            ValueError: If `pictures` is none of these.
        """
        check_process(self._process, "this predictor")
        choice("on_error", on_error, ("raise", "skip"))
        top_k = None if top_k is None else whole("top_k", top_k, most=len(self.classes))
        if top_k and self.target_kind == "regression":
            raise ValueError("`top_k` is for classes; this model predicts numbers.")
        given = Pictures.of(pictures, column=column, root=root, skip=on_error == "skip", channels=self.channels)
        return self.frame(given.names, self._predicted(given), given.index, given.skipped, top_k=top_k)

    @property
    def channels(self) -> int:
        """Channels of the pictures that the network reads; other than 3, all that files have (see `open_image`)."""
        return self.model.input_shape[-1]

    def predict_array(self, pixels: np.ndarray) -> np.ndarray:
        """Return predictions (n, classes) of pictures (n, size, size, 3) uint8, cropped and scaled already."""
        check_process(self._process, "this predictor")
        pixels = numbers("pixels", pixels, finite=False)
        (height, width), channels = self.transforms.sides, self.channels
        if pixels.shape[1:] != (height, width, channels) or pixels.dtype != np.uint8 or not len(pixels):
            raise ValueError(
                f"Expected uint8 (n, {height}, {width}, {channels}); received {pixels.dtype} {pixels.shape}."
            )
        return self._run(pixels)

    def windows(self, pictures: Any, *, root: str | os.PathLike = ".") -> Iterator[np.ndarray]:
        """Yield the pictures as the network reads them, (size, size, 3) uint8, given as in `predict`."""
        for _, samples in Pictures.of(pictures, column=FILE, root=root, skip=False, channels=self.channels).parts:
            for batch in View(samples, self.transforms, self.batch_size).dataset():
                yield from batch.numpy()

    def export(self, path: str | os.PathLike, form: str, *, pictures: Any = None) -> pathlib.Path:
        """Write the model for another runtime, and return the path.

        Args:
            path: The file, or the folder of a SavedModel, which must not be there yet.
            form: "keras" (for stock Keras), "savedmodel" (from the bytes of pictures to names and probabilities, see
                `write_served`), "litert", "litert-dynamic" (8-bit weights), "litert-int8" (whole numbers throughout) or
                "onnx". All but "savedmodel" take pictures that are cropped and scaled already (`windows`).
            pictures: A hundred or so of the training set for "litert-int8", as in `predict`.

        Raises:
            ValueError: If the form is unknown, or "litert-int8" lacks pictures.
            ImportError: If a package is missing that the form needs.
        """
        side = self.transforms.size
        if form == "savedmodel":
            about = (self.transforms, self.classes, self.target_kind, self.threshold)
            return write_served(path, self.model, *about)
        samples = None if pictures is None else self.windows(pictures)
        return export_model(self._bare_model(), path, form, side=side, representative=samples)

    def frame(
        self,
        names: Sequence[Any],
        predictions: np.ndarray,
        index: Any = None,
        skipped: Mapping[str, str] | None = None,
        *,
        top_k: int | None = None,
    ) -> "pandas.DataFrame":
        """Return predictions (n, classes) of named pictures in the form of `predict`."""
        import pandas as pd

        columns: dict[str, Any] = {FILE: list(names)}
        if self.target_kind != "regression":
            columns[PREDICTION] = self.labels(predictions)
        if top_k:
            order = np.argsort(-predictions, axis=1, kind="stable")[:, :top_k]
            for place in range(top_k):
                columns[f"class_{place + 1}"] = np.asarray(self.classes)[order[:, place]]
                columns[f"probability_{place + 1}"] = np.take_along_axis(predictions, order, 1)[:, place]
        else:
            # A class may be called "file".
            taken = tuple(columns)
            columns |= {
                f"{name}_class" if name in taken else name: predictions[:, i] for i, name in enumerate(self.classes)
            }
        frame = pd.DataFrame(columns, index=index)
        frame.attrs["skipped"] = dict(skipped or {})
        return frame

    def labels(self, predictions: np.ndarray) -> list[str]:
        """Return what is predicted for each row (n, classes): a class, or tags separated by spaces."""
        if self.target_kind == "multi":
            return tags_above(predictions, self.classes, self.threshold)
        return [self.classes[index] for index in np.argmax(predictions, axis=1)]

    def save(self, path: str | os.PathLike) -> pathlib.Path:
        """Write everything to one file, whole or not at all, and return its path."""
        names = ("classes", "target_kind", "threshold", "batch_size", "summary")
        fields = {name: getattr(self, name) for name in names}
        fields["transforms"] = {"size": self.transforms.size, "crop": self.transforms.crop}
        return FORMAT.write(path, fields, self._bare_model())

    @classmethod
    def load(
        cls, path: str | os.PathLike, *, runtime: str = "keras", custom_objects: Mapping[str, Any] | None = None
    ) -> "ImagePredictor":
        """Read what `save` wrote; nothing in the file is executed, and its sizes are checked first.

        Args:
            path: The file.
            runtime: "keras", "onnx" (onnxruntime: faster on a processor; extra `onnx`) or "litert" (extra `litert`).
                The model is converted here and now.
            custom_objects: Layers of one's own by name, as in `keras.models.load_model`.

        Raises:
            FileNotFoundError: If there is no such file.
            BundleError: If it is no such bundle; a `ValueError`.
            ImportError: If a package is missing that the runtime needs.
        """
        choice("runtime", runtime, RUNTIMES)
        with FORMAT.opened(path, custom_objects) as (record, model):
            threshold = record["threshold"]
            predictor = cls(
                model,
                Transforms(**record["transforms"]),
                tuple(record["classes"]),
                record["target_kind"],
                tuple(threshold) if isinstance(threshold, list) else threshold,
                record["batch_size"],
                record["summary"],
                written_by(record),
            )
        runner = runner_of(model, runtime, side=predictor.transforms.size)
        return dataclasses.replace(predictor, runner=runner or predictor._constant())

    def _facts(self) -> dict[str, str]:
        kinds = {"single": "one of", "multi": "several of", "regression": "the numbers"}
        above = f", those above {self.threshold}" if self.target_kind == "multi" else ""
        return {
            "network": f"{self.model.name}, {self.model.count_params():,} parameters",
            "predicts": f"{kinds[self.target_kind]} {some(self.classes)}{above}",
            "pictures": f"{self.transforms.size} pixels, crop {self.transforms.crop!r}",
            "written by": self.written_by,
        }

    def _predicted(self, given: Pictures) -> np.ndarray:
        """Return the predictions (n, classes) of pictures, in their order."""
        result = np.zeros((len(given.names), len(self.classes)), np.float32)
        for rows, samples in given.parts:
            view = View(samples, self.transforms, self.batch_size)
            with broken_pictures(samples):
                result[rows] = predicted(self._run, view.dataset())
        return result

    @functools.cached_property
    def _run(self) -> Callable[[np.ndarray], np.ndarray]:
        """What predicts batches, traced once for any number of pictures."""
        return self.runner or PresentNetwork(self.model)

    def _constant(self) -> ConstantNetwork:
        return ConstantNetwork(self.model, [None, *self.transforms.sides, self.channels])

    def _bare_model(self) -> keras.Model:
        """Return a model of the same layers, without the optimizer's state, losses and metrics."""
        return keras.Model(self.model.input, self.model.output, name=self.model.name)


def _thresholds(threshold: float | Sequence[float], classes: int) -> float | tuple[float, ...]:
    limits = limits_of("threshold", threshold, classes).tolist()
    return limits[0] if isinstance(threshold, Real) else tuple(limits)
