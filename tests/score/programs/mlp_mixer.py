import numpy as np
import keras
from keras import layers


def mixer_block(x, tokens_dim, channels_dim):
    n_patches, hidden = x.shape[1], x.shape[2]
    y = layers.LayerNormalization()(x)
    y = layers.Permute((2, 1))(y)
    y = layers.Dense(tokens_dim, activation="gelu")(y)
    y = layers.Dense(n_patches)(y)
    y = layers.Permute((2, 1))(y)
    x = layers.Add()([x, y])
    y = layers.LayerNormalization()(x)
    y = layers.Dense(channels_dim, activation="gelu")(y)
    y = layers.Dense(hidden)(y)
    return layers.Add()([x, y])


image = keras.Input((32, 32, 3))
x = layers.Conv2D(24, kernel_size=4, strides=4)(image)
x = layers.Reshape((64, 24))(x)
for _ in range(2):
    x = mixer_block(x, 32, 48)
tokens = x
x = layers.GlobalAveragePooling1D()(x)
mixer = keras.Model(image, layers.Dense(8, activation="softmax")(x))
mixer.compile("adam", "sparse_categorical_crossentropy")
loss = mixer.test_on_batch(np.random.rand(4, 32, 32, 3), np.array([0, 3, 7, 1]))
# check: tokens.shape == (None, 64, 24) and mixer.output_shape == (None, 8)
# check: mixer.input_shape == (None, 32, 32, 3)
