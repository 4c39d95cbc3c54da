"""The course's functions for tables: most of them change the frame they are given, as its lessons expect."""

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from pandas.api.types import is_datetime64_any_dtype, is_numeric_dtype, is_object_dtype, is_string_dtype

from kerasfast.basics.arguments import whole
from kerasfast.fastai import imports
from kerasfast.fastai.imports import *
from kerasfast.fastai.internals.stand_ins import OptionalName
from kerasfast.fastai.parts.absent import absent
from kerasfast.fastai.parts.forests import reset_rf_samples, set_rf_samples
from kerasfast.tabular.column_kinds import check_frame, single_column
from kerasfast.tabular.features.dates import add_date_parts

__all__ = [
    *imports.__all__,
    "CodeMapper", "ScaleMapper", "add_datepart", "apply_cats", "combine_date", "draw_tree", "fix_missing",
    "get_nn_mappers", "get_sample", "is_date", "is_numeric_dtype", "is_string_dtype", "numericalize", "parallel_trees",
    "proc_df", "reset_rf_samples", "rf_feat_importance", "scale_vars", "set_plot_sizes", "set_rf_samples", "train_cats",
]  # fmt: skip

LabelEncoder, StandardScaler = (OptionalName(preprocessing, name) for name in ("LabelEncoder", "StandardScaler"))
DataFrameMapper = OptionalName(sklearn_pandas, "DataFrameMapper")
_REFUSED = absent(
    {
        "Imputer": "write `sklearn.impute.SimpleImputer`",
        "export_graphviz": "write `draw_tree(forest.estimators_[0], df)`, or `sklearn.tree.export_graphviz`",
        "forest": "write `set_rf_samples(n)`, or `RandomForestRegressor(max_samples=n)`",
    }
)
globals().update(_REFUSED)
__all__ += ["DataFrameMapper", "LabelEncoder", "StandardScaler", *_REFUSED]
NO_VALUE = "#NA#"


def add_datepart(df: pd.DataFrame, fldname: str, drop: bool = True, time: bool = False) -> None:
    """Add Year, Month, Week, ... Elapsed of a date column to the frame itself, under the name without "Date".

    See `kerasfast.tabular.add_date_parts` for the columns; this one changes its argument.

    Args:
        df: The frame; gains columns.
        fldname: A column of dates, or of text to be parsed.
        drop: Take the column itself out; otherwise it stays, parsed.
        time: Add Hour, Minute and Second too.
    """
    single_column(df, fldname)
    parts = add_date_parts(df[[fldname]], fldname, time=time, prefix=re.sub("[Dd]ate$", "", fldname))
    for name in parts:
        df[name] = parts[name]
    if drop:
        df.pop(fldname)


def is_date(x: pd.Series) -> bool:
    """Return whether a column holds dates."""
    return is_datetime64_any_dtype(x.dtype)


def train_cats(df: pd.DataFrame) -> None:
    """Make ordered categories of all columns of text in the frame itself."""
    check_frame("df", df)
    for name in df.columns:
        if is_object_dtype(df[name].dtype) or is_string_dtype(df[name].dtype):
            df[name] = df[name].astype("category").cat.as_ordered()


def apply_cats(df: pd.DataFrame, trn: pd.DataFrame) -> None:
    """Give columns of the frame itself the categories that they have in the training frame `trn`."""
    for name in df.columns.intersection(trn.columns):
        if isinstance(trn[name].dtype, pd.CategoricalDtype):
            categories = trn[name].cat.categories
            codes = categories.get_indexer(pd.Index(df[name].astype(object)))  # -1 for what training did not show
            df[name] = pd.Series(pd.Categorical.from_codes(codes, categories, ordered=True), index=df.index)


def fix_missing(df: pd.DataFrame, col: pd.Series, name: str, na_dict: dict[str, float]) -> dict[str, float]:
    """Fill a numeric column of the frame itself, and add `<name>_na` that says where.

    Args:
        df: The frame; `name` is filled.
        col: The column as it is.
        name: Its name.
        na_dict: Fillers of training by column; the median of a column with missing values is added to it. A column that
            it names is flagged even if nothing is missing.

    Returns:
        `na_dict`.
    """
    if is_numeric_dtype(col.dtype) and (col.isna().any() or name in na_dict):
        if name not in na_dict and col.isna().all():
            raise ValueError(f"Column {name!r} has no value to fill with; leave it out (`df.drop(columns={name!r})`).")
        filler = na_dict[name] if name in na_dict else col.median()
        df[name + "_na"] = col.isna()
        df[name] = col.fillna(filler)
        na_dict[name] = filler
    return na_dict


