"""Groups as whole numbers from 0 on, and sums over them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_SLICE_ROWS = 1 << 16


Codes = NDArray[np.integer[Any]]


def narrow(codes: Codes) -> Codes:
    """The same whole numbers from 0 on, in the smallest unsigned integers that hold them.

    >>> narrow(np.array([0, 300])).dtype
    dtype('uint16')
    """
    return codes.astype(np.min_scalar_type(int(codes.max()) if codes.size else 0))


def sums(codes: Codes, values: NDArray[np.float64] | None = None, count: int | None = None) -> NDArray[np.float64]:
    """Sum the values of each code 0 .. `count` - 1, or count its rows where no values are given.

    >>> sums(np.array([0, 2, 2]), np.array([1.0, 2.0, 3.0])), sums(np.array([0, 2, 2]))
    (array([1., 0., 5.]), array([1., 0., 2.]))
    """
    if count is None:
        count = int(codes.max()) + 1 if codes.size else 0
    total = np.zeros(count)
    for first in range(0, codes.size, _SLICE_ROWS):
        part = slice(first, first + _SLICE_ROWS)
        if count <= _SLICE_ROWS:
            total += np.bincount(codes[part], None if values is None else values[part], count)
        else:  # a slice has few of the codes
            np.add.at(total, codes[part], 1.0 if values is None else values[part])
    return total
