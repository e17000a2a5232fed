"""The loops of the merge, compiled for the CPU; one set for each dtype.

A loop takes equally long arrays of a block; see ``numba_floats`` for what is in them.
"""

# mypy: disable-error-code="no-untyped-call, no-untyped-def"
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

import numpy as np
import torch

from mergekit_ext.kernels.compiled.numba_floats import (
    CODECS,
    INFINITY,
    as_bits,
    as_float,
    f32,
    i32,
    jit,
    magnitude,
    same,
    u16,
    u32,
    u64,
)
from mergekit_ext.kernels.compiled.numba_philox import philox, select
from mergekit_ext.kernels.compiled.numba_sort import (
    LOWER,
    by_digits,
    new_counts,
    sorted_pairs,
)


# elements that a loop has in a buffer of its own
SCRATCH = 2048


@dataclass(frozen=True)
class Loops:
    """The compiled loops for inputs and results of one dtype."""

    count_upper: Callable[..., bool]
    count_lower: Callable[..., None]
    census: Callable[..., bool]
    whole: Callable[..., bool]
    band: Callable[..., bool]
    ties: Callable[..., tuple[int, int]]
    split: Callable[..., bool]
    dropout: Callable[..., bool]
    ranked: Callable[..., bool]
    add: Callable[..., bool]
    add_whole: Callable[..., bool]
    elect: Callable[..., bool]
    nearswap: Callable[..., bool]


@cache
def loops(dtype: torch.dtype) -> Loops:
    """Return the loops for a dtype of ``CODECS``; each is compiled when first used."""
    read, write = CODECS[dtype]
    made = {**_counting(read), **_rows(read), **_results(read, write)}
    return Loops(**{field.name: made[field.name] for field in fields(Loops)})


def _counting(read: Any) -> dict[str, Any]:
    @jit
    def count_upper(base, expert, histogram):
        scratch, top = np.empty(SCRATCH, u16), u32(0)
        for start in range(0, base.size, SCRATCH):
            size = min(SCRATCH, base.size - start)
            b, x = base[start : start + size], expert[start : start + size]
            for i in range(size):
                bits = magnitude(read(x[i]) - read(b[i]))
                top = max(top, bits)
                scratch[i] = u16(bits >> u32(16))
            for i in range(size):
                histogram[scratch[i]] += 1
        return top > INFINITY

    @jit
    def count_lower(base, expert, one, two, into_one, into_two):
        scratch = np.empty(SCRATCH, u32)
        for start in range(0, base.size, SCRATCH):
            size = min(SCRATCH, base.size - start)
            b, x = base[start : start + size], expert[start : start + size]
            for i in range(size):
                scratch[i] = magnitude(read(x[i]) - read(b[i]))
            # few are wanted, none predictably: gather them without a branch
            found = 0
            for i in range(size):
                bits = scratch[i]
                upper = u32(bits >> u32(16))
                scratch[found] = bits
                found += (upper == one) | (upper == two)
            for i in range(found):
                lower = scratch[i] & u32(0xFFFF)
                if u32(scratch[i] >> u32(16)) == one:
                    into_one[lower] += 1
                else:
                    into_two[lower] += 1

    @jit
    def census(base, expert, ends, counts, between):
        scratch, top = np.empty(SCRATCH, i32), i32(0)
        for start in range(0, base.size, SCRATCH):
            size = min(SCRATCH, base.size - start)
            b, x = base[start : start + size], expert[start : start + size]
            for i in range(size):
                scratch[i] = i32(magnitude(read(x[i]) - read(b[i])))
                top = max(top, scratch[i])
            for row in range(ends.shape[0]):
                count(scratch[:size], ends[row], counts[row], between[row])
        return top > i32(INFINITY)

    return {"count_upper": count_upper, "count_lower": count_lower, "census": census}


@jit
def count(bits, ends, counts, between):
    """Count what is below, at the low and at the high end; gather what is between."""
    low, high = ends[0], ends[1]
    below, at_low, at_high = i32(0), i32(0), i32(0)
    for i in range(bits.size):
        below += i32(bits[i] < low)
        at_low += i32(bits[i] == low)
        at_high += i32(bits[i] == high)
    counts[0] += below
    counts[1] += at_low
    counts[2] += at_high
    # few are wanted: most groups, the width of a vector, are passed over whole
    for start in range(0, bits.size, 16):
        group = bits[start : start + 16]
        met = i32(0)
        for i in range(group.size):
            met += i32((group[i] > low) & (group[i] < high))
        if met:
            for i in range(group.size):
                if (group[i] > low) & (group[i] < high):
                    if counts[3] < between.size:
                        between[counts[3]] = group[i]
                    counts[3] += 1


