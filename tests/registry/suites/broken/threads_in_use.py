"""How many threads may be used: what no result may depend on."""

import numpy as np  # noqa: F401  # loads the BLAS that is asked
from threadpoolctl import threadpool_info


def three_threads() -> bool:
    return any(library["num_threads"] == 3 for library in threadpool_info())
