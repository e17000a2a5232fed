"""Every pattern of bits of the small floats, and the borders of the large ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mergekit_ext.inputs.finiteness import LIMITS, first_not_finite


DTYPES = {
    "F8_E4M3": torch.float8_e4m3fn, "F8_E5M2": torch.float8_e5m2,
    "BF16": torch.bfloat16, "F16": torch.float16, "F32": torch.float32,
    "F64": torch.float64,
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["F8_E4M3", "F8_E5M2", "BF16", "F16"])
def test_every_value_there_is(dtype: str) -> None:
    size = 1 if dtype.startswith("F8") else 2
    bits = np.arange(1 << 8 * size, dtype=f"u{size}")
    values = torch.from_numpy(bits.view(np.uint8)).view(DTYPES[dtype]).float()
    for pattern, value, finite in zip(
        bits, values.tolist(), values.isfinite().tolist(), strict=True
    ):
        found = first_not_finite(np.array([pattern]).view(np.uint8), dtype)
        assert found == (None if finite else (0, str(value).replace("-nan", "nan")))


@pytest.mark.parametrize("dtype", ["F32", "F64"])
def test_the_borders_of_large_floats(dtype: str) -> None:
    torch_dtype = DTYPES[dtype]
    limits = torch.finfo(torch_dtype)
    finite = torch.tensor(
        [0.0, -0.0, limits.max, limits.min, limits.smallest_normal, 5e-324],
        dtype=torch_dtype,
    )
    data = finite.view(torch.uint8).numpy()
    assert first_not_finite(data, dtype) is None
    for value in (float("nan"), -float("nan"), float("inf"), -float("inf")):
        broken = torch.cat([finite, torch.tensor([value, value], dtype=torch_dtype)])
        word = "nan" if value != value else str(value)
        assert first_not_finite(broken.view(torch.uint8).numpy(), dtype) == (6, word)


@pytest.mark.parametrize("dtype", LIMITS)
def test_nothing_is_finite(dtype: str) -> None:
    assert first_not_finite(np.empty(0, np.uint8), dtype) is None