def _rows(read: Any) -> dict[str, Any]:
    @jit
    def whole(base, expert, row, factor):
        top = u32(0)
        for i in range(row.size):
            delta = read(expert[i]) - read(base[i])
            top = max(top, magnitude(delta))
            row[i] = delta * factor
        return top > INFINITY

    @jit
    def band(base, expert, row, factor, lower, upper):
        top = u32(0)
        for i in range(row.size):
            delta = read(expert[i]) - read(base[i])
            bits = magnitude(delta)
            top = max(top, bits)
            kept = (bits >= lower) & (bits < upper)
            row[i] = delta * factor if kept else f32(0)
        return top > INFINITY

    @jit
    def ties(base, expert, lower, upper):
        at_lower, at_upper = u32(0), u32(0)
        for i in range(base.size):
            bits = magnitude(read(expert[i]) - read(base[i]))
            at_lower += u32(bits == lower)
            at_upper += u32(bits == upper)
        return at_lower, at_upper

    @jit
    def split(base, expert, row, factor, lower, upper, lower_ties, upper_ties):
        top = u32(0)
        for i in range(row.size):
            delta = read(expert[i]) - read(base[i])
            bits = magnitude(delta)
            top = max(top, bits)
            before_lower, before_upper = bits < lower, bits < upper
            if bits == lower:
                before_lower = lower_ties > 0
                lower_ties -= 1
            if bits == upper:
                before_upper = upper_ties > 0
                upper_ties -= 1
            kept = before_upper and not before_lower
            row[i] = delta * factor if kept else f32(0)
        return top > INFINITY

    @jit
    def dropout(base, expert, row, factor, key, first, below):
        top, state = u32(0), np.empty((4, SCRATCH // 4), u32)
        kept = np.empty(SCRATCH // 4, u32)
        keep = kept.view(np.uint8)
        for start in range(0, row.size, SCRATCH):
            size = min(SCRATCH, row.size - start)
            philox(key, u64(first + u64(start // 4)), state)
            select(state, below, kept)
            r = row[start : start + size]
            b, x = base[start : start + size], expert[start : start + size]
            for i in range(size):
                delta = read(x[i]) - read(b[i])
                top = max(top, magnitude(delta))
                r[i] = delta * factor if keep[i] else f32(0)
        return top > INFINITY

    # deltas of 16-bit numbers differ in few bits; buckets suit them
    sort = by_digits if read is same else sorted_pairs

    @jit
    def ranked(base, expert, row, key, first, below, factors):
        top, length = u32(0), below.size
        bits, ranks = np.empty(length, u32), np.empty(length, u32)
        pairs, counts = np.empty((2, length), u64), new_counts(length)
        state = np.empty((4, length // 4 + 2), u32)
        for start in range(0, row.size, length):
            r = row[start : start + length]
            b, x = base[start : start + length], expert[start : start + length]
            for i in range(length):
                r[i] = read(x[i]) - read(b[i])
                bits[i] = magnitude(r[i])
                top = max(top, bits[i])
            order = sort(bits, pairs, counts)
            for place in range(length):
                ranks[u64(order[place] & LOWER)] = u32(place)
            at = u64(first + u64(start))
            philox(key, u64(at >> u64(2)), state)
            offset = u64(at & u64(3))
            for i in range(length):
                rank = u64(ranks[i])
                index = u64(u64(i) + offset)
                word = state[u64(index & u64(3)), u64(index >> u64(2))]
                # no branch, which nothing could predict: all bits where it is kept
                kept = u32(u32(0) - u32(word < below[rank]))
                r[i] = as_float(u32(as_bits(r[i] * factors[rank]) & kept))
        return top > INFINITY

    return {
        "whole": whole,
        "band": band,
        "ties": ties,
        "split": split,
        "dropout": dropout,
        "ranked": ranked,
    }


def _results(read: Any, write: Any) -> dict[str, Any]:
    @jit
    def add(base, rows, out):
        total, nan = rows[-1], False
        for i in range(out.size):
            total[i] = f32(0) + rows[0, i]
        for k in range(1, rows.shape[0] - 1):
            row = rows[k]
            for i in range(out.size):
                total[i] += row[i]
        for i in range(out.size):
            value = read(base[i]) + total[i]
            nan |= value != value
            out[i] = write(value)
        return nan

    @jit
    def add_whole(base, experts, factors, out):
        total, nan = np.empty(SCRATCH, f32), False
        for start in range(0, out.size, SCRATCH):
            size = min(SCRATCH, out.size - start)
            at = start if base.size == out.size else 0  # zeros, where there is none
            b, o = base[at : at + size], out[start : start + size]
            for i in range(size):
                total[i] = f32(0)
            for k in range(len(experts)):
                x, factor = experts[k][start : start + size], factors[k]
                for i in range(size):
                    total[i] += (read(x[i]) - read(b[i])) * factor
            for i in range(size):
                value = read(b[i]) + total[i]
                nan |= value != value
                o[i] = write(value)
        return nan

    @jit
    def elect(base, rows, out, weights, normalize, factor):
        total, nan = rows[-1], False
        count = rows.shape[0] - 1
        for i in range(out.size):
            total[i] = f32(0) + rows[0, i]
        for k in range(1, count):
            row = rows[k]
            for i in range(out.size):
                total[i] += row[i]
        mixed, divisor = np.zeros(out.size, f32), np.zeros(out.size, f32)
        for k in range(count):
            row, weight = rows[k], weights[k]
            for i in range(out.size):
                agrees = row[i] > f32(0) if total[i] >= f32(0) else row[i] < f32(0)
                mixed[i] += row[i] if agrees else f32(0)
                divisor[i] += weight if agrees else f32(0)
        for i in range(out.size):
            value = mixed[i]
            if normalize:
                value = value / (divisor[i] if divisor[i] != f32(0) else f32(1))
            if factor != f32(1):
                value = value * factor
            value = read(base[i]) + value
            nan |= value != value
            out[i] = write(value)
        return nan

    @jit
    def nearswap(base, other, out, t):
        nan = False
        for i in range(out.size):
            one, two = read(base[i]), read(other[i])
            distance = max(abs(one - two), f32(1e-6))
            share = min(max(t / distance, f32(0)), f32(1))
            value = share * two + (f32(1) - share) * one
            nan |= value != value
            out[i] = write(value)
        return nan

    return {
        "add": add,
        "add_whole": add_whole,
        "elect": elect,
        "nearswap": nearswap,
    }
