"""The parquet column of targets: a number for each example, or a list of K numbers."""

from typing import Any

import numpy as np
import pyarrow as pa

from finetooth.tasks import Targets

_NUMBERS = (pa.int64(), pa.float64())


def type_of(targets: Targets) -> pa.DataType:
    """The type of the column for targets (N,) or (N, K), int64 or float64."""
    assert targets.ndim in (1, 2) and targets.dtype in (np.int64, np.float64), (targets.shape, targets.dtype)
    number = pa.from_numpy_dtype(targets.dtype)
    return number if targets.ndim == 1 else pa.list_(number, targets.shape[1])


def is_type(kind: pa.DataType) -> bool:
    """Whether a column of that type holds targets."""
    return kind in _NUMBERS or (pa.types.is_fixed_size_list(kind) and kind.value_type in _NUMBERS)


def array_of(targets: Targets) -> pa.Array:
    """Targets (N,) or (N, K) as a column."""
    kind = type_of(targets)
    if targets.ndim == 1:
        return pa.array(targets, kind)
    return pa.FixedSizeListArray.from_arrays(pa.array(np.ascontiguousarray(targets).ravel()), type=kind)


def targets_of(column: pa.ChunkedArray) -> Targets:
    """The targets in a column that array_of made; they may share its memory."""
    if not pa.types.is_fixed_size_list(column.type):
        values: Any = column.to_numpy()
        return np.asarray(values)
    flat = column.combine_chunks().flatten()
    return np.asarray(flat.to_numpy(zero_copy_only=False)).reshape(len(column), column.type.list_size)
