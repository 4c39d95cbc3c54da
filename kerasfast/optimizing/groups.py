"""Layer groups: split a model for discriminative training, freeze and unfreeze it without compiling again."""

import itertools
from collections.abc import Iterator, Sequence
from numbers import Integral

import keras

from kerasfast.basics.arguments import flag, sized
from kerasfast.keras_internals import accept_trainable_flags, all_layers, trainable_by_design
from kerasfast.optimizing.control import ensure_built
from kerasfast.optimizing.train_function import train_function_of

Boundary = int | str | keras.layers.Layer


def checked_model(model: keras.Model) -> keras.Model:
    """Return what is a Keras model.

    Raises:
        ValueError: For anything else.
    """
    if isinstance(model, type) or not isinstance(model, keras.Model):
        raise ValueError(f"`model` must be a Keras model; received {model!r:.100}.")
    return model


def flat_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers of `model` in order, with nested functional and sequential models opened in place.

    For a model without nested models this is `model.layers`, so indices mean what they mean in Keras.
    """
    layers = []
    for layer in model.layers:
        layers.extend(flat_layers(layer) if _is_container(layer) else [layer])
    return layers


def _is_container(layer: keras.layers.Layer) -> bool:
    """Return whether `layer` is a nested functional or sequential model; a subclassed model counts as one layer."""
    return isinstance(layer, keras.Sequential) or (isinstance(layer, keras.Model) and hasattr(layer, "operations"))


def _nested_models(model: keras.Model) -> Iterator[keras.Model]:
    for layer in model.layers:
        if _is_container(layer):
            yield layer
            yield from _nested_models(layer)


def _unique(variables: Sequence[keras.Variable]) -> list[keras.Variable]:
    return list({id(variable): variable for variable in variables}.values())


class LayerGroups:
    """The layers of a model in consecutive groups, from the input to the output.

    Freezing works at once, on a compiled model too: the traced train function of every frozen state is kept and comes
    back with that state, and the optimizer keeps its slots for all groups. Models stay plain Keras models.

    Args:
        model: A built model.
        layers: The layers of each group; a layer may be in one group only.

    Raises:
        ValueError: If the model is not built, or a group has no layer.

    Example:
        >>> layers = [keras.layers.Dense(4, name=name) for name in ("early", "late", "head")]
        >>> model = keras.Sequential([keras.Input((2,)), *layers])
        >>> groups = LayerGroups.split(model, [1, "head"])      # indices, names or layers begin the next group
        >>> groups.freeze_to(-1)                                # train the last group, from the next `model.fit` on
        >>> groups.trainable
        [False, False, True]
    """

    def __init__(self, model: keras.Model, layers: Sequence[Sequence[keras.layers.Layer]]):
        if not checked_model(model).built:
            raise ValueError(f"`LayerGroups` needs a built model; call `{model.name}.build(input_shape)` first.")
        self.model = model
        self.layers = [list(group) for group in layers]
        empty = [index for index, group in enumerate(self.layers) if not group]
        if empty or not self.layers:
            raise ValueError(f"Every layer group needs a layer; group(s) {empty or 'none given'} have none.")
        self.variables = self._assign_variables()
        self._bn_frozen = False
        self._train_function = train_function_of(model)

    @classmethod
    def split(cls, model: keras.Model, boundaries: Sequence[Boundary]) -> "LayerGroups":
        """Split `model` where each boundary layer begins a new group.

        Args:
            model: A built model; nested functional and sequential models count as their layers (`flat_layers`).
            boundaries: Layer indices (negative ones count from the end), layer names or layers, from input to output.

        Returns:
            One group more than there are boundaries.

        Raises:
            ValueError: If a boundary is no layer of the model, or the boundaries do not rise.
        """
        layers = flat_layers(checked_model(model))
        positions = [_position(model, layers, boundary) for boundary in sized("boundaries", boundaries)]
        if any(late <= early for early, late in zip([0, *positions], [*positions, len(layers)], strict=True)):
            raise ValueError(
                f"Boundaries must rise and leave a layer in every group; received {list(boundaries)}, "
                f"which are positions {positions} of {len(layers)} layers."
            )
        edges = [0, *positions, len(layers)]
        return cls(model, [layers[start:end] for start, end in itertools.pairwise(edges)])

    def __len__(self) -> int:
        return len(self.layers)

    def __repr__(self) -> str:
        parts = [
            f"{group[0].name} .. {group[-1].name} ({len(group)} layers, {'trainable' if open_ else 'frozen'})"
            for group, open_ in zip(self.layers, self.trainable, strict=True)
        ]
        return f"LayerGroups({self.model.name}: {'; '.join(parts)})"

    @property
    def all_variables(self) -> list[keras.Variable]:
        """The trainable variables of every group, frozen or not, in order."""
        return [variable for group in self.variables for variable in group]

    @property
    def trainable(self) -> list[bool]:
        """Whether each group has a variable that trains."""
        return [any(variable.trainable for variable in group) for group in self.variables]

    @property
    def bn_frozen(self) -> bool:
        """Whether `bn_freeze` holds the statistics."""
        return self._bn_frozen

    def train_exactly(self, groups: Sequence[bool]) -> None:
        """Make the groups trainable that are marked, and freeze the others."""
        if len(groups) != len(self):
            raise ValueError(f"The model has {len(self)} layer groups; received {len(groups)} marks.")
        self._set_trainable([bool(trains) for trains in groups])

    def freeze_to(self, first: int) -> None:
        """Freeze the groups before index `first` and make the others trainable; -1 leaves the last group."""
        first = self._index(first)
        self._set_trainable([index >= first for index in range(len(self))])

    def freeze_all_but(self, only: int) -> None:
        """Freeze every group but the one with index `only`."""
        only = self._index(only)
        self._set_trainable([index == only for index in range(len(self))])

    def unfreeze(self) -> None:
        """Make all groups trainable."""
        self.freeze_to(0)

    def bn_freeze(self, freeze: bool = True) -> None:
        """Hold the statistics of every BatchNormalization (or let them move again) without touching what trains.

        With `freeze=True` the layers normalise with their moving averages and leave them as they are, while scale and
        shift train wherever their group does: the course's `bn_freeze`. It lasts until the next `bn_freeze(False)`.
        """
        self._bn_frozen = flag("freeze", freeze)
        self._apply_bn_freeze()
        self.sync()

    def sync(self) -> None:
        """Make the model's next `fit` follow the layers' present `trainable` flags.

        The verbs above do this themselves; call it after setting `layer.trainable` by hand.
        """
        self._train_function.sync()
        if self.model.compiled:
            self._prepare_optimizer()
            accept_trainable_flags(self.model)

    def _set_trainable(self, trainable: Sequence[bool]) -> None:
        for container in (self.model, *_nested_models(self.model)):
            container.trainable = True
        for group, variables, trains in zip(self.layers, self.variables, trainable, strict=True):
            for layer in group:
                layer.trainable = trains
            for variable in variables:  # a flag that a layer has already is not passed on to its variables
                variable.trainable = trains
        self._apply_bn_freeze()
        self.sync()

    def _apply_bn_freeze(self) -> None:
        """Hold or release the statistics; scale and shift keep the flag of their group."""
        for group, group_trains in zip(self.layers, self.trainable, strict=True):
            for norm in _batch_norms(group):
                affine = [variable for variable in (norm.gamma, norm.beta) if variable is not None]
                trains = any(variable.trainable for variable in affine) if affine else group_trains
                norm.trainable = trains and not self._bn_frozen
                for variable in affine:
                    variable.trainable = trains

    def _prepare_optimizer(self) -> None:
        """Give the optimizer slots for every group, so that no later state meets an unknown variable."""
        optimizer, rebuilt = ensure_built(self.model.optimizer, self.all_variables)
        self.model.optimizer = optimizer
        if rebuilt:
            self._train_function.forget()

    def _assign_variables(self) -> list[list[keras.Variable]]:
        groups, seen = [], set()
        for group in self.layers:
            variables = _unique([variable for layer in group for variable in trainable_by_design(layer)])
            groups.append([variable for variable in variables if id(variable) not in seen])
            seen.update(id(variable) for variable in variables)
        left = [variable for variable in _unique(trainable_by_design(self.model)) if id(variable) not in seen]
        groups[-1].extend(left)  # weights that a subclassed model holds itself, outside any layer
        return groups

    def _index(self, index: int) -> int:
        if not _is_index(index, len(self)):
            raise ValueError(
                f"The model has {len(self)} layer groups; pass an index from {-len(self)} to {len(self) - 1}; "
                f"received {index!r}."
            )
        return int(index) % len(self)


def _position(model: keras.Model, layers: Sequence[keras.layers.Layer], boundary: Boundary) -> int:
    for nested in _nested_models(model):
        if boundary is nested or boundary == nested.name:
            boundary = flat_layers(nested)[0]
    if isinstance(boundary, str):
        names = [layer.name for layer in layers]
        if names.count(boundary) != 1:
            found = "more than one layer" if boundary in names else "no layer"
            raise ValueError(f"The model has {found} named {boundary!r}; its layers: {', '.join(names)}.")
        return names.index(boundary)
    if isinstance(boundary, keras.layers.Layer):
        matches = [index for index, layer in enumerate(layers) if layer is boundary]
        if not matches:
            raise ValueError(f"Layer {boundary.name!r} is not a layer of the model.")
        return matches[0]
    if not _is_index(boundary, len(layers)):
        raise ValueError(
            f"The model has {len(layers)} layers; a boundary is an index below that, a name or a layer; "
            f"received {boundary!r}."
        )
    return int(boundary) % len(layers)


def _is_index(index: object, count: int) -> bool:
    return isinstance(index, Integral) and not isinstance(index, bool) and -count <= index < count


def _batch_norms(layers: Sequence[keras.layers.Layer]) -> list[keras.layers.BatchNormalization]:
    inner = [part for layer in layers for part in all_layers(layer)]
    return [layer for layer in inner if isinstance(layer, keras.layers.BatchNormalization)]
