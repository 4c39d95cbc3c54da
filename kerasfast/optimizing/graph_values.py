"""Values that are known only in a graph, while a step is traced."""

import keras
import tensorflow as tf


def value_of(variable: keras.Variable | tf.Variable) -> float:
    """Return a variable's number, of mirrored ones that of the first replica (they know no `float`)."""
    return tf.convert_to_tensor(variable).numpy().item()


class GraphNumber:
    """A momentum known only in the graph, for optimizers that ask whether it is 0 while they are traced."""

    def __init__(self, value: tf.Tensor):
        self.value = value

    def __tf_tensor__(self, dtype=None, name=None) -> tf.Tensor:
        return self.value if dtype is None else tf.cast(self.value, dtype)

    def __ne__(self, other) -> bool:
        return True

    def __gt__(self, other) -> bool:
        return True

    def __mul__(self, other):
        return self.value * other

    def __rsub__(self, other):
        return other - self.value

    def __sub__(self, other):
        return self.value - other

    __rmul__ = __mul__
    __hash__ = object.__hash__


def present_graph() -> object:
    """Return the graph that is being traced, None outside of all."""
    return None if tf.executing_eagerly() else tf.compat.v1.get_default_graph()


def encloses(outer: object, graph: object) -> bool:
    """Return whether tensors of graph `outer` can be used in `graph`: it is the same or lies inside."""
    while graph is not outer and graph is not None:
        graph = getattr(graph, "outer_graph", None)
    return graph is outer
