"""The course's functions from folders and CSV files to names and labels, and those that write small copies."""

import os
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from PIL import Image

from kerasfast.basics.arguments import whole
from kerasfast.vision.sources.decoding import decode

__all__ = [
    "csv_source", "dict_source", "folder_source", "n_hot", "nhot_labels", "parse_csv_labels", "read_dirs", "resize_img",
    "resize_imgs",
]  # fmt: skip


def n_hot(ids: Sequence[int], c: int) -> np.ndarray:
    """Return (c,) zeros with ones at `ids`."""
    hot = np.zeros(c, dtype=np.float32)
    hot[ids] = 1
    return hot


def read_dirs(path: str | os.PathLike, folder: str) -> tuple[list[str], list[str], list[str]]:
    """Return the files of class folders, relative to `path`, the class of each, and all classes, sorted."""
    classes = sorted(one.name for one in pathlib.Path(path, folder).iterdir() if one.is_dir() and one.name[0] != ".")
    pairs = [(name, file) for name in classes for file in sorted(os.listdir(os.path.join(path, folder, name)))]
    return [os.path.join(folder, *pair) for pair in pairs], [name for name, _ in pairs], classes


def folder_source(path: str | os.PathLike, folder: str) -> tuple[list[str], np.ndarray, list[str]]:
    """Return the files of class folders, relative to `path`, their class numbers, and the classes."""
    files, names, classes = read_dirs(path, folder)
    return files, np.array([classes.index(name) for name in names], dtype=int), classes


def parse_csv_labels(
    fn: str | os.PathLike, skip_header: bool = True, cat_separator: str = " "
) -> tuple[list[str], dict[str, list[str]]]:
    """Return the sorted names of a CSV file's first column, and the labels of each, which are in the second."""
    frame = pd.read_csv(fn, header=0 if skip_header else None, dtype=str)
    labels = {name: said.split(cat_separator) for name, said in zip(frame.iloc[:, 0], frame.iloc[:, 1], strict=True)}
    return sorted(labels), labels


def nhot_labels(
    label2idx: Mapping[str, int], csv_labels: Mapping[str, Sequence[str]], fnames: Sequence[str], c: int
) -> np.ndarray:
    """Return zeros and ones (names, c) of the labels of names."""
    return np.stack([n_hot([label2idx[label] for label in csv_labels[name]], c) for name in fnames])


def dict_source(
    folder: str,
    fnames: Sequence[str],
    csv_labels: Mapping[str, Sequence[str]],
    suffix: str = "",
    continuous: bool = False,
) -> tuple[list[str], np.ndarray, list[str]]:
    """Return files in a folder, their targets, and the classes.

    Targets are class numbers (n,), or zeros and ones (n, classes) where a file has several labels, or with
    `continuous` values.
    """
    classes = sorted({label for labels in csv_labels.values() for label in labels})
    files = [os.path.join(folder, f"{name}{suffix}") for name in fnames]
    if continuous:
        return files, np.array([np.float32(csv_labels[name]) for name in fnames]), classes
    hot = nhot_labels({label: number for number, label in enumerate(classes)}, csv_labels, fnames, len(classes))
    return files, (hot.argmax(1) if np.all(hot.sum(1) == 1) else hot), classes


def csv_source(
    folder: str, csv_file: str | os.PathLike, skip_header: bool = True, suffix: str = "", continuous: bool = False
) -> tuple[list[str], np.ndarray, list[str]]:
    """Return the files that a CSV file names, their targets, and the classes; see `dict_source`."""
    return dict_source(folder, *parse_csv_labels(csv_file, skip_header), suffix, continuous)


def resize_img(fname: str, targ: int, path: str | os.PathLike, new_path: str) -> None:
    """Write a copy whose shorter side has `targ` pixels to `path/new_path/targ`, unless it is there."""
    copy = pathlib.Path(path, new_path, str(targ), fname)
    if copy.exists():
        return
    picture = Image.fromarray(decode.open_image(os.path.join(path, fname)))
    shorter = min(picture.size)
    copy.parent.mkdir(parents=True, exist_ok=True)
    picture.resize([max(side * targ // shorter, targ) for side in picture.size], Image.Resampling.BOX).save(copy)


def resize_imgs(fnames: Sequence[str], targ: int, path: str | os.PathLike, new_path: str) -> str:
    """Write copies whose shorter sides have `targ` pixels, unless they are there; return their folder."""
    whole("targ", targ)
    for name in fnames:
        resize_img(name, targ, path, new_path)
    return os.path.join(path, new_path, str(targ))
