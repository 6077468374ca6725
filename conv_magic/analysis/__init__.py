"""Analyse a trace and its texts: definitions, producers, values of expressions, edit sites, what an edit would change.

Shared by the rules and the repair; makes no diagnosis and no fix.
"""
