import keras
from keras import layers, ops
import numpy as np

GROUPS = 4


def channel_shuffle(x, groups):
    _, h, w, c = x.shape
    x = ops.reshape(x, (-1, h, w, groups, c // groups))
    x = ops.transpose(x, (0, 1, 2, 4, 3))
    return ops.reshape(x, (-1, h, w, c))


def shuffle_unit(x, channels):
    y = layers.Conv2D(channels, 1, groups=GROUPS, use_bias=False)(x)
    y = layers.BatchNormalization()(y)
    y = channel_shuffle(y, GROUPS)
    y = layers.DepthwiseConv2D(3, padding="same")(y)
    y = layers.Conv2D(channels, 1, groups=GROUPS)(y)
    return layers.add([x, y])


image = keras.Input((16, 16, 3))
x = layers.Conv2D(24, 3, padding="same")(image)
x = shuffle_unit(x, 24)
x = shuffle_unit(x, 24)
mixed = x
x = layers.GlobalMaxPooling2D()(x)
net = keras.Model(image, layers.Dense(5)(x))
result = net(np.random.rand(2, 16, 16, 3).astype("float32"))
# check: mixed.shape == (None, 16, 16, 24) and result.shape == (2, 5)
