import tensorflow as tf
from tensorflow.keras import layers


def squash(s, axis=-1):
    squared_norm = tf.reduce_sum(tf.square(s), axis=axis, keepdims=True)
    return squared_norm / (1.0 + squared_norm) * s / tf.sqrt(squared_norm + 1e-7)


caps1_n_caps, caps1_n_dims = 6 * 6 * 4, 8
caps2_n_caps, caps2_n_dims = 10, 16
X = tf.random.uniform((5, 28, 28, 1))

conv1 = layers.Conv2D(16, 9, strides=1, padding="valid", activation="relu")(X)
conv2 = layers.Conv2D(32, 9, strides=2, padding="valid", activation="relu")(conv1)
caps1_raw = tf.reshape(conv2, [-1, caps1_n_caps, caps1_n_dims])
caps1_output = squash(caps1_raw)

W = tf.Variable(tf.random.normal((1, caps1_n_caps, caps2_n_caps, caps2_n_dims, caps1_n_dims), stddev=0.1))
u = caps1_output[:, :, None, :, None]
u = tf.tile(u, [1, 1, caps2_n_caps, 1, 1])
predicted = tf.matmul(W, u)  # (batch, 144, 10, 16, 1)

raw_weights = tf.zeros((5, caps1_n_caps, caps2_n_caps, 1, 1))
for r in range(2):
    routing = tf.nn.softmax(raw_weights, axis=2)
    weighted = tf.reduce_sum(routing * predicted, axis=1, keepdims=True)
    caps2_output = squash(weighted, axis=-2)
    agreement = tf.reduce_sum(predicted * caps2_output, axis=-2, keepdims=True)
    raw_weights = raw_weights + agreement

lengths = tf.norm(caps2_output, axis=-2)
y_proba = tf.squeeze(lengths, axis=[1, 3])
y_pred = tf.argmax(y_proba, axis=1)
# check: caps1_output.shape == (5, 144, 8) and predicted.shape == (5, 144, 10, 16, 1) and y_proba.shape == (5, 10)
# check: raw_weights.shape == (5, 144, 10, 1, 1)
