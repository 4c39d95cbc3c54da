"""What the course's star imports bring besides its own names; prints arrays as the lessons do."""

import collections
import contextlib
import copy
import datetime
import itertools
import json
import math
import os
import pdb  # noqa: T100 - a name of the course's star
import pickle
import random
import re
import shutil
import string
import sys
import threading
import time
import warnings
from abc import abstractmethod
from collections import Counter, OrderedDict
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from glob import glob, iglob
from itertools import chain
from operator import attrgetter, itemgetter
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import PIL
from matplotlib import animation, rcParams
from matplotlib import pyplot as plt
from PIL import Image, ImageEnhance, ImageOps
from tqdm import tqdm as TerminalBar

from kerasfast.basics.bars import NotebookBar
from kerasfast.basics.notebook import in_notebook
from kerasfast.fastai.internals.stand_ins import DataFrameSummary, Optional, Week
from kerasfast.fastai.parts.absent import Absent

__all__ = [
    "Counter", "DataFrameSummary", "FileLink", "IPython", "Image", "ImageEnhance", "ImageOps", "Iterable",
    "OrderedDict", "PIL", "Path", "ProcessPoolExecutor", "ThreadPoolExecutor", "Week", "abstractmethod", "animation",
    "attrgetter", "bcolz", "chain", "clear_tqdm", "collections", "contextlib", "copy", "cv2", "datetime", "display",
    "ensemble", "fixed", "glob", "graphviz", "iglob", "in_ipynb", "in_notebook", "interact", "interactive",
    "itemgetter", "itertools", "json", "math", "matplotlib", "metrics", "np", "os", "partial", "pd", "pdb", "pickle",
    "plt", "preprocessing", "random", "rcParams", "re", "scipy", "shutil", "sklearn", "sklearn_pandas", "sns", "string",
    "sys", "threading", "time", "tnrange", "tqdm", "tqdm_notebook", "trange", "warnings", "widgets",
]  # fmt: skip


def trange(*bounds: int, **options):
    """Return `tqdm(range(...))`."""
    return tqdm(range(*bounds), **options)


def _log_loss(*args, **others) -> float:
    from kerasfast.fastai.metrics import log_loss  # not for lessons that only read tables

    return log_loss(*args, **others)


tqdm = NotebookBar if in_notebook() else TerminalBar
tqdm_notebook, tnrange = tqdm, trange
scipy, sns, cv2 = Optional("scipy", "scipy"), Optional("seaborn", "seaborn"), Optional("cv2", "opencv-python")
IPython, sklearn_pandas = Optional("IPython", "ipython"), Optional("sklearn_pandas", "sklearn-pandas")
widgets = Optional("ipywidgets", "ipywidgets")
sklearn, graphviz = Optional("sklearn", "scikit-learn"), Optional("graphviz", "graphviz")
bcolz = Absent("bcolz", "it is not made for today's Python; write `np.save(file, array)` and `np.load(file)`")
metrics = Optional("sklearn.metrics", "scikit-learn", log_loss=_log_loss)
ensemble, preprocessing = (
    Optional("sklearn.ensemble", "scikit-learn"),
    Optional("sklearn.preprocessing", "scikit-learn"),
)

# Lessons show `('agriculture', 1.0)` and `[0.14882 0.13552]`; NumPy 2 would print np.float32(1.0).
np.set_printoptions(precision=5, linewidth=110, suppress=True)
if int(np.__version__.split(".")[0]) >= 2:
    np.set_printoptions(legacy="1.25")


def in_ipynb() -> bool:
    """Return whether this runs in a Jupyter kernel."""
    return in_notebook()


def clear_tqdm() -> None:
    """Do nothing: bars vanish by themselves."""


def interact(*arguments, **options):
    """Call a function whenever a widget moves, as ipywidgets does."""
    return widgets.interact(*arguments, **options)


def interactive(*arguments, **options):
    """Return the widgets of a function's arguments, as ipywidgets does."""
    return widgets.interactive(*arguments, **options)


def fixed(value):
    """Return an argument of `interact` without a widget."""
    return widgets.fixed(value)


def display(*objects) -> None:
    """Show objects as a notebook cell does; elsewhere print them."""
    if in_notebook():
        from IPython.display import display as show

        show(*objects)
    else:
        print(*objects, sep="\n")


class FileLink:
    """A link to a file, for downloading it from a notebook; elsewhere its path.

    Args:
        path: The file, relative to the notebook.
    """

    def __init__(self, path: str | os.PathLike):
        if not os.path.isfile(path):
            raise FileNotFoundError(f"No file {os.fspath(path)!r} to link to; write it first.")
        self.path = os.fspath(path)

    def __repr__(self) -> str:
        return os.path.abspath(self.path)

    def _repr_html_(self) -> str:
        return f"<a href='{self.path}' target='_blank'>{self.path}</a><br>"
