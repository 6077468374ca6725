import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

num_classes = 6


def convolution_block(block_input, filters=16, kernel_size=3, dilation_rate=1):
    x = layers.Conv2D(filters, kernel_size=kernel_size, dilation_rate=dilation_rate, padding="same")(block_input)
    x = layers.BatchNormalization()(x)
    return keras.activations.relu(x)


def pyramid_pooling(dspp_input):
    dims = dspp_input.shape
    x = layers.AveragePooling2D(pool_size=(dims[-3], dims[-2]))(dspp_input)
    x = convolution_block(x, kernel_size=1)
    out_pool = layers.UpSampling2D(size=(dims[-3] // x.shape[1], dims[-2] // x.shape[2]), interpolation="bilinear")(x)
    out_1 = convolution_block(dspp_input, kernel_size=1)
    out_6 = convolution_block(dspp_input, kernel_size=3, dilation_rate=3)
    out_12 = convolution_block(dspp_input, kernel_size=3, dilation_rate=6)
    x = layers.Concatenate(axis=-1)([out_pool, out_1, out_6, out_12])
    return convolution_block(x, kernel_size=1)


model_input = keras.Input(shape=(64, 64, 3))
low = layers.Conv2D(12, 3, strides=2, padding="same", activation="relu")(model_input)
x = layers.Conv2D(24, 3, strides=2, padding="same", activation="relu")(low)
x = layers.Conv2D(24, 3, strides=2, padding="same", activation="relu")(x)
x = pyramid_pooling(x)
input_a = layers.UpSampling2D(size=4, interpolation="bilinear")(x)
input_b = convolution_block(low, filters=12, kernel_size=1)
x = layers.Concatenate(axis=-1)([input_a, input_b])
x = convolution_block(x)
x = layers.UpSampling2D(size=2, interpolation="bilinear")(x)
model_output = layers.Conv2D(num_classes, kernel_size=(1, 1), padding="same")(x)
deeplab = keras.Model(inputs=model_input, outputs=model_output)

street = tf.random.uniform((2, 64, 64, 3))
classes = tf.random.uniform((2, 64, 64), maxval=num_classes, dtype=tf.int32)
loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
loss = loss_fn(classes, deeplab(street))
# check: deeplab.output_shape == (None, 64, 64, 6) and loss.shape == ()
