"""What a suite of tasks needs: fetched where there is a network, tried where not.

A suite is whatever ``lm_eval --tasks`` takes: a task, a group, a tag, whoever made it.
"""
