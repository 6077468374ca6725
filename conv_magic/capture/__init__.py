"""What is watched while a cell runs, and how it is put in and taken out.

The only room, with `sandbox`, that touches TensorFlow and Keras.  Knows no rule and no view.
"""
