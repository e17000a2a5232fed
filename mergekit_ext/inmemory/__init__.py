"""A merge without its files: the tensors one by one, and the same bits.

``prepare_merge`` reads and checks a recipe once. ``merged_side_files`` writes what the
result has beside weights, ``merged_tensors`` yields these, ``merge_into`` puts them
into a model that is there, and ``weights_in_files`` into files that soon are gone.
``ResidentModels`` keep what several merges share.
"""

from mergekit_ext.inmemory.live_model import Accounted, merge_into
from mergekit_ext.inmemory.memory_space import check_memory
from mergekit_ext.inmemory.prepared_merge import PreparedMerge, prepare_merge
from mergekit_ext.inmemory.resident_models import ResidentModels
from mergekit_ext.inmemory.side_files import merged_side_files
from mergekit_ext.inmemory.tensor_stream import merged_tensors
from mergekit_ext.inmemory.weight_files import weights_in_files


__all__ = [
    "Accounted",
    "PreparedMerge",
    "ResidentModels",
    "check_memory",
    "merge_into",
    "merged_side_files",
    "merged_tensors",
    "prepare_merge",
    "weights_in_files",
]
