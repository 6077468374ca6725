import numpy as np
import tensorflow as tf
from tensorflow.keras import layers, Model, Sequential

margin = 0.5
emb_size = 12

embedding_model = Sequential(
    [
        layers.Input((784,)),
        layers.Dense(32, activation='relu'),
        layers.Dense(emb_size, activation='sigmoid'),
    ]
)
in_anchor = layers.Input((784,))
in_pos = layers.Input((784,))
in_neg = layers.Input((784,))
merged = layers.concatenate([embedding_model(in_anchor), embedding_model(in_pos), embedding_model(in_neg)], axis=1)
triplet_net = Model([in_anchor, in_pos, in_neg], merged)


def triplet_loss(y_true, y_pred):
    anchor, pos, neg = y_pred[:, :emb_size], y_pred[:, emb_size : 2 * emb_size], y_pred[:, 2 * emb_size :]
    positive_dist = tf.reduce_mean(tf.square(anchor - pos), axis=1)
    negative_dist = tf.reduce_mean(tf.square(anchor - neg), axis=1)
    return tf.maximum(positive_dist - negative_dist + margin, 0.0)


triplet_net.compile(loss=triplet_loss, optimizer='adam')

faces = np.random.rand(30, 28, 28)
faces = faces.reshape(-1, 784)
batch = 6
a, p, n = faces[:batch], faces[batch : 2 * batch], faces[2 * batch : 3 * batch]
dummy = np.zeros((batch, 3 * emb_size))
loss = triplet_net.train_on_batch([a, p, n], dummy)
v = embedding_model.predict(faces[0].reshape(1, 784), verbose=0)
# check: triplet_net.output_shape == (None, 36) and v.shape == (1, 12)
