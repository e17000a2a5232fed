"""Evaluate and merge language models for Basque, Galician, Catalan and Spanish.

Imported at interpreter start by the start-up file: import nothing here.
"""

__version__ = "0.1.0"
