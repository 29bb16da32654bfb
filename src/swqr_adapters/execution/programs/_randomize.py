"""Drawing randomizations from a samplex over the axes of an item."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["draw"]


def draw(
    samplex: Any, arguments: Any, shape: tuple[int, ...], generator: np.random.Generator
) -> "dict[str, npt.NDArray[Any]]":
    """Return every output of *samplex*, each of shape ``(*shape, *its own)``.

    An axis along which the arguments vary is a sweep; all others enumerate randomizations, which
    are drawn together.

    Args:
        samplex: Ready to sample.
        arguments: Its inputs; their shape broadcasts to *shape*.
        shape: The item's shape.
        generator: Where randomness comes from.
    """
    swept = (1,) * (len(shape) - arguments.ndim) + tuple(arguments.shape)
    random_axes = [axis for axis, length in enumerate(swept) if length == 1]
    random_shape = tuple(shape[axis] for axis in random_axes)
    outputs: dict[str, npt.NDArray[Any]] = {}
    for place in np.ndindex(*swept):
        own = place[len(shape) - arguments.ndim :]
        found = samplex.sample(
            arguments[own],
            num_randomizations=math.prod(random_shape),
            rng=generator,
            max_workers=1,  # one generator in one order: the same seed gives the same draw
        )
        where = tuple(
            slice(None) if length == 1 else index
            for index, length in zip(place, swept, strict=True)
        )
        for name, values in dict(found).items():
            inner = values.shape[1:]
            if name not in outputs:
                outputs[name] = np.empty((*shape, *inner), values.dtype)
            outputs[name][where] = values.reshape(*random_shape, *inner)
    return outputs
