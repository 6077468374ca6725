"""The nouns: what one run is, as frozen data.

Everything a user sees is drawn from a `Document`.  Records hold tuples, strings and numbers only; no tensor, layer or
frame is kept alive by one.  Knows no other room.
"""
