"""Products of blocks of rows with all columns, in the fastest arithmetic, and how far they may be off.

A *key* orders the rows of a column, and the columns of a row, as the similarity does: the cosine itself, or, for the
Euclidean distance, minus half its square, which comes of a product too: `r·c − |r|²/2 − |c|²/2`.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from zsg_harness.services.similarity.vectors import Rows, Vectors

_BLOCK_KEYS: Final = {"cpu": 2**21, "cuda": 2**27}
"""Keys of a block. On a CPU: so few that they are still in its cache when they are compared."""
MOST_ROWS: Final = 2**16
"""Rows of a block: their positions in it are sorted as 16-bit numbers."""
_HALF: Final = 2.0**-8
"""The largest relative error of a number that was rounded to bfloat16."""
_SINGLE: Final = 2.0**-24
"""The same of float32."""
_RANDOM_WALK: Final = 5e-8
"""The error of a float32 dot of unit vectors, over the root of their width: the roundings of partial sums (2^-24 of at
most 1) add up like a random walk, and this is several times what they come to."""
_UNIT: Final = 3e-7
"""A norm that is off 1 by no more is taken for 1 in a proposal; it may itself be off by as much."""
_CROWDED: Final = 1 / 32
"""The share of undecided keys above which it is cheaper to multiply a block again, in float32."""


_K = TypeVar("_K", torch.Tensor, NDArray[np.float64])


class Undecided(NamedTuple):
    """Keys that are still in the running: column, row (as a position in what is streamed) and key of each, int64,
    int64 and float64 `[m]`, sorted by column, then row.
    """

    column: NDArray[np.int64]
    row: NDArray[np.int64]
    key: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Margin:
    """A key may be off the true one by `absolute + relative * |key|`."""

    absolute: float
    relative: float

    def around(self, keys: _K) -> _K:
        """How far a key must be from each of `keys` for their order to be certain.

        A little more than the margins of the two, since they are told from keys that are off themselves.
        """
        return 2.02 * (self.absolute + self.relative * abs(keys))


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of a block of rows, `[columns, rows]`, valid until the next block.

    Attributes:
        start: The position of the first row in what is streamed.
        values: float32 or bfloat16.
        margin: How far they may be off.
        in_single: Gives the same keys from float32 products, where these are from bfloat16.
    """

    start: int
    values: torch.Tensor
    margin: Margin
    in_single: Callable[[], Keys] | None

    def reaching(self, floors: Callable[[Keys], torch.Tensor]) -> Undecided:
        """The keys that reach a floor.

        Args:
            floors: Gives what a key must reach, float `[columns, 1]` or `[1, rows]`, from these keys.
        """
        floor = floors(self)
        # Rounded to the keys' type, a floor must not rise.
        floor = (floor - 1.01 * self.margin.relative * floor.abs()).to(self.values.device, self.values.dtype)
        flat = _positions_at_least(self.values, floor)
        if self.in_single is not None and len(flat) > _CROWDED * self.values.numel():
            return self.in_single().reaching(floors)
        keys = self.values.flatten()[flat].double().cpu().numpy()
        column, row = np.divmod(flat.cpu().numpy(), self.values.shape[1])
        return Undecided(column, row + self.start, keys)

    def kth_greatest(self, k: int) -> NDArray[np.float64]:
        """The k-th greatest key of each column, float64 `[columns, 1]`."""
        values = self.values.float()
        if values.is_cpu:  # where NumPy is several times faster
            return np.partition(values.numpy(), -k, axis=1)[:, [-k]].astype(np.float64)
        kth: NDArray[np.float64] = values.topk(k, dim=1).values[:, -1:].double().cpu().numpy()
        return kth

    def greatest(self) -> torch.Tensor:
        """The greatest key of each row, float32 `[1, rows]`."""
        if self.values.dtype == torch.bfloat16:
            greatest = self.values.view(torch.int16).amax(dim=0, keepdim=True)
            if int(greatest.min()) >= 0:  # see _positions_at_least
                return greatest.view(torch.bfloat16).float()
        return self.values.amax(dim=0, keepdim=True).float()


def _positions_at_least(values: torch.Tensor, floor: torch.Tensor) -> torch.Tensor:
    """Where values, of which each is a key, are not less than a floor that is broadcast: flat positions, int64."""
    if not values.is_cpu:
        return (values >= floor).flatten().nonzero()[:, 0]
    if values.dtype == torch.bfloat16:
        # Numbers compare as their bits do unless both are negative, and CPUs compare integers several times faster.
        as_bits = float(floor.min()) > 0
        dtype = torch.int16 if as_bits else torch.float32
        values, floor = (x.view(dtype) if as_bits else x.to(dtype) for x in (values, floor))
    return torch.from_numpy(np.flatnonzero(values.numpy() >= floor.numpy()))


