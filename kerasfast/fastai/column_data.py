"""The course's table data and learners, around kerasfast's `TableData`, `TableLearner` and `CollabFilter`."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from kerasfast.fastai.core import SGD_Momentum
from kerasfast.fastai.dataset import ModelData, split_by_idx
from kerasfast.fastai.internals.columns import ColumnarDataset, ColumnarLoader
from kerasfast.fastai.internals.stars import names_of
from kerasfast.fastai.learner import *
from kerasfast.fastai.learner import Learner
from kerasfast.fastai.parts.column_models import *
from kerasfast.fastai.torch_imports import optim
from kerasfast.tabular.collab import CollabFilter
from kerasfast.tabular.column_kinds import single_column
from kerasfast.tabular.data import TableData
from kerasfast.tabular.learner import TableLearner
from kerasfast.tabular.networks.model import embedding_widths, entity_embedding_model
from kerasfast.tabular.tasks import task_of

_OWN = "CollabFilterDataset CollabFilterLearner ColumnarModelData StructuredLearner"
__all__ = names_of(["learner", "internals.columns", "parts.column_models"], _OWN.split())


class ColumnarModelData(ModelData):
    """The course's table data. Make one with `from_data_frame`, `from_data_frames` or `from_arrays`.

    Args:
        path: Folder in which learners keep `models/`.
        trn_ds, val_ds: Rows for training and validation.
        bs: Rows per training batch.
        test_ds: Rows to predict.
        shuffle: Whether the loader shuffles training rows; a fit always does.

    Example:

        df, y, nas, mapper = proc_df(joined, "Sales", do_scale=True)
        md = ColumnarModelData.from_data_frame(PATH, val_idx, df, np.log(y), cat_flds=cat_vars, bs=128)
        learn = md.get_learner(emb_szs, len(df.columns) - len(cat_vars), 0.04, 1, [1000, 500], [0.001, 0.01])
    """

    def __init__(
        self,
        path: str | os.PathLike,
        trn_ds: ColumnarDataset,
        val_ds: ColumnarDataset,
        bs: int,
        test_ds: ColumnarDataset | None = None,
        shuffle: bool = True,
    ):
        core = TableData.from_arrays(
            *trn_ds.arrays,
            valid=val_ds.arrays,
            test=None if test_ds is None else test_ds.inputs,
            target_kind="regression" if trn_ds.is_reg else "multi" if trn_ds.is_multi else "single",
            batch_size=bs,
            path=path,
        )
        self._begin(
            core=core,
            bs=bs,
            trn_dl=ColumnarLoader(trn_ds, bs, shuffle),
            val_dl=ColumnarLoader(val_ds, bs * 2),
            test_dl=None if test_ds is None else ColumnarLoader(test_ds, bs * 2),
        )

    @classmethod
    def from_data_frames(
        cls,
        path: str | os.PathLike,
        trn_df: pd.DataFrame,
        val_df: pd.DataFrame,
        trn_y: Any,
        val_y: Any,
        cat_flds: Sequence[str],
        bs: int = 64,
        is_reg: bool = True,
        is_multi: bool = False,
        test_df: pd.DataFrame | None = None,
    ) -> "ColumnarModelData":
        """Take frames that `proc_df` made: codes in the columns `cat_flds`, values in all others."""
        rows = lambda df, y: ColumnarDataset.from_data_frame(df, cat_flds, y, is_reg, is_multi)
        return cls(path, rows(trn_df, trn_y), rows(val_df, val_y), bs, None if test_df is None else rows(test_df, None))

    @classmethod
    def from_data_frame(
        cls,
        path: str | os.PathLike,
        val_idxs: Sequence[int],
        df: pd.DataFrame,
        y: Any,
        cat_flds: Sequence[str],
        bs: int = 64,
        is_reg: bool = True,
        is_multi: bool = False,
        test_df: pd.DataFrame | None = None,
    ) -> "ColumnarModelData":
        """Take one frame; the rows `val_idxs` are for validation."""
        (val_df, trn_df), (val_y, trn_y) = split_by_idx(val_idxs, df, np.asarray(y))
        several = {"is_multi": True} if is_multi else {}  # which overrides of older lessons do not know
        return cls.from_data_frames(
            path, trn_df, val_df, trn_y, val_y, cat_flds, bs, is_reg, test_df=test_df, **several
        )

    @classmethod
    def from_arrays(
        cls,
        path: str | os.PathLike,
        val_idxs: Sequence[int],
        xs: np.ndarray,
        y: Any,
        is_reg: bool = True,
        is_multi: bool = False,
        bs: int = 64,
        test_xs: np.ndarray | None = None,
        shuffle: bool = True,
    ) -> "ColumnarModelData":
        """Take continuous columns `xs` (rows, columns); the rows `val_idxs` are for validation."""
        rows = lambda xs, y: ColumnarDataset(np.zeros((len(xs), 0)), xs, y, is_reg, is_multi)
        (val_xs, trn_xs), (val_y, trn_y) = split_by_idx(val_idxs, np.asarray(xs), np.asarray(y))
        test_ds = None if test_xs is None else rows(test_xs, None)
        return cls(path, rows(trn_xs, trn_y), rows(val_xs, val_y), bs, test_ds, shuffle)

    def get_learner(
        self,
        emb_szs: Sequence[tuple[int, int]],
        n_cont: int,
        emb_drop: float,
        out_sz: int,
        szs: Sequence[int],
        drops: Sequence[float],
        y_range: tuple[float, float] | None = None,
        use_bn: bool = False,
        opt_fn: Callable = optim.Adam,
        metrics: Sequence[Callable] | None = None,
        clip: float | None = None,
        crit: Any = None,
        models_name: str = "models",
        tmp_name: str = "tmp",
    ) -> "StructuredLearner":
        """Make the lesson's entity-embedding model.

        Args:
            emb_szs: (number of codes, width) of each categorical column.
            n_cont: Number of continuous columns.
            emb_drop: Dropout of the embeddings.
            out_sz: Number of outputs.
            szs: Widths of the hidden layers.
            drops: Dropout after each of them.
            y_range: Smallest and largest prediction.
            use_bn: BatchNormalization after each hidden layer.
            opt_fn: Makes the optimizer.
            metrics: Functions (preds, targs) of arrays.
            clip: Largest norm of the gradients.
            crit: Loss.
            models_name: Folder below the data's that weights are saved in.
            tmp_name: Without effect: nothing is stored of tables.
        """
        cardinalities = self._checked_sizes(emb_szs, n_cont, out_sz)
        data = replace(self.core, cardinalities=cardinalities)
        model = entity_embedding_model(
            cardinalities, n_cont, out_sz, hidden=szs, dropout=drops, embedding_sizes=emb_szs,
            embedding_dropout=emb_drop, batch_norm=use_bn, y_range=y_range, activation=task_of(data.target).activation,
        )  # fmt: skip
        widths = embedding_widths(cardinalities, emb_szs)
        table_learner = TableLearner(model, data, embedding_widths=widths, metrics=[], optimizer=opt_fn, clip=clip)
        return StructuredLearner(self, table_learner, metrics=metrics, crit=crit, models_name=models_name)

    def _checked_sizes(self, emb_szs: Sequence[tuple[int, int]], n_cont: int, out_sz: int) -> dict[str, int]:
        """Return the number of codes of each column, where all sizes are those of the data."""
        known, values = self.core.cardinalities, len(self.core.value_names)
        if len(emb_szs) != len(known):
            raise ValueError(f"`emb_szs` needs a pair for each of {len(known)} columns; received {len(emb_szs)}.")
        counts = dict(zip(known, [count for count, _ in emb_szs], strict=True))
        for place, (name, count) in enumerate(counts.items()):
            if count < known[name]:
                raise ValueError(f"`emb_szs[{place}]` has {count} codes, but the column has {known[name]} or more.")
        if n_cont != values:
            raise ValueError(f"`n_cont` must be {values}, the data's continuous columns; received {n_cont}.")
        outputs = len(self.core.target.classes)
        if out_sz < outputs or (out_sz > outputs and self.core.target_kind != "single"):
            raise ValueError(f"`out_sz` must be {outputs}, what the targets of the data need; received {out_sz}.")
        return counts


class StructuredLearner(Learner):
    """A learner for tables; see `ColumnarModelData.get_learner`."""

    def predict_array(self, x_cat: np.ndarray | None, x_cont: np.ndarray | None) -> np.ndarray:
        """Return predictions for codes (n, columns) and values (n, columns)."""
        named = {"codes": x_cat, "values": x_cont}
        return self._as_course(self.core.predict_array({name: x for name, x in named.items() if x is not None}))

    def predict_dl(self, dl: ColumnarLoader) -> np.ndarray:
        """Return predictions for all rows of a loader, in their order."""
        return self.predict_array(*dl.dataset.inputs)

    def _training_inputs(self) -> Iterator[dict[str, np.ndarray]]:
        for codes, values, _ in self.data.trn_dl:
            yield {name: part for name, part in (("codes", codes), ("values", values)) if part.shape[1]}


class CollabFilterLearner(StructuredLearner):
    """A learner for ratings.

    The layers `user_vectors`, `item_vectors`, `user_biases` and `item_biases` of its model take indices; lesson 5's
    names for them are `learn.model.u`, `i`, `ub` and `ib`.
    """

    def __init__(self, *args, **arguments):
        super().__init__(*args, **arguments)
        layers = {"u": "user_vectors", "i": "item_vectors", "ub": "user_biases", "ib": "item_biases"}
        for short, name in layers.items():  # past Keras's tracking: the layers are in the model already
            object.__setattr__(self.model, short, self.model.get_layer(name))


class CollabFilterDataset:
    """Ratings of items by users.

    Args:
        path: Folder in which learners keep `models/`.
        user_col, item_col, ratings: Columns of a frame.

    Attributes:
        users, items: The different ones, in the order in which they first occur; the index of the vectors and biases.
        user2idx, item2idx: From a user or an item to its index.

    Example:

        cf = CollabFilterDataset.from_csv(path, "ratings.csv", "userId", "movieId", "rating")
        learn = cf.get_learner(50, val_idxs, 64, opt_fn=optim.Adam)
        learn.model.get_layer("item_biases")(V(np.array([cf.item2idx[movie] for movie in liked])))
    """

    def __init__(self, path: str | os.PathLike, user_col: pd.Series, item_col: pd.Series, ratings: pd.Series):
        if not pd.api.types.is_numeric_dtype(ratings.dtype) or ratings.isna().any():
            raise ValueError(f"Column {ratings.name!r} must hold a number in every row, as ratings are; it does not.")
        self.path, self.ratings = str(path), ratings.to_numpy(np.float32)
        self.user_col, users = pd.factorize(user_col)
        self.item_col, items = pd.factorize(item_col)
        if min(self.user_col.min(), self.item_col.min()) < 0:
            raise ValueError("Some ratings lack their user or their item; leave these rows out.")
        self.users, self.items = np.asarray(users), np.asarray(items)
        self.user2idx, self.item2idx = ({o: i for i, o in enumerate(part)} for part in (self.users, self.items))
        self.n_users, self.n_items = len(self.users), len(self.items)
        self.min_score, self.max_score = float(self.ratings.min()), float(self.ratings.max())

    @classmethod
    def from_data_frame(
        cls, path: str | os.PathLike, df: pd.DataFrame, user_name: str, item_name: str, rating_name: str
    ) -> "CollabFilterDataset":
        """Take three columns of a frame."""
        return cls(path, *(single_column(df, name) for name in (user_name, item_name, rating_name)))

    @classmethod
    def from_csv(
        cls, path: str | os.PathLike, csv: str, user_name: str, item_name: str, rating_name: str
    ) -> "CollabFilterDataset":
        """Take three columns of a CSV file in `path`."""
        return cls.from_data_frame(path, pd.read_csv(os.path.join(path, csv)), user_name, item_name, rating_name)

    def __len__(self) -> int:
        return len(self.ratings)

    def get_data(self, val_idxs: Sequence[int], bs: int) -> ColumnarModelData:
        """Return the data with the rows `val_idxs` for validation."""
        codes = np.stack([self.user_col, self.item_col], axis=1)
        rows = lambda codes, y: ColumnarDataset(codes, np.zeros((len(codes), 0)), y)
        (val, trn), (val_y, trn_y) = split_by_idx(val_idxs, codes, self.ratings)
        return ColumnarModelData(self.path, rows(trn, trn_y), rows(val, val_y), bs)

    def get_learner(
        self,
        n_factors: int,
        val_idxs: Sequence[int],
        bs: int,
        opt_fn: Callable = SGD_Momentum(0.9),  # noqa: B008 - as the course has it
        metrics: Sequence[Callable] | None = None,
        clip: float | None = None,
        models_name: str = "models",
        tmp_name: str = "tmp",
    ) -> CollabFilterLearner:
        """Return a learner of vectors with `n_factors` numbers and a bias per user and item; `tmp_name` is not used."""
        data = self.get_data(val_idxs, bs)
        counts = dict(zip(data.core.cardinalities, (self.n_users, self.n_items), strict=True))
        filtered = CollabFilter(
            replace(data.core, cardinalities=counts),
            n_factors,
            y_range=(self.min_score, self.max_score),
            metrics=[],
            optimizer=opt_fn,
            clip=clip,
        )
        return CollabFilterLearner(data, filtered, metrics=metrics, models_name=models_name)
