import numpy as np
from tensorflow import keras
from tensorflow.keras import layers as L


def se_block(tensor, ratio=4):
    channels = tensor.shape[-1]
    se = L.GlobalAveragePooling2D()(tensor)
    se = L.Dense(channels // ratio, activation="relu")(se)
    se = L.Dense(channels, activation="sigmoid")(se)
    se = L.Reshape((1, 1, channels))(se)
    return L.Multiply()([tensor, se])


a = L.Input((20, 20, 3))
b = L.Conv2D(16, 3, activation="relu", padding="same")(a)
b = se_block(b)
b = L.MaxPooling2D()(b)
b = L.Conv2D(32, 3, activation="relu", padding="same")(b)
b = se_block(b)
gated = b
b = L.Flatten()(b)
c = L.Dense(1, activation="sigmoid")(b)
m = keras.Model(a, c)
m.compile(loss="binary_crossentropy", optimizer="rmsprop", metrics=["accuracy"])

xs = np.random.rand(16, 20, 20, 3)
ys = np.random.randint(0, 2, (16, 1))
m.fit(xs, ys, verbose=0)
# check: gated.shape == (None, 10, 10, 32) and m.output_shape == (None, 1)
