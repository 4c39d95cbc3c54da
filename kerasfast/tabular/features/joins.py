"""Left joins of tables that say what went wrong: repeated keys, unmatched keys, key types that cannot meet."""

from collections.abc import Iterable, Sequence

import pandas as pd

from kerasfast.basics.arguments import names

CHECKS = ("duplicates", "rows", "unmatched")
_KINDS_OF_OBJECTS = {
    "string": "text",
    "integer": "number",
    "floating": "number",
    "mixed-integer-float": "number",
    "boolean": "number",
    "datetime": "date",
    "datetime64": "date",
    "date": "datetime.date objects",
}


def join_df(
    left: pd.DataFrame,
    right: pd.DataFrame,
    left_on: str | Sequence[str],
    right_on: str | Sequence[str] | None = None,
    suffix: str = "_y",
    *,
    check: bool | str | Iterable[str] = False,
) -> pd.DataFrame:
    """Return `left` with the columns of the matching rows of `right` (a left outer join).

    Names are those of the course's Rossmann notebook. Columns that both tables have keep their name on
    the left and get `suffix` on the right. A missing key matches nothing (pandas alone would match a missing
    key to every other missing key). The result has a fresh 0..n-1 index; neither table is changed.

    Args:
        left: the table whose rows are kept, in their order.
        right: the table to look up in.
        left_on: key column or columns of `left`.
        right_on: key column or columns of `right`; the same names as `left_on` when omitted.
        suffix: appended to the right one of two columns of the same name.
        check: True for every check, or the names of some:
            "duplicates": a key may occur only once in `right`;
            "rows": the result must have as many rows as `left`;
            "unmatched": every row of `left` must find its key in `right`.

    Raises:
        ValueError: a key column is missing, key types differ (numbers and text, say), or a check failed.

    Example:
        >>> sales = pd.DataFrame({"Store": [1, 2], "Sales": [10, 20]})
        >>> stores = pd.DataFrame({"Store": [1, 2], "State": ["HE", "TH"]})
        >>> join_df(sales, stores, "Store", check=True)["State"].tolist()
        ['HE', 'TH']
    """
    wanted = _wanted_checks(check)
    left_keys = _key_list(left_on)
    right_keys = left_keys if right_on is None else _key_list(right_on)
    _check_keys(left, right, left_keys, right_keys)
    _check_suffix(left, right, left_keys, right_keys, suffix)
    left, right = _unnamed_index(left), _unnamed_index(right)
    keyed = right[right[right_keys].notna().all(axis=1)]
    if "duplicates" in wanted and keyed.duplicated(right_keys).any():
        raise ValueError(_repeated(keyed.loc[keyed.duplicated(right_keys), right_keys]))
    if wanted & {"rows", "unmatched"}:
        _check_meeting(left, keyed, left_keys, right_keys, wanted)
    return left.merge(keyed, how="left", left_on=left_keys, right_on=right_keys, suffixes=("", suffix))


def _wanted_checks(check: bool | str | Iterable[str]) -> set[str]:
    if isinstance(check, bool):
        return set(CHECKS) if check else set()
    wanted = {check} if isinstance(check, str) else set(check)
    if not wanted <= set(CHECKS):
        raise ValueError(f"unknown check {sorted(wanted - set(CHECKS))}; pass True, False or some of {list(CHECKS)}.")
    return wanted


def _key_list(keys: str | Sequence[str]) -> list[str]:
    return [keys] if isinstance(keys, str) else names("keys", keys)


