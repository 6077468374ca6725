from tensorflow.keras.models import Sequential
from tensorflow.keras.layers import Embedding, LSTM, Dense, Bidirectional
from tensorflow.keras.preprocessing.sequence import pad_sequences
import numpy as np

max_words = 100
max_len = 12
# ragged "sentences"
rng = np.random.RandomState(0)
sentences = [list(rng.randint(1, max_words, rng.randint(4, 12))) for _ in range(20)]
padded = pad_sequences(sentences, maxlen=max_len, padding="post")
y = np.array([0, 1] * 10)

model = Sequential()
model.add(Embedding(max_words, 8))
model.add(Bidirectional(LSTM(6, return_sequences=True)))
model.add(LSTM(4))
model.add(Dense(1, activation="sigmoid"))
model.compile(loss="binary_crossentropy", optimizer="adam")
model.train_on_batch(padded, y)
p = model.predict_on_batch(padded[:3])
# check: p.shape == (3, 1)
