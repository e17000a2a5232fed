"""The kernels compiled with numba, for CPUs."""
