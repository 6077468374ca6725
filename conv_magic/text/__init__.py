"""Source text: its syntax tree, spans, edits, shape contracts and assignment targets.

Knows the model; no framework, no trace, no rule.
"""
