"""The profiler fills a profile one record batch at a time: memory depends on the columns, not on
the rows.
"""

from collections.abc import Sequence

import boost_histogram as bh
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelmedic.steps.core.profiles.layout import Layout, NumberAxis
from modelmedic.steps.core.profiles.profile import MOST_CODES, PRINTS, TAIL_SHIFT, Codes, Fit, Losses, Numbers, Profile
from modelmedic.steps.core.profiles.segments import SegmentRows
from modelmedic.steps.core.profiles.values import aligned_floats, numbers, texts, words_as_numbers
from modelmedic.steps.core.tables.arrays import Floats, as_numpy, compute, distinct, plain, plain_type, quantities
from modelmedic.steps.core.tables.moments import moments
from modelmedic.steps.core.tables.row_loss import row_loss

_FEW = 30  # rows of a batch; in fewer, one value's share means nothing
_LARGEST_LOSS = 4096.0  # in units of the layout's loss_unit: one row cannot own the mean
_FARTHEST = 1024.0  # in lengths of the prediction's axis: one row cannot own the slope
_PRINTED = 2  # columns whose values together tell rows apart
_MIX = tuple(np.uint64(k) for k in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9))


class Profiler:
    """A count over batches. `columns` narrows it to some of the layout's, so that several threads
    share a window.
    """

    def __init__(self, layout: Layout, columns: Sequence[str] | None = None) -> None:
        chosen = set(layout.columns if columns is None else columns)
        self._layout = layout
        self._numbers = {name: _NumberFill(axis) for name, axis in layout.numbers.items() if name in chosen}
        self._codes = {name: _CodeFill() for name in layout.codes if name in chosen}
        self._met: set[str] = set()
        self._retyped: set[str] = set()
        self._rows = self._labels = 0
        self._hours: dict[int, int] = {}
        self._span: tuple[int, int] | None = None
        self._losses = [0, 0, 0]
        self._fit = [0, 0, 0, 0, 0]
        self._least_prints: list[npt.NDArray[np.uint64]] = []
        self._print_below = np.uint64(2**64 - 1)
        held = {*chosen, layout.prediction, layout.target}
        self._segments = [SegmentRows(cut, held, [Profiler(layout.within, columns) for _ in cut.values]) for cut in layout.cuts]

    def add(self, batch: pa.RecordBatch) -> None:
        names = set(batch.schema.names)
        self._rows += batch.num_rows
        whole = {name: self._number(name, batch.column(name)) for name in self._numbers if name in names}
        for name in self._codes.keys() & names:
            if pa.types.is_nested(plain_type(batch.column(name).type)):
                self._retyped.add(name)
                self._codes[name].nulls += batch.num_rows
            else:
                self._met.add(name)
                self._codes[name].add(batch.column(name))
        for name in self._numbers.keys() - names:
            self._numbers[name].nulls += batch.num_rows
        for name in self._codes.keys() - names:
            self._codes[name].nulls += batch.num_rows
        if self._layout.time in names:
            self._times(batch.column(self._layout.time))
        if self._layout.target in names:
            self._judge(batch)
        self._fingerprint([values for name in self._layout.rich if (values := whole.get(name)) is not None])
        for segments in self._segments:
            segments.add(batch)

    def result(self) -> Profile:
        columns: dict[str, Numbers | Codes] = {n: f.result() for n, f in self._numbers.items() if n in self._met}
        columns |= {n: f.result() for n, f in self._codes.items() if n in self._met}
        absent = frozenset({*self._numbers, *self._codes} - self._met - self._retyped) if self._rows else frozenset()
        return Profile(
            layout=self._layout,
            rows=self._rows,
            columns=columns,
            absent=absent,
            retyped=frozenset(self._retyped),
            hours=dict(sorted(self._hours.items())),
            span=self._span,
            losses=Losses(*self._losses),
            fit=Fit(*self._fit),
            labels=self._labels,
            prints=self._prints(),
            segments=tuple(profiler.result() for segments in self._segments for profiler in segments.counted()),
        )

    def _number(self, name: str, array: pa.Array) -> Floats | None:
        """The column's values when none of them is null, else None."""
        fill = self._numbers[name]
        values = numbers(array)
        if values is None and name == self._layout.prediction and self._layout.words:
            values = words_as_numbers(array, self._layout.words)
        if values is None:
            self._retyped.add(name)
            fill.nulls += len(array)
            return None
        self._met.add(name)
        fill.nulls += len(array) - len(values)
        if len(values):
            fill.add(values)
        return values if len(values) == len(array) else None

    def _times(self, array: pa.Array) -> None:
        micros = as_numpy(compute().drop_null(compute().cast(moments(array), pa.int64())))
        if not len(micros):
            return
        first, last = int(micros.min()), int(micros.max())
        self._span = (min(first, self._span[0]), max(last, self._span[1])) if self._span else (first, last)
        hours, counts = distinct(micros // 3_600_000_000)
        for hour, count in zip(hours.tolist(), counts.tolist(), strict=True):
            self._hours[hour] = self._hours.get(hour, 0) + count

    def _judge(self, batch: pa.RecordBatch) -> None:
        layout = self._layout
        target = aligned_floats(batch.column(layout.target), layout.words)
        self._labels += int(np.isfinite(target).sum())
        if layout.prediction not in batch.schema.names or layout.task is None:
            return
        prediction = aligned_floats(batch.column(layout.prediction), layout.words)
        both = np.isfinite(target) & np.isfinite(prediction)
        share = row_loss(layout.task, target[both], prediction[both]) / layout.loss_unit
        share = np.clip(share, -_LARGEST_LOSS, _LARGEST_LOSS)  # below 0 where a binary target is no 0 or 1
        self._losses[0] += int(both.sum())
        self._losses[1] += int(np.rint(share * 2**20).astype(np.int64).sum())
        self._losses[2] += int(np.rint(share**2 * 2**16).astype(np.int64).sum())
        self._fitted(prediction[both], target[both])

    def _fitted(self, prediction: Floats, target: Floats) -> None:
        axis = self._layout.numbers.get(self._layout.prediction or "")
        if axis is None:
            return
        x, y = (np.clip((v - axis.low) / (axis.high - axis.low), -_FARTHEST, _FARTHEST) for v in (prediction, target))
        for place, values in enumerate((x, y)):
            self._fit[place] += int(np.rint(values * 2**20).astype(np.int64).sum())
        for place, values in enumerate((x * x, y * y, x * y), start=2):
            self._fit[place] += int(np.rint(values * 2**16).astype(np.int64).sum())

    def _fingerprint(self, columns: list[Floats]) -> None:
        if len(columns) < _PRINTED or len(self._layout.rich) < _PRINTED:
            return
        first, second = (values.view(np.uint64) for values in columns[:_PRINTED])
        hashed = first * _MIX[0]
        hashed ^= second
        hashed *= _MIX[1]
        hashed ^= hashed >> np.uint64(32)
        hashed *= _MIX[2]
        self._least_prints.append(hashed[hashed <= self._print_below])
        if sum(map(len, self._least_prints)) > 4 * PRINTS:
            self._narrow()

    def _narrow(self) -> None:
        """Drop all but the PRINTS smallest different hashes; their repeats stay."""
        held = np.sort(np.concatenate([*self._least_prints, np.empty(0, dtype=np.uint64)]))
        starts = np.flatnonzero(np.concatenate([[True], held[1:] != held[:-1]])) if len(held) else np.empty(0, dtype=np.int64)
        if len(starts) > PRINTS:
            self._print_below = held[starts[PRINTS - 1]]
            held = held[: starts[PRINTS]]
        self._least_prints = [held]

    def _prints(self) -> dict[int, int]:
        self._narrow()
        keys, counts = distinct(self._least_prints[0])
        return dict(zip(keys.tolist(), counts.tolist(), strict=True))


class _NumberFill:
    def __init__(self, axis: NumberAxis) -> None:
        self.nulls = 0
        self._axis = axis
        self._histogram = bh.Histogram(bh.axis.Regular(axis.bins, axis.low, axis.high), storage=bh.storage.Int64())
        self._found: npt.NDArray[np.int64] = self._histogram.view(flow=True)  # the histogram's own memory
        self._counts = np.zeros(axis.bins, dtype=np.int64)
        self._tails: dict[int, int] = {}
        self._repeated: dict[float, int] = {}

    def add(self, values: Floats) -> None:
        self._found[:] = 0
        self._histogram.fill(values)
        inside = self._found[1:-1]
        self._counts += inside
        if self._found[0] or self._found[-1]:
            self._outside(values)
        fullest = int(inside.argmax())
        if inside[fullest] >= max(_FEW, len(values) / 5):
            low = self._axis.low + self._axis.width * (fullest - 0.01)
            self._alone(values, values[(values >= low) & (values < low + 1.02 * self._axis.width)])

    def result(self) -> Numbers:
        repeated = dict(sorted(self._repeated.items()))
        return Numbers(self._axis, self._counts, dict(sorted(self._tails.items())), self.nulls, repeated)

    def _outside(self, values: Floats) -> None:
        below, above = bool(self._found[0]), bool(self._found[-1])
        beyond = ~(values < self._axis.high) if above else values < self._axis.low  # NaN is counted above
        outside = values[beyond | (values < self._axis.low) if below and above else beyond]
        if len(outside) != self._found[0] + self._found[-1]:  # a value so near a bound that rounding decides: as the histogram does
            place = (values - self._axis.low) / (self._axis.high - self._axis.low)
            outside = values[~((place >= 0) & (place < 1))]
        missing = np.isnan(outside)
        if missing.any():
            self.nulls += int(missing.sum())
            outside = outside[~missing]
        outside = quantities(outside)
        keys, counts = distinct(outside.view(np.int64) >> TAIL_SHIFT)
        for key, count in zip(keys.tolist(), counts.tolist(), strict=True):
            self._tails[key] = self._tails.get(key, 0) + count
        if len(counts) and counts.max() >= max(_FEW, len(values) / 5):
            self._alone(values, outside[(outside.view(np.int64) >> TAIL_SHIFT) == keys[counts.argmax()]])

    def _alone(self, values: Floats, near: Floats) -> None:
        """Count the value of a full cell if it is one value that fills it."""
        if not len(near):  # rounding moved all of them out of their bin
            return
        some = np.sort(near[:64])
        candidate = float(some[len(some) // 2])
        count = int((values == candidate).sum())
        if count >= max(_FEW, len(values) / 5):
            self._repeated[candidate] = self._repeated.get(candidate, 0) + count


class _CodeFill:
    def __init__(self) -> None:
        self.nulls = 0
        self._known = 0
        self._identifier = False
        self._counts: dict[str, int] = {}

    def add(self, array: pa.Array) -> None:
        self.nulls += array.null_count
        self._known += len(array) - array.null_count
        if self._identifier:
            return
        encoded = array if pa.types.is_dictionary(array.type) else compute().dictionary_encode(plain(array))
        indices = encoded.indices.drop_null() if encoded.indices.null_count else encoded.indices
        counts = np.bincount(as_numpy(indices), minlength=len(encoded.dictionary))
        for value, count in zip(texts(encoded.dictionary), counts.tolist(), strict=True):
            if count and value is not None:
                self._counts[value] = self._counts.get(value, 0) + count
        if len(self._counts) > MOST_CODES:
            self._identifier, self._counts = True, {}

    def result(self) -> Codes:
        return Codes(dict(sorted(self._counts.items())), self.nulls, self._known, self._identifier)


def profile_table(layout: Layout, table: pa.Table) -> Profile:
    """The profile of a table in memory."""
    profiler = Profiler(layout)
    for batch in table.to_batches(max_chunksize=65_536):
        profiler.add(batch)
    return profiler.result()
