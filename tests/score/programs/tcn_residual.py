import numpy as np
import keras
from keras import layers


def tcn_block(x, filters, dilation):
    res = x
    x = layers.Conv1D(filters, 3, padding="causal", dilation_rate=dilation, activation="relu")(x)
    x = layers.SpatialDropout1D(0.1)(x)
    x = layers.Conv1D(filters, 3, padding="causal", dilation_rate=dilation, activation="relu")(x)
    if res.shape[-1] != filters:
        res = layers.Conv1D(filters, 1)(res)
    return layers.add([res, x])


steps, sensors, horizon = 48, 5, 6
inputs = keras.Input(shape=(steps, sensors))
x = inputs
for d in [1, 2, 4, 8]:
    x = tcn_block(x, 12, d)
hidden = x
x = layers.Lambda(lambda t: t[:, -1, :])(x)
outputs = layers.Dense(horizon)(x)
tcn = keras.Model(inputs, outputs)
tcn.compile(optimizer="adam", loss="mae")

X = np.random.randn(20, steps, sensors)
Y = np.random.randn(20, horizon)
tcn.train_on_batch(X, Y)
# check: hidden.shape == (None, 48, 12) and tcn.output_shape == (None, 6)
