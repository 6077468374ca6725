import numpy as np
import tensorflow as tf
from tensorflow.keras import layers

N, F = 20, 7
rng = np.random.default_rng(1)
A = (rng.random((N, N)) < 0.2).astype("float32")
A = np.maximum(A, A.T) + np.eye(N, dtype="float32")
deg = A.sum(axis=1, keepdims=True)
A_hat = A / deg
features = rng.random((N, F), dtype="float32")
labels = rng.integers(0, 3, N)
train_mask = np.arange(N) < 10


class GraphConv(layers.Layer):
    def __init__(self, units, activation=None):
        super().__init__()
        self.units = units
        self.activation = tf.keras.activations.get(activation)

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer="glorot_uniform")
        self.b = self.add_weight(shape=(self.units,), initializer="zeros")

    def call(self, x, adj):
        support = tf.matmul(x, self.w)
        return self.activation(tf.matmul(adj, support) + self.b)


gc1 = GraphConv(16, "relu")
gc2 = GraphConv(3)
h = gc1(features, A_hat)
logits = gc2(h, A_hat)
per_node = tf.keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
loss = tf.reduce_sum(per_node * train_mask.astype("float32")) / train_mask.sum()
pred = tf.argmax(logits, axis=1).numpy()
accuracy = (pred == labels).mean()
# check: h.shape == (20, 16) and logits.shape == (20, 3) and per_node.shape == (20,) and loss.shape == ()
# check: A_hat.shape == (20, 20)