def _check_keys(left: pd.DataFrame, right: pd.DataFrame, left_keys: list[str], right_keys: list[str]) -> None:
    """Raise where the keys cannot be compared at all."""
    if not left_keys or len(left_keys) != len(right_keys):
        raise ValueError(
            f"`left_on` and `right_on` must name equally many columns; received {len(left_keys)} and {len(right_keys)}."
        )
    for side, frame, keys in (("left", left, left_keys), ("right", right, right_keys)):
        if not isinstance(frame, pd.DataFrame):
            raise TypeError(f"`{side}` must be a pandas DataFrame; received {type(frame).__name__}.")
        absent = [key for key in keys if key not in frame.columns]
        if absent:
            raise ValueError(f"the {side} table has no column {absent}; its columns are {list(frame.columns)}.")
        repeated = [key for key in keys if isinstance(frame[key], pd.DataFrame)]
        if repeated:
            raise ValueError(f"the {side} table has more than one column named {repeated}; rename or drop one.")
    for left_key, right_key in zip(left_keys, right_keys, strict=True):
        kinds = _kind(left[left_key]), _kind(right[right_key])
        if None not in kinds and kinds[0] != kinds[1]:
            raise ValueError(
                f"left column {left_key!r} holds {kinds[0]} ({left[left_key].dtype}) but right column {right_key!r} "
                f"holds {kinds[1]} ({right[right_key].dtype}), so no key can match; convert one of them."
            )


def _check_suffix(
    left: pd.DataFrame, right: pd.DataFrame, left_keys: list[str], right_keys: list[str], suffix: str
) -> None:
    """Raise where the suffix does not keep the names apart; pandas 2 makes two columns of one name then."""
    joined_keys = {left_key for left_key, right_key in zip(left_keys, right_keys, strict=True) if left_key == right_key}
    shared = [name for name in right.columns if name in left.columns and name not in joined_keys]
    clashing = [f"{name}{suffix}" for name in shared if f"{name}{suffix}" in left.columns.union(right.columns)]
    if clashing:
        raise ValueError(f"the joined table would have two columns named {clashing}; pass another `suffix`.")


def _unnamed_index(frame: pd.DataFrame) -> pd.DataFrame:
    # pandas finds a name ambiguous that is a column and an index level, as after set_index(..., drop=False).
    return frame if set(frame.index.names) == {None} else frame.reset_index(drop=True)


def _kind(column: pd.Series) -> str | None:
    """Return what the values of a key column are, None where that cannot be told."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        column = dtype.categories.to_series()
        dtype = column.dtype
    if pd.api.types.is_numeric_dtype(dtype):
        return "number"
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return "date"
    if pd.api.types.is_object_dtype(dtype):
        return _KINDS_OF_OBJECTS.get(pd.api.types.infer_dtype(column, skipna=True))
    return "text" if pd.api.types.is_string_dtype(dtype) else None


def _check_meeting(
    left: pd.DataFrame, right: pd.DataFrame, left_keys: list[str], right_keys: list[str], wanted: set[str]
) -> None:
    """Join the keys alone, each left one once: small, and it shows what the whole join would do."""
    keys = left[left_keys].drop_duplicates()
    found = keys.merge(right[right_keys].set_axis(left_keys, axis=1), how="left", on=left_keys, indicator="_found")
    twice = found.duplicated(left_keys)
    if "rows" in wanted and twice.any():
        raise ValueError(_repeated(found.loc[twice, left_keys]))
    lost = found.loc[found["_found"].eq("left_only"), left_keys]
    if "unmatched" in wanted and len(lost):
        rows = len(left[left_keys].merge(lost, on=left_keys))
        raise ValueError(
            f"{rows} rows of the left table ({len(lost)} different keys) have no match for {left_keys} in the right "
            f"table's {right_keys}, the first is {_first_key(lost)}; add the keys, or leave out the "
            '"unmatched" check to get missing values.'
        )


def _repeated(keys: pd.DataFrame) -> str:
    names = list(keys.columns)
    different = keys.drop_duplicates()
    return (
        f"{len(different)} keys occur more than once in the right table's {names}, the first is "
        f"{_first_key(different)}: the join would repeat rows. Keep one row per key, "
        f"for example with drop_duplicates({names})."
    )


def _first_key(keys: pd.DataFrame) -> dict[str, str]:
    return {name: str(value) for name, value in keys.iloc[0].items()}
