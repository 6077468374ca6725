import tensorflow as tf

# one-lead ECG, batch x samples x leads
ecg = tf.random.normal((6, 250, 1))
k1 = tf.Variable(tf.random.normal((7, 1, 8)))
k2 = tf.Variable(tf.random.normal((5, 8, 16)))


def features(sig):
    h = tf.nn.conv1d(sig, k1, stride=2, padding="SAME")
    h = tf.nn.relu(h)
    h = tf.nn.max_pool1d(h, ksize=2, strides=2, padding="VALID")
    h = tf.nn.conv1d(h, k2, stride=1, padding="VALID")
    h = tf.nn.relu(h)
    return tf.reduce_mean(h, axis=1)


w = tf.Variable(tf.random.normal((16, 1)))
b = tf.Variable(0.0)
feat = features(ecg)
score = tf.squeeze(tf.matmul(feat, w) + b, axis=-1)
target = tf.constant([0.0, 1.0, 0.0, 0.0, 1.0, 1.0])
losses = tf.nn.sigmoid_cross_entropy_with_logits(labels=target, logits=score)
# smoothing filter over one beat
beat = ecg[0, :100, 0]
kernel = tf.ones((5,)) / 5.0
smooth = tf.nn.conv1d(beat[None, :, None], kernel[:, None, None], stride=1, padding="SAME")
smooth = tf.squeeze(smooth)
# check: feat.shape == (6, 16) and score.shape == (6,) and losses.shape == (6,) and smooth.shape == (100,)
