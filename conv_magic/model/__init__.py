"""One run as frozen data.

Everything a user sees is drawn from a `Document`. Records hold tuples, strings and numbers only; none keeps a tensor,
layer or frame alive. Imports no other folder of the package.
"""
