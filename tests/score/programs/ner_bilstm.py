import numpy as np
from tensorflow.keras.models import Model
from tensorflow.keras.layers import Input, Embedding, LSTM, Bidirectional, TimeDistributed, Dense, SpatialDropout1D
from tensorflow.keras.utils import to_categorical

num_words, num_tags, max_len = 80, 6, 15
X = np.random.randint(0, num_words, (20, max_len))
y = np.random.randint(0, num_tags, (20, max_len))
y_cat = to_categorical(y, num_classes=num_tags)

input_word = Input(shape=(max_len,))
m = Embedding(input_dim=num_words, output_dim=10)(input_word)
m = SpatialDropout1D(0.1)(m)
m = Bidirectional(LSTM(units=8, return_sequences=True, recurrent_dropout=0.1))(m)
out = TimeDistributed(Dense(num_tags, activation="softmax"))(m)
tagger = Model(input_word, out)
tagger.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
tagger.train_on_batch(X, y_cat)
i = 5
p = tagger.predict(np.array([X[i]]), verbose=0)
p = np.argmax(p, axis=-1)
hits = (p[0] == y[i]).sum()
# check: tagger.output_shape == (None, 15, 6) and p.shape == (1, 15)
