"""What a merge keeps, as a table of int64 that kernels read and fill in.

Two rows of ``CUT`` columns for each term. A band is two cuts, its lower and its upper
end; what is unknown of a cut is found on the device, so that the host never waits. A
dropout has its key and threshold in the first row.
"""

from __future__ import annotations

import triton.language as tl


CUT = tl.constexpr(8)
TERM = tl.constexpr(16)

# what a term keeps: two bits each in the kernels' KEEPS
EVERYTHING = tl.constexpr(0)
BAND = tl.constexpr(1)
DROPOUT = tl.constexpr(2)

# columns of a cut
STATE = tl.constexpr(0)
RANK = tl.constexpr(1)  # of the first element after the cut
LOW = tl.constexpr(2)  # the magnitude's bits lie between these, or are one of them;
HIGH = tl.constexpr(3)  # before sampling: the ranks of these in the sample
SHIFT = tl.constexpr(4)  # the width of a bin between them, as a power of two
VALUE = tl.constexpr(5)  # bits below this are before the cut,
INDEX = tl.constexpr(6)  # and those equal to it where their index is below this
TIES = tl.constexpr(7)  # how many of those equal to it are before the cut

# columns of a dropout
KEY = tl.constexpr(1)
BELOW = tl.constexpr(2)

# states of a cut; a dropout's state is FOUND
FOUND = tl.constexpr(0)
SOUGHT = tl.constexpr(1)
SPLIT = tl.constexpr(2)  # the value is found, the index among its ties is not
