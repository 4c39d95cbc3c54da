"""The pretrained networks an image model can stand on: `names()` lists them, `get(name)` describes one."""

from kerasfast.vision.networks.registry import Backbone, get, names

__all__ = ["Backbone", "get", "names"]
