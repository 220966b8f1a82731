"""The types of arrays that the whole house speaks of."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating[Any]]  # Any: float32 or float64
Float64Array = NDArray[np.float64]
