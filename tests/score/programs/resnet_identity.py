import tensorflow as tf
from tensorflow.keras import layers, Model


def residual_block(x, filters, stride=1):
    shortcut = x
    y = layers.Conv2D(filters, 3, strides=stride, padding="same", use_bias=False)(x)
    y = layers.BatchNormalization()(y)
    y = layers.ReLU()(y)
    y = layers.Conv2D(filters, 3, padding="same", use_bias=False)(y)
    y = layers.BatchNormalization()(y)
    if stride != 1 or shortcut.shape[-1] != filters:
        shortcut = layers.Conv2D(filters, 1, strides=stride, use_bias=False)(shortcut)
    y = layers.Add()([shortcut, y])
    return layers.ReLU()(y)


inp = layers.Input((32, 32, 3))
h = layers.Conv2D(16, 3, padding="same")(inp)
h = residual_block(h, 16)
h = residual_block(h, 32, stride=2)
h = residual_block(h, 64, stride=2)
features = h
h = layers.GlobalAveragePooling2D()(h)
out = layers.Dense(10, activation="softmax")(h)
resnet = Model(inp, out)

batch = tf.random.normal((8, 32, 32, 3))
pred = resnet(batch, training=False)
# check: features.shape == (None, 8, 8, 64) and resnet.output_shape == (None, 10) and pred.shape == (8, 10)
# check: resnet.input_shape == (None, 32, 32, 3)
