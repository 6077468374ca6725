"""Map arguments to parameters: the one table of parameters by position and keyword.

Data about TensorFlow and Keras, without importing them; `tests/test_signatures.py` compares it with the installed
ones.
"""
