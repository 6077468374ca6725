"""Which argument is which: the one table of parameters by position and keyword.

Data about TensorFlow and Keras, without importing them; `tests/test_signatures.py` holds it against the installed ones.
"""
