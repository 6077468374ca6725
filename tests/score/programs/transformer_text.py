import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

EMBED, HEADS, FF = 16, 2, 32
VOCAB, MAXLEN = 100, 20


class TransformerBlock(layers.Layer):
    def __init__(self, embed_dim, num_heads, ff_dim, rate=0.1):
        super().__init__()
        self.att = layers.MultiHeadAttention(num_heads=num_heads, key_dim=embed_dim)
        self.ffn = keras.Sequential([layers.Dense(ff_dim, activation="relu"), layers.Dense(embed_dim)])
        self.layernorm1 = layers.LayerNormalization(epsilon=1e-6)
        self.layernorm2 = layers.LayerNormalization(epsilon=1e-6)
        self.dropout1 = layers.Dropout(rate)

    def call(self, inputs, mask=None, training=False):
        attn_output = self.att(inputs, inputs, attention_mask=mask)
        out1 = self.layernorm1(inputs + self.dropout1(attn_output, training=training))
        ffn_output = self.ffn(out1)
        return self.layernorm2(out1 + ffn_output)


class TokenAndPositionEmbedding(layers.Layer):
    def __init__(self, maxlen, vocab_size, embed_dim):
        super().__init__()
        self.token_emb = layers.Embedding(vocab_size, embed_dim)
        self.pos_emb = layers.Embedding(maxlen, embed_dim)

    def call(self, x):
        maxlen = tf.shape(x)[-1]
        positions = tf.range(start=0, limit=maxlen, delta=1)
        return self.token_emb(x) + self.pos_emb(positions)


ids = tf.random.uniform((4, MAXLEN), maxval=VOCAB, dtype=tf.int32)
causal = tf.linalg.band_part(tf.ones((MAXLEN, MAXLEN)), -1, 0)
causal = tf.cast(causal[tf.newaxis, :, :], tf.bool)

embed = TokenAndPositionEmbedding(MAXLEN, VOCAB, EMBED)
block = TransformerBlock(EMBED, HEADS, FF)
hidden = block(embed(ids), mask=causal)
lm_head = layers.Dense(VOCAB)
next_token_logits = lm_head(hidden)
loss = keras.losses.sparse_categorical_crossentropy(ids[:, 1:], next_token_logits[:, :-1], from_logits=True)
# check: hidden.shape == (4, 20, 16) and next_token_logits.shape == (4, 20, 100) and loss.shape == (4, 19)
