"""lm-eval from outside: the only room that imports it.

``contract``: what of its internals is relied on. ``attach``: what the start-up hook
adds. ``leaves``: from names to tasks. ``building``: one task built without a model.
``shipped_task``: the class of our own tasks.
"""
