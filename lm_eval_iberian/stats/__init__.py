"""How certain a score and a difference of two scores are: numbers in, numbers out.

Nothing here knows of benchmarks, models or files.
"""
