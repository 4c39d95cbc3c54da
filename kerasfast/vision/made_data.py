"""What makes image data: its constructors from folders, tables, arrays and TensorFlow Datasets."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from kerasfast.basics.arguments import whole
from kerasfast.vision.pipeline.transforms import Transforms
from kerasfast.vision.sources.arrays import arrays_source
from kerasfast.vision.sources.listing.checks import existing_root
from kerasfast.vision.sources.listing.class_folders import folder_source
from kerasfast.vision.sources.listing.labels import read_table
from kerasfast.vision.sources.listing.tables import table_source
from kerasfast.vision.sources.samples import ImageSource
from kerasfast.vision.sources.splits import Draw

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, eq=False)
class MadeImageData:
    """What every constructor of `ImageData` makes; see there for the arguments."""

    source: ImageSource
    transforms: Transforms = Transforms()
    batch_size: int = 64
    seed: int = 42

    def __post_init__(self):
        whole("batch_size", self.batch_size)
        whole("seed", self.seed, least=0)
        if not isinstance(self.transforms, Transforms):
            raise ValueError(
                f"`transforms` must be `Transforms`, such as `transforms_side_on(224)`; received {self.transforms!r}."
            )

    @classmethod
    def from_folders(
        cls,
        root: str | os.PathLike[str],
        *,
        train: str = "train",
        valid: str | None = "valid",
        test: str | None = None,
        test_labelled: bool = False,
        valid_fraction: float = 0.2,
        groups: Callable[[str], Any] | None = None,
        channels: int = 3,
        on_error: str = "raise",
        outside_links: bool = True,
        transforms: Transforms = Transforms(),
        batch_size: int = 64,
        seed: int = 42,
    ) -> Self:
        """Take each picture's class from the name of the folder that it lies in, as in `train/cats/cat.0.jpg`.

        Pictures are found at any depth below a class folder. Hidden files and what systems leave behind (`Thumbs.db`,
        `.DS_Store`, `.ipynb_checkpoints`, ...) do not count.

        Args:
            root: The data set's folder.
            train: Folder of the training pictures below the root.
            valid: Folder of the validation pictures; None takes a part of the training pictures.
            test: Folder of the pictures to predict.
            test_labelled: Whether the test folder has class folders as well.
            valid_fraction: Share of each class for validation where `valid` is None.
            groups: Function from a file's path below the root to a name; pictures of one name stay together, where
                validation pictures are chosen and in `fold`.
            channels: 3, as a viewer shows pictures; or 4 to 16, which all of them must have: the alpha of RGBA, CMYK,
                the bands of a TIFF (extra `tiff`). The network is widened for them.
            on_error: `"raise"` names all broken pictures in one error; `"skip"` decodes each and leaves those out.
            outside_links: Whether pictures may lie outside the root, where links lead to; False refuses such links.
            transforms: What becomes of each picture in training.
            batch_size: Pictures per batch.
            seed: Decides which pictures are for validation; of shuffling and augmentation.

        Raises:
            FileNotFoundError: When a folder is missing.
            ValueError: When folders and classes do not fit together.
            ImageError: When pictures cannot be read.

        Example:

            data = ImageData.from_folders("dogscats", transforms=transforms_side_on(224, max_zoom=1.1), test="test")
        """
        draw = Draw(valid_fraction, seed)
        source = folder_source(
            root, train=train, valid=valid, test=test, test_labelled=test_labelled, draw=draw, groups=groups,
            channels=channels, on_error=on_error, outside_links=outside_links,
        )  # fmt: skip
        return cls(source, transforms, batch_size, seed)

    @classmethod
    def from_csv(
        cls,
        root: str | os.PathLike[str],
        csv: str | os.PathLike[str],
        *,
        folder: str,
        suffix: str = "",
        name_column: int | str = 0,
        label_columns: int | str | Sequence[int | str] | None = None,
        header: bool = True,
        separator: str | None = " ",
        target_kind: str | None = None,
        valid_indices: Sequence[int] | np.ndarray | None = None,
        valid_fraction: float = 0.2,
        groups: int | str | None = None,
        test: str | None = None,
        channels: int = 3,
        on_error: str = "raise",
        outside_links: bool = True,
        transforms: Transforms = Transforms(),
        batch_size: int = 64,
        seed: int = 42,
    ) -> Self:
        """Take each picture's label, tags or numbers from a row of a CSV, as in Kaggle's Planet competition.

        All values are read as text, so 007 stays 007.

        Args:
            root: The data set's folder.
            csv: Path of the CSV: absolute, or relative to the root or the working directory.
            folder: Folder of the pictures below the root, `"."` for the root itself.
            suffix: Ending to add to the names, such as `".jpg"`.
            name_column: Column of the picture names, by position or name.
            label_columns: Column of the labels, by position or name; the first other one by default. For regression one
                column or several, all others by default.
            header: Whether the first line holds column names.
            separator: What stands between the tags of a cell; None keeps labels whole.
            target_kind: `"single"` (one label a picture), `"multi"` (tags) or `"regression"` (numbers); None looks
                whether a picture has several tags.
            valid_indices: Validation rows, counted from 0 in the order of the table; or a mask, a truth value for each.
            valid_fraction: Share of each class and tag for validation where `valid_indices` is None; at least one
                picture of each stays in training.
            groups: Column, by position or name, of what pictures belong together (a patient, a place): they stay
                together, where validation rows are chosen and in `fold`.
            test: Folder of the pictures to predict.
            channels: As in `from_folders`.
            on_error: `"raise"` names all broken and absent pictures in one error; `"skip"` decodes each, and leaves
                those out before validation rows are chosen.
            outside_links: Whether pictures may lie outside the root, where links lead to; False refuses such links.
            transforms: What becomes of each picture in training.
            batch_size: Pictures per batch.
            seed: Decides which pictures are for validation; of shuffling and augmentation.

        Raises:
            FileNotFoundError: When the root, the CSV, a folder or pictures are missing.
            ValueError: When the CSV or the validation rows cannot be used as they are.
            ImageError: When pictures cannot be read.

        Example:

            data = ImageData.from_csv("planet", "train_v2.csv", folder="train-jpg", suffix=".jpg", test="test-jpg")
        """
        frame = read_table(existing_root(root), csv, header=header)
        return cls.from_dataframe(
            root, frame, folder=folder, suffix=suffix, name_column=name_column, label_columns=label_columns,
            separator=separator, target_kind=target_kind, valid_indices=valid_indices, valid_fraction=valid_fraction,
            groups=groups, test=test, channels=channels, on_error=on_error, outside_links=outside_links,
            transforms=transforms, batch_size=batch_size, seed=seed,
        )  # fmt: skip

    @classmethod
    def from_dataframe(
        cls,
        root: str | os.PathLike[str],
        frame: "pandas.DataFrame",
        *,
        folder: str,
        suffix: str = "",
        name_column: int | str = 0,
        label_columns: int | str | Sequence[int | str] | None = None,
        separator: str | None = " ",
        target_kind: str | None = None,
        valid_indices: Sequence[int] | np.ndarray | None = None,
        valid_fraction: float = 0.2,
        groups: int | str | None = None,
        test: str | None = None,
        channels: int = 3,
        on_error: str = "raise",
        outside_links: bool = True,
        transforms: Transforms = Transforms(),
        batch_size: int = 64,
        seed: int = 42,
    ) -> Self:
        """Take each picture's label, tags or numbers from a row of a data frame.

        Args:
            root: The data set's folder.
            frame: A row for each picture; its index does not matter. A cell of tags may also hold a list.
            folder, suffix, name_column, label_columns, separator, target_kind, valid_indices: As in `from_csv`.
            valid_fraction, groups, test, channels, on_error, outside_links: As in `from_csv`.
            transforms, batch_size, seed: As in `from_csv`.

        Raises:
            FileNotFoundError: When the root, a folder or pictures are missing.
            ValueError: When the table or the validation rows cannot be used as they are.
            ImageError: When pictures cannot be read.

        Example:

            frame = pandas.DataFrame({"file": ["a.jpg", "b.jpg", "c.jpg"], "weight": [1.5, 2.0, 2.5]})
            data = ImageData.from_dataframe("apples", frame, folder=".", target_kind="regression", valid_indices=[2])
        """
        source = table_source(
            root, frame, folder=folder, suffix=suffix, name_column=name_column, label_columns=label_columns,
            separator=separator, target_kind=target_kind, valid_indices=valid_indices, draw=Draw(valid_fraction, seed),
            groups=groups, test=test, channels=channels, on_error=on_error, outside_links=outside_links,
        )  # fmt: skip
        return cls(source, transforms, batch_size, seed)

    @classmethod
    def from_arrays(
        cls,
        train: tuple[np.ndarray, np.ndarray],
        valid: tuple[np.ndarray, np.ndarray] | None = None,
        *,
        test: np.ndarray | tuple[np.ndarray, np.ndarray] | None = None,
        classes: Sequence[str] | None = None,
        target_kind: str | None = None,
        valid_fraction: float = 0.2,
        groups: Sequence[Any] | np.ndarray | None = None,
        path: str | os.PathLike[str] = ".",
        transforms: Transforms = Transforms(),
        batch_size: int = 64,
        seed: int = 42,
    ) -> Self:
        """Take pictures from arrays in memory.

        Args:
            train: (images, targets): images (n, height, width) or (n, height, width, 1 to 16), uint8 or floats from 0
                to 1; targets (n,) or (n, 1) whole numbers for one class each, (n, c) zeros and ones for tags, (n,) or
                (n, c) numbers for a regression. One channel is repeated; two get their mean as the third.
            valid: The same for validation; None takes a part of the training pictures.
            test: Images alone, or the same.
            classes: Class names in the order of the indices; the numbers by default.
            target_kind: `"single"`, `"multi"` or `"regression"`; None for `"multi"` where the targets have two axes,
                else `"single"`.
            valid_fraction: Share of each class for validation where `valid` is None.
            groups: (n,) names, of the training and then the validation pictures; those of one name stay together, where
                validation pictures are chosen and in `fold`.
            path: Folder for what a learner writes.
            transforms: What becomes of each picture in training.
            batch_size: Pictures per batch.
            seed: Decides which pictures are for validation; of shuffling and augmentation.

        Raises:
            ValueError: When shapes, ranges or labels do not fit; the message names the array.

        Example:

            train, test = keras.datasets.cifar10.load_data()
            data = ImageData.from_arrays(train, test=test, transforms=transforms_side_on(32, pad=4))
        """
        source = arrays_source(
            path, train, valid, test=test, classes=classes, target_kind=target_kind, draw=Draw(valid_fraction, seed),
            groups=groups,
        )  # fmt: skip
        return cls(source, transforms, batch_size, seed)

    @classmethod
    def from_tfds(
        cls,
        builder: Any,
        path: str | os.PathLike[str],
        *,
        train: str = "train",
        valid: str = "test",
        test: str | None = None,
        image: str = "image",
        label: str = "label",
        on_error: str = "raise",
        transforms: Transforms = Transforms(),
        batch_size: int = 64,
        seed: int = 42,
    ) -> Self:
        """Take pictures and labels from a prepared builder of TensorFlow Datasets.

        The encoded pictures are copied as they are, without a loss, to `path/NAME-CONFIG-VERSION/SPLIT/`; a later call
        finds them there. A class label gives one label a picture, a sequence of class labels gives tags, floats give
        regression.

        Args:
            builder: A builder after `download_and_prepare()`.
            path: Folder for the files.
            train: Split to learn from; slices such as `"train[:80%]"` are allowed.
            valid: Split to judge by.
            test: Split to predict, or None. Where all its class labels are -1 it counts as unlabelled.
            image: Name of the image feature.
            label: Name of the label feature.
            on_error: `"raise"` names all broken pictures in one error; `"skip"` decodes each and leaves those out.
            transforms: What becomes of each picture in training.
            batch_size: Pictures per batch.
            seed: Of shuffling and augmentation.

        Raises:
            ImportError: Without tensorflow_datasets.
            ValueError: When the builder is not prepared, lacks a split or feature, or its splits share examples.
            FileExistsError: When the folder of a split holds something else.
            ImageError: When pictures cannot be read.

        Example:

            builder = tfds.builder("rock_paper_scissors")
            builder.download_and_prepare()
            data = ImageData.from_tfds(builder, "data", transforms=transforms_side_on(224))
        """
        from kerasfast.vision.sources.tfds import tfds_source

        options = {"image": image, "label": label, "on_error": on_error}
        source = tfds_source(builder, path, train=train, valid=valid, test=test, **options)
        return cls(source, transforms, batch_size, seed)

    @classmethod
    def from_shards(
        cls,
        train: str | os.PathLike[str] | Sequence[str],
        valid: str | os.PathLike[str] | Sequence[str] | None = None,
        *,
        test: str | os.PathLike[str] | Sequence[str] | None = None,
        valid_fraction: float = 0.2,
        path: str | os.PathLike[str] = ".",
        on_error: str = "raise",
        transforms: Transforms = Transforms(),
        batch_size: int = 64,
        seed: int = 42,
    ) -> Self:
        """Take pictures from tar files in WebDataset's form: beside `0001.jpg` a member `0001.cls` with the class.

        They are listed and checked, which reads them once, and then read one by one where they lie, in any order.

        Args:
            train: Patterns of paths, local or of `tf.io.gfile` (`gs://bucket/train-*.tar`, `s3://`, `hdfs://`).
            valid, test: The same; without `valid` a share of each class is drawn. A test set needs no classes.
            path: Folder for what a learner writes.
            valid_fraction, on_error, transforms, batch_size, seed: As in `from_folders`.

        Raises:
            FileNotFoundError, ValueError, ImageError: When files are missing, or cannot be used as they are.
        """
        from kerasfast.vision.sources.shards import shard_source

        draw = Draw(valid_fraction, seed)
        source = shard_source(train, valid, test=test, path=path, draw=draw, on_error=on_error)
        return cls(source, transforms, batch_size, seed)
