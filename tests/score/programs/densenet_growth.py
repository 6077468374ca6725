import tensorflow as tf
from tensorflow import keras
from tensorflow.keras.layers import *

growth = 8


def conv_block(x, growth):
    x1 = BatchNormalization()(x)
    x1 = Activation("relu")(x1)
    x1 = Conv2D(4 * growth, 1, use_bias=False)(x1)
    x1 = Conv2D(growth, 3, padding="same", use_bias=False)(x1)
    return Concatenate(axis=-1)([x, x1])


def dense_block(x, n):
    for i in range(n):
        x = conv_block(x, growth)
    return x


def transition(x):
    x = Conv2D(x.shape[-1] // 2, 1)(x)
    return AveragePooling2D(2, strides=2)(x)


inputs = Input(shape=(24, 24, 3))
x = Conv2D(16, 3, padding="same")(inputs)
x = dense_block(x, 3)
x = transition(x)
x = dense_block(x, 3)
last_maps = x
x = GlobalAveragePooling2D()(x)
outputs = Dense(6, activation="softmax")(x)
model = keras.Model(inputs, outputs)
model.compile("sgd", "categorical_crossentropy")

x_train = tf.random.uniform((12, 24, 24, 3))
y_train = tf.one_hot(tf.random.uniform((12,), maxval=6, dtype=tf.int32), 6)
model.train_on_batch(x_train, y_train)
# check: last_maps.shape == (None, 12, 12, 44) and model.output_shape == (None, 6)
