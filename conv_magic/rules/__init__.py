"""What is wrong: one file a rule, in a folder for each family; `table` has their order.

Knows analyses, not repair, and no view.
"""
