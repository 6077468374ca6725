import numpy as np
import tensorflow as tf
from tensorflow.keras import layers, Model

vocab_size = 200
maxlen = 30
embed_dim = 16

tokens = layers.Input(shape=(maxlen,), dtype="int32")
emb = layers.Embedding(vocab_size, embed_dim)(tokens)
pooled = []
for k in (2, 3, 4):
    c = layers.Conv1D(8, k, activation="relu")(emb)
    pooled.append(layers.GlobalMaxPooling1D()(c))
h = layers.concatenate(pooled, axis=1)
h = layers.Dropout(0.5)(h)
out = layers.Dense(2, activation="softmax")(h)
clf = Model(tokens, out)
clf.compile("adam", "sparse_categorical_crossentropy", metrics=["acc"])

reviews = np.random.randint(1, vocab_size, size=(24, maxlen))
stars = np.random.randint(0, 2, size=24)
clf.fit(reviews, stars, epochs=1, verbose=0)

one = clf.predict(reviews[:1], verbose=0)
# check: h.shape == (None, 24) and clf.output_shape == (None, 2) and one.shape == (1, 2)
