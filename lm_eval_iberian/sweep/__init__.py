"""Sweeps: many merges, each evaluated, of which a kill loses only what was running.

``sweep_spec`` reads what is wanted, ``sweep_expansion`` makes cells of it,
``sweep_plan`` checks and writes them, ``sweep_folder`` knows what is there of them,
``sweep_driver`` runs the rest, a process for each: ``cell_process``.
"""
