"""What the course's star imports bring besides its own names; prints arrays as the lessons do."""

import collections
import copy
import datetime
import itertools
import json
import math
import os
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
from matplotlib import pyplot as plt
from matplotlib import rcParams
from PIL import Image, ImageEnhance, ImageOps
from tqdm.auto import tqdm, trange

__all__ = [
    "Counter", "FileLink", "Image", "ImageEnhance", "ImageOps", "Iterable", "OrderedDict", "PIL", "Path",
    "ProcessPoolExecutor", "ThreadPoolExecutor", "abstractmethod", "attrgetter", "chain", "collections", "copy",
    "datetime", "display", "glob", "iglob", "in_ipynb", "in_notebook", "itemgetter", "itertools", "json", "math",
    "matplotlib", "np", "os", "partial", "pd", "pickle", "plt", "random", "rcParams", "re", "shutil", "string", "sys",
    "threading", "time", "tnrange", "tqdm", "tqdm_notebook", "trange", "warnings",
]  # fmt: skip

tqdm_notebook, tnrange = tqdm, trange

# Lessons show `('agriculture', 1.0)` and `[0.14882 0.13552]`; NumPy 2 would print np.float32(1.0).
np.set_printoptions(precision=5, linewidth=110, suppress=True)
if int(np.__version__.split(".")[0]) >= 2:
    np.set_printoptions(legacy="1.25")


def in_notebook() -> bool:
    """Return whether this runs in a Jupyter kernel."""
    return "ipykernel" in sys.modules and "IPython" in sys.modules


def in_ipynb() -> bool:
    """Return whether this runs in a Jupyter kernel."""
    return in_notebook()


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
