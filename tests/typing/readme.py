"""Write the Python of README and the guides for a type checker, each block a function.  usage: readme.py MODULE"""

import pathlib
import re
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/guides/*.md")), *sorted(ROOT.glob("docs/porting/*.md"))]
# What the reader has.
GIVEN = """
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

import kerasfast as kf

model: keras.Model
my_functional_model: keras.Model
a_kerashub_backbone: keras.Model
train: Any
valid: Any
stores: pd.DataFrame
test: pd.DataFrame
new: pd.DataFrame
learn: kf.ImageLearner
ratings_data: kf.TableData
data: kf.ImageData
"""


def module(text: str) -> str:
    """Return the module; a star import, which no function may have, leaves its block out."""
    blocks = re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    blocks = [block for block in blocks if "import *" not in block]
    if not blocks:
        raise SystemExit("README has no Python block.")
    functions = [
        f"def block_{number}() -> None:\n{textwrap.indent(block, '    ')}" for number, block in enumerate(blocks)
    ]
    return "\n\n".join([GIVEN, *functions])


if __name__ == "__main__":
    pathlib.Path(sys.argv[1]).write_text(module("\n".join(page.read_text("utf-8") for page in PAGES)), "utf-8")