def numericalize(df: pd.DataFrame, col: pd.Series, name: str, max_n_cat: int | None) -> None:
    """Write the codes of a categorical column to the frame itself: 0 for missing, categories from 1.

    Args:
        df: The frame; gets the codes as column `name`.
        col: The column; numbers are left alone.
        name: What to call the codes.
        max_n_cat: Leave columns with this many different values or fewer as they are.
    """
    if not is_numeric_dtype(col.dtype) and (max_n_cat is None or col.nunique() > max_n_cat):
        df[name] = _codes(col, name) + 1


class ScaleMapper:
    """Standardizes columns: (value - mean) / standard deviation, of the frame it was made with.

    Args:
        df: The training frame.
        names: Its columns to scale.
    """

    def __init__(self, df: pd.DataFrame, names: Sequence[str]):
        self.transformed_names_ = list(names)
        values = df[self.transformed_names_].to_numpy(np.float64)
        self.means, deviations = values.mean(axis=0), values.std(axis=0)
        self.deviations = np.where(deviations > 0, deviations, 1.0)

    def transform(self, df: pd.DataFrame) -> np.ndarray:
        """Return the scaled columns (rows, columns)."""
        return (_columns(df, self.transformed_names_).to_numpy(np.float64) - self.means) / self.deviations


class CodeMapper:
    """Turns columns into codes from 0 in the order of the values that the training frame has.

    Args:
        df: The training frame.
        names: Its columns.
    """

    def __init__(self, df: pd.DataFrame, names: Sequence[str]):
        self.transformed_names_ = list(names)
        self.levels = {name: sorted(df[name].unique(), key=_text_last) for name in names}

    def transform(self, df: pd.DataFrame) -> np.ndarray:
        """Return the codes (rows, columns); values that training did not show raise ValueError."""
        frame = _columns(df, self.transformed_names_)
        return np.stack([self._coded(name, frame[name]) for name in self.transformed_names_], axis=1)

    def _coded(self, name: str, column: pd.Series) -> np.ndarray:
        place = {level: code for code, level in enumerate(self.levels[name])}
        unknown = [value for value in column.unique() if value not in place]
        if unknown:
            raise ValueError(f"Column {name!r} has values that training did not show: {unknown[:5]}.")
        return column.astype(object).map(place).to_numpy(np.int64)


def scale_vars(df: pd.DataFrame, mapper: ScaleMapper | None) -> ScaleMapper:
    """Standardize the numeric columns of the frame itself.

    Args:
        df: The frame.
        mapper: That of the training frame; None to make one.
    """
    if mapper is None:
        mapper = ScaleMapper(df, [name for name in df.columns if is_numeric_dtype(df[name].dtype)])
    for name, values in zip(mapper.transformed_names_, mapper.transform(df).T, strict=True):
        df[name] = values
    return mapper


def proc_df(
    df: pd.DataFrame,
    y_fld: str | None = None,
    skip_flds: Sequence[str] | None = None,
    ignore_flds: Sequence[str] | None = None,
    do_scale: bool = False,
    na_dict: dict[str, float] | None = None,
    preproc_fn: Callable[[pd.DataFrame], Any] | None = None,
    max_n_cat: int | None = None,
    subset: int | None = None,
    mapper: ScaleMapper | None = None,
) -> list:
    """Split off the target and return an all-numeric copy of the rest; the frame stays as it is.

    Args:
        df: The frame; text must have become categories (`train_cats`) and dates numbers (`add_datepart`).
        y_fld: Column of the target.
        skip_flds: Columns to leave out.
        ignore_flds: Columns to put back unchanged, in front.
        do_scale: Standardize the numeric columns, the `_na` flags among them.
        na_dict: Fillers that training returned. Then the columns are those of training: no further `_na` flag is added.
        preproc_fn: Called with the copy first; changes it.
        max_n_cat: Make 0/1 columns instead of codes of columns with at most this many different values.
        subset: Take a random sample of so many rows.
        mapper: Scales that training returned.

    Returns:
        [x, y, na_dict], and the mapper with `do_scale`. y is None without `y_fld`.
    """
    check_frame("df", df)
    for name in [*(ignore_flds or []), *(skip_flds or []), *([] if y_fld is None else [y_fld])]:
        single_column(df, name)
    if subset:
        df = get_sample(df, subset)
    ignored = df[list(ignore_flds or [])]
    df = df.drop(columns=ignored.columns)
    if preproc_fn is not None:
        preproc_fn(df)
    y = None if y_fld is None else _target(df[y_fld], y_fld)
    df = df.drop(columns=[*(skip_flds or []), *([] if y_fld is None else [y_fld])])
    known, fillers = set(na_dict or {}), dict(na_dict or {})
    for name, column in list(df.items()):
        fix_missing(df, column, name, fillers)
    if na_dict:
        df = df.drop(columns=[f"{name}_na" for name in fillers if name not in known])
    if do_scale:
        mapper = scale_vars(df, mapper)
    for name, column in list(df.items()):
        numericalize(df, column, name, max_n_cat)
    df = pd.concat([ignored, pd.get_dummies(df, dummy_na=True, dtype="uint8")], axis=1)
    return [df, y, fillers, mapper] if do_scale else [df, y, fillers]


