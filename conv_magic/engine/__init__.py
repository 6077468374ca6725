"""One run from start to report, without IPython.

Joins capture, rules, repair and views.
"""