class Proposer:
    """Streams the keys of rows to columns."""

    def __init__(
        self, rows: Vectors, columns: torch.Tensor, device: torch.device, block_rows: int | None, half: bool | None
    ) -> None:
        """Take the rows, and the columns as `Vectors.single` gives them; see `BlockwiseSimilarity` for the others."""
        self._rows = rows
        self._columns = columns.to(device)
        self._device = device
        self._block_rows = block_rows
        self._half = half

    def stream(
        self,
        sign: int = 1,
        *,
        columns: NDArray[np.int64] | None = None,
        rows: NDArray[np.int64] | None = None,
        half: bool = False,
    ) -> Iterator[Keys]:
        """The keys, block by block in order of rows.

        Args:
            sign: -1 for keys of which the greatest is the farthest.
            columns: Which columns; by default all.
            rows: Which rows, ascending; by default all.
            half: Multiply in bfloat16 first; see `half_if`.
        """
        chosen = self._columns if columns is None else self._columns[torch.from_numpy(columns).to(self._device)]
        products = _Products(chosen, sign, self._rows.measure == "euclidean", half)
        for start, part in self.parts(len(chosen), rows):
            yield products.keys(start, self._approximate(part).to(self._device))

    def half_if(self, it_pays: bool) -> bool:
        """Whether to multiply in bfloat16 first, if what it leaves open costs less than it saves on fast hardware."""
        if self._half is not None:
            return self._half
        # An accelerator may add up bfloat16 products in bfloat16, and then errs by more than the margin says.
        return it_pays and self._device.type == "cpu" and half_is_faster()

    def parts(self, columns: int, rows: NDArray[np.int64] | None = None) -> Iterator[tuple[int, Rows]]:
        """The blocks of rows that are multiplied with so many columns at once, each with its start."""
        total = len(self._rows) if rows is None else len(rows)
        step = min(self._block_rows or max(_BLOCK_KEYS[self._device.type] // columns, 256), MOST_ROWS)
        for start in range(0, total, step):
            yield start, slice(start, min(start + step, total)) if rows is None else rows[start : start + step]

    def _approximate(self, part: Rows) -> torch.Tensor:
        """Vectors whose norm is 1 (but for `_UNIT`); as they are for the Euclidean distance."""
        raw = self._rows.raw(part)
        norms = torch.linalg.vector_norm(raw, dim=1)
        if not bool((norms.isfinite() & (norms > 0)).all()):
            return self._rows.single(part)
        if self._rows.measure == "euclidean" or bool(((norms - 1).abs() <= _UNIT).all()):
            return raw
        scaled: torch.Tensor = raw / norms[:, None]
        return scaled


class _Products:
    """Columns, ready to be multiplied with one block after another."""

    def __init__(self, columns: torch.Tensor, sign: int, euclidean: bool, half: bool) -> None:
        self._sign = sign
        self._columns = {torch.float32: sign * columns}
        self._fastest = torch.float32
        if half:
            self._fastest = torch.bfloat16
            self._columns[self._fastest] = self._columns[torch.float32].bfloat16()
            self._rounding = _error(*self._columns.values())
        self._half_squares = _half_squares(columns)[:, None] if euclidean else None
        self._buffers: dict[tuple[torch.dtype, int], torch.Tensor] = {}

    def keys(self, start: int, block: torch.Tensor, dtype: torch.dtype | None = None) -> Keys:
        """The keys of a block, float32 `[rows, d]`, from products of `dtype` (by default the fastest)."""
        dtype = dtype or self._fastest
        rounded = block.to(dtype)
        products = torch.mm(self._columns[dtype], rounded.T, out=self._buffer(dtype, block))
        is_half = dtype == torch.bfloat16
        in_single = functools.partial(self.keys, start, block, torch.float32) if is_half else None
        roundoff = _HALF if is_half else _SINGLE
        walk = _RANDOM_WALK * math.sqrt(block.shape[1])
        if self._half_squares is None:
            # |rc − r'c'| is at most |r − r'||c| + |r'||c − c'|; `relative` is for the rounding of the product itself.
            lost = 1.01 * (_error(block, rounded) + self._rounding) if is_half else 0
            return Keys(start, products, Margin(walk + 2 * _UNIT + lost, roundoff), in_single)
        own = _half_squares(block)
        values = products.float().sub_(self._sign * own).sub_(self._sign * self._half_squares)
        # Both factors and the product are rounded, and |r||c| is at most half of |r|² + |c|².
        scale = float(own.max() + self._half_squares.max())
        return Keys(start, values, Margin(scale * (walk + 3 * roundoff), _SINGLE), in_single)

    def _buffer(self, dtype: torch.dtype, block: torch.Tensor) -> torch.Tensor:
        """Room for the products of a block: made once, since fresh memory costs as much as a good part of them."""
        place = (dtype, len(block))
        if place not in self._buffers:
            shape = (len(self._columns[dtype]), len(block))
            self._buffers[place] = torch.empty(shape, dtype=dtype, device=block.device)
        return self._buffers[place]


def _error(vectors: torch.Tensor, rounded: torch.Tensor) -> float:
    """The greatest length of what rounding took from a vector."""
    return float(torch.linalg.vector_norm(rounded.float().sub_(vectors), dim=1).max())


def _half_squares(vectors: torch.Tensor) -> torch.Tensor:
    """|v|²/2 of each vector, summed in float64 and rounded to float32, `[n]`."""
    squares: torch.Tensor = torch.linalg.vector_norm(vectors, dim=1, dtype=torch.float64) ** 2
    return (squares / 2).float()


@functools.cache
def half_is_faster() -> bool:
    """Whether this CPU multiplies bfloat16 at least twice as fast as float32: tried once, since no flag tells."""
    seconds = {}
    for dtype in (torch.float32, torch.bfloat16):
        factor = torch.ones(512, 512, dtype=dtype)
        runs = []
        for _ in range(5):
            started = time.perf_counter()
            torch.mm(factor, factor)
            runs.append(time.perf_counter() - started)
        seconds[dtype] = min(runs)
    return 2 * seconds[torch.bfloat16] < seconds[torch.float32]
