r"""NearSwap: move towards the other model where the two are near each other.

.. math::

    \theta = s \odot \theta_1 + (1 - s) \odot \theta_0, \qquad
    s = \min\left(1, \frac{t}{\max(|\theta_0 - \theta_1|, 10^{-6})}\right)

Elements nearer than ``t`` become the other model's; a difference far above ``t`` moves
by ``t`` alone. A negative ``t`` changes nothing. The method is alchemonaut's
(QuartetAnemoi-70B-t0.0001), the floor of :math:`10^{-6}` is mergekit's.
"""

from __future__ import annotations

import torch

from mergekit_ext.kernels.backends import nearswap
from mergekit_ext.methods.method import Group, Method
from mergekit_ext.methods.parameters import T


def merge(group: Group) -> torch.Tensor:
    """Merge one tensor."""
    (other,) = group.experts
    return nearswap(group.shown_name, group.required_base, other.input, group["t"])


NEARSWAP = Method(
    "fused_nearswap",
    "NearSwap (fused)",
    "https://huggingface.co/alchemonaut/QuartetAnemoi-70B-t0.0001",
    (T,),
    merge,
    exactly=1,
)
