import tensorflow as tf
from tensorflow.keras import layers


class GatedBlock(layers.Layer):
    """Gated activation unit with a residual and a skip path."""

    def __init__(self, channels, dilation):
        super().__init__()
        self.filt = layers.Conv1D(channels, 2, dilation_rate=dilation, padding="causal", activation="tanh")
        self.gate = layers.Conv1D(channels, 2, dilation_rate=dilation, padding="causal", activation="sigmoid")
        self.res = layers.Conv1D(channels, 1)
        self.skip = layers.Conv1D(channels * 2, 1)

    def call(self, x):
        z = self.filt(x) * self.gate(x)
        return x + self.res(z), self.skip(z)


class WaveNet(tf.keras.Model):
    def __init__(self, channels=8, levels=32):
        super().__init__()
        self.first = layers.Conv1D(channels, 1)
        self.blocks = [GatedBlock(channels, 2**i) for i in range(4)]
        self.out1 = layers.Conv1D(channels * 2, 1, activation="relu")
        self.out2 = layers.Conv1D(levels, 1)

    def call(self, wave):
        x = self.first(wave)
        skips = 0.0
        for block in self.blocks:
            x, s = block(x)
            skips = skips + s
        return self.out2(self.out1(tf.nn.relu(skips)))


audio = tf.random.uniform((3, 160), -1.0, 1.0)
audio = tf.expand_dims(audio, axis=-1)
quantized = tf.cast((audio[:, 1:, 0] + 1) * 15.5, tf.int32)
wavenet = WaveNet()
logits = wavenet(audio[:, :-1])
loss = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=quantized, logits=logits)
mean_loss = tf.reduce_mean(loss)
# check: audio.shape == (3, 160, 1) and logits.shape == (3, 159, 32) and loss.shape == (3, 159)
