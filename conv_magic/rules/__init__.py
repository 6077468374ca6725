"""The rules: one file for each, in a folder for each family; `table` has their order.

Rules import analyses, but neither repair nor views.
"""
