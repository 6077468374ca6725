import tensorflow as tf


class BahdanauAttention(tf.keras.layers.Layer):
    def __init__(self, units):
        super(BahdanauAttention, self).__init__()
        self.W1 = tf.keras.layers.Dense(units)
        self.W2 = tf.keras.layers.Dense(units)
        self.V = tf.keras.layers.Dense(1)

    def call(self, query, values):
        # query (batch, hidden), values (batch, time, hidden)
        query_with_time_axis = tf.expand_dims(query, 1)
        score = self.V(tf.nn.tanh(self.W1(query_with_time_axis) + self.W2(values)))
        attention_weights = tf.nn.softmax(score, axis=1)
        context_vector = attention_weights * values
        context_vector = tf.reduce_sum(context_vector, axis=1)
        return context_vector, attention_weights


class Decoder(tf.keras.Model):
    def __init__(self, vocab_size, embedding_dim, dec_units):
        super(Decoder, self).__init__()
        self.embedding = tf.keras.layers.Embedding(vocab_size, embedding_dim)
        self.gru = tf.keras.layers.GRU(dec_units, return_sequences=True, return_state=True)
        self.fc = tf.keras.layers.Dense(vocab_size)
        self.attention = BahdanauAttention(10)

    def call(self, x, hidden, enc_output):
        context_vector, attention_weights = self.attention(hidden, enc_output)
        x = self.embedding(x)
        x = tf.concat([tf.expand_dims(context_vector, 1), x], axis=-1)
        output, state = self.gru(x)
        output = tf.reshape(output, (-1, output.shape[2]))
        return self.fc(output), state, attention_weights


enc_output = tf.random.normal((8, 15, 24))
enc_hidden = tf.random.normal((8, 24))
decoder = Decoder(vocab_size=60, embedding_dim=12, dec_units=24)
dec_input = tf.expand_dims(tf.ones((8,), tf.int32), 1)
dec_hidden = enc_hidden
outputs = []
for t in range(3):
    predictions, dec_hidden, weights = decoder(dec_input, dec_hidden, enc_output)
    outputs.append(predictions)
    dec_input = tf.expand_dims(tf.argmax(predictions, axis=-1), 1)
sentence = tf.stack(outputs, axis=1)
# check: sentence.shape == (8, 3, 60) and weights.shape == (8, 15, 1) and dec_hidden.shape == (8, 24)
