"""A search for weights: candidates are raced, and what nobody beats is the front.

``search_spec`` reads what is wanted, ``search_space`` makes merges of drawn numbers,
``item_split`` says which items are for development and which are held out,
``racing`` stops what is behind, ``search_rounds`` goes from one round of candidates to
the next, ``front_report`` says what came of it.
"""
