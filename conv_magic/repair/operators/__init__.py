"""Small edits of a text, each of which changes one value in one way.  One file each small family.

An operator knows no rule and no message: what is wanted comes from `analysis`, what is tried first from `costs`.
"""
