import tensorflow as tf
from tensorflow.keras import layers, Model

UPSCALE = 3


def espcn(upscale_factor=3, channels=1):
    conv_args = {"activation": "relu", "padding": "same"}
    inputs = layers.Input(shape=(None, None, channels))
    x = layers.Conv2D(16, 5, **conv_args)(inputs)
    x = layers.Conv2D(16, 3, **conv_args)(x)
    x = layers.Conv2D(8, 3, **conv_args)(x)
    x = layers.Conv2D(channels * (upscale_factor**2), 3, **conv_args)(x)
    outputs = layers.Lambda(lambda t: tf.nn.depth_to_space(t, upscale_factor))(x)
    return Model(inputs, outputs)


def psnr(a, b):
    return tf.image.psnr(a, b, max_val=1.0)


model = espcn(UPSCALE)
high = tf.random.uniform((4, 48, 48, 1))
low = tf.image.resize(high, (16, 16), method="area")
up = model(low)
bicubic = tf.image.resize(low, (48, 48), method="bicubic")
diff = tf.abs(up - high)
quality = psnr(high, up)
rgb = tf.concat([up, bicubic, high], axis=-1)
# check: low.shape == (4, 16, 16, 1) and up.shape == (4, 48, 48, 1) and quality.shape == (4,)
# check: rgb.shape == (4, 48, 48, 3) and diff.shape == (4, 48, 48, 1)