def get_nn_mappers(df: pd.DataFrame, cat_vars: Sequence[str], contin_vars: Sequence[str]) -> tuple:
    """Fill missing values in the frame itself; return what codes the categorical and scales the continuous columns."""
    for name in contin_vars:
        df[name] = df[name].fillna(df[name].max() + 100)
    for name in cat_vars:
        if df[name].isna().any():
            df[name] = df[name].astype(object).where(df[name].notna(), NO_VALUE)
    return CodeMapper(df, cat_vars), ScaleMapper(df, contin_vars)


def get_sample(df: pd.DataFrame, n: int) -> pd.DataFrame:
    """Return n random rows in their order, drawn from NumPy's global random state."""
    return df.iloc[np.sort(np.random.permutation(len(df))[: whole("n", n)])].copy()


def combine_date(
    years, months=1, days=1, weeks=None, hours=None, minutes=None, seconds=None, milliseconds=None, microseconds=None,
    nanoseconds=None,
) -> np.ndarray:  # fmt: skip
    """Return dates put together of arrays (or numbers) of years, months, days and so on."""
    date = np.asarray(years, "i8").astype("M8[Y]") - np.timedelta64(1970, "Y")
    date = date + (np.asarray(months, "i8") - 1).astype("m8[M]") + (np.asarray(days, "i8") - 1).astype("m8[D]")
    finer = {"W": weeks, "h": hours, "m": minutes, "s": seconds, "ms": milliseconds, "us": microseconds}
    for unit, amount in (finer | {"ns": nanoseconds}).items():
        if amount is not None:
            date = date + np.asarray(amount, "i8").astype(f"m8[{unit}]")
    return date


def rf_feat_importance(m: Any, df: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of `df` and their importance in a random forest, the largest first."""
    importance = pd.DataFrame({"cols": df.columns, "imp": m.feature_importances_})
    return importance.sort_values("imp", ascending=False)


def parallel_trees(m: Any, fn: Callable, n_jobs: int = 8) -> list:
    """Return `fn` of every tree of a random forest, computed in several processes."""
    with ProcessPoolExecutor(n_jobs) as pool:
        return list(pool.map(fn, m.estimators_))


def draw_tree(t: Any, df: pd.DataFrame, size: float = 10, ratio: float = 0.6, precision: int = 0):
    """Draw a decision tree on a new figure; return the figure.

    Args:
        t: A tree, such as `forest.estimators_[0]`.
        df: The frame it learned from.
        size: Width in inches.
        ratio: Height by width.
        precision: Decimals.
    """
    from sklearn.tree import plot_tree

    figure = plt.figure(figsize=(size, size * ratio), layout="constrained")
    plot_tree(t, feature_names=list(df.columns), filled=True, precision=precision, ax=figure.subplots())
    return figure


def set_plot_sizes(sml: float, med: float, big: float) -> None:
    """Set matplotlib's font sizes: small text, axis labels, figure titles."""
    plt.rc("font", size=sml)
    plt.rc("axes", titlesize=sml, labelsize=med)
    plt.rc("xtick", labelsize=sml)
    plt.rc("ytick", labelsize=sml)
    plt.rc("legend", fontsize=sml)
    plt.rc("figure", titlesize=big)


def _target(column: pd.Series, name: str) -> np.ndarray:
    return column.to_numpy() if is_numeric_dtype(column.dtype) else _codes(column, name).to_numpy()


def _codes(column: pd.Series, name: str) -> pd.Series:
    if not isinstance(column.dtype, pd.CategoricalDtype):
        what = "`add_datepart`" if is_date(column) else "`train_cats` (or `apply_cats`)"
        raise ValueError(f"Column {name!r} is neither numeric nor categorical but {column.dtype}; call {what} first.")
    return column.cat.codes


def _columns(df: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    absent = [name for name in names if name not in df.columns]
    if absent:
        raise ValueError(f"The frame lacks columns that training had: {absent}; pass the `na_dict` of training.")
    return df[names]


def _text_last(value: Any) -> tuple:
    return isinstance(value, str), value
