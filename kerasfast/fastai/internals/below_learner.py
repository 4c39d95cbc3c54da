"""The star of the course's learner: the names of every module below it."""

from kerasfast.fastai.core import *
from kerasfast.fastai.dataset import *
from kerasfast.fastai.imports import *
from kerasfast.fastai.internals.architectures import *
from kerasfast.fastai.internals.stars import names_of
from kerasfast.fastai.layer_optimizer import *
from kerasfast.fastai.layers import *
from kerasfast.fastai.losses import *
from kerasfast.fastai.lsuv_initializer import *
from kerasfast.fastai.metrics import *
from kerasfast.fastai.model import *
from kerasfast.fastai.sgdr import *
from kerasfast.fastai.torch_imports import *
from kerasfast.fastai.transforms import *

_MODULES = """
    imports torch_imports internals.architectures core transforms model dataset sgdr layer_optimizer layers metrics
    losses lsuv_initializer
"""
__all__ = names_of(_MODULES.split())
