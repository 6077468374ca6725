import tensorflow as tf
from tensorflow.keras import layers


class SelfAttention2D(layers.Layer):
    """SAGAN attention over the positions of a feature map."""

    def __init__(self, channels):
        super().__init__()
        self.channels = channels
        self.f = layers.Conv2D(channels // 4, 1)
        self.g = layers.Conv2D(channels // 4, 1)
        self.h = layers.Conv2D(channels, 1)
        self.gamma = self.add_weight(shape=(), initializer="zeros")

    def call(self, x):
        b = tf.shape(x)[0]
        hh, ww = x.shape[1], x.shape[2]
        f = tf.reshape(self.f(x), (b, hh * ww, self.channels // 4))
        g = tf.reshape(self.g(x), (b, hh * ww, self.channels // 4))
        h = tf.reshape(self.h(x), (b, hh * ww, self.channels))
        s = tf.matmul(g, f, transpose_b=True)
        beta = tf.nn.softmax(s, axis=-1)
        o = tf.matmul(beta, h)
        o = tf.reshape(o, (b, hh, ww, self.channels))
        return self.gamma * o + x


stem = layers.Conv2D(32, 3, strides=2, padding="same", activation="relu")
attend = SelfAttention2D(32)
head = layers.Dense(1)
photo = tf.random.normal((3, 24, 16, 3))
maps = stem(photo)
attended = attend(maps)
critic = head(tf.reduce_mean(attended, axis=[1, 2]))
# channel gate, CBAM style
avg = tf.reduce_mean(attended, axis=-1, keepdims=True)
mx = tf.reduce_max(attended, axis=-1, keepdims=True)
spatial = layers.Conv2D(1, 7, padding="same", activation="sigmoid")(tf.concat([avg, mx], axis=-1))
refined = attended * spatial
# check: maps.shape == (3, 12, 8, 32) and attended.shape == (3, 12, 8, 32) and critic.shape == (3, 1)
# check: spatial.shape == (3, 12, 8, 1) and refined.shape == (3, 12, 8, 32)
