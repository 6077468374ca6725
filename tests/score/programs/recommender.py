import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

num_users, num_movies, EMBEDDING_SIZE = 25, 40, 8


class RecommenderNet(keras.Model):
    def __init__(self, num_users, num_movies, embedding_size, **kwargs):
        super().__init__(**kwargs)
        self.user_embedding = layers.Embedding(num_users, embedding_size)
        self.user_bias = layers.Embedding(num_users, 1)
        self.movie_embedding = layers.Embedding(num_movies, embedding_size)
        self.movie_bias = layers.Embedding(num_movies, 1)

    def call(self, inputs):
        user_vector = self.user_embedding(inputs[:, 0])
        user_bias = self.user_bias(inputs[:, 0])
        movie_vector = self.movie_embedding(inputs[:, 1])
        movie_bias = self.movie_bias(inputs[:, 1])
        dot_user_movie = tf.reduce_sum(user_vector * movie_vector, axis=1, keepdims=True)
        x = dot_user_movie + user_bias + movie_bias
        return tf.nn.sigmoid(x)


pairs = np.stack([np.random.randint(0, num_users, 60), np.random.randint(0, num_movies, 60)], axis=1)
ratings = np.random.rand(60)
model = RecommenderNet(num_users, num_movies, EMBEDDING_SIZE)
model.compile(loss="binary_crossentropy", optimizer="adam")
model.fit(pairs[:50], ratings[:50], batch_size=25, validation_data=(pairs[50:], ratings[50:]), verbose=0)

# top movies of user 3
candidates = np.hstack((np.full((num_movies, 1), 3), np.arange(num_movies).reshape(-1, 1)))
scores = model.predict(candidates, verbose=0).flatten()
top = scores.argsort()[-5:][::-1]
# check: candidates.shape == (40, 2) and scores.shape == (40,) and top.shape == (5,)
# check: model(pairs[:4]).shape == (4, 1)
