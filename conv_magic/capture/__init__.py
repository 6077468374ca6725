"""Watch a cell while it runs: the hooks, how they are put in and taken out, and what they record.

The only folder, with `sandbox`, that touches TensorFlow and Keras. Knows no rule and no view.
"""
