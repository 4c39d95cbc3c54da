"""The practical deep learning of the fast.ai course for Keras 3 on TensorFlow."""

from kerasfast.version import __version__

__all__ = ["__version__"]
