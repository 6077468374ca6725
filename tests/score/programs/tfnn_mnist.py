import tensorflow as tf
import numpy as np

x_data = np.random.rand(32, 784).astype(np.float32)
y_data = np.random.randint(0, 10, 32)


def weight(shape):
    return tf.Variable(tf.random.truncated_normal(shape, stddev=0.1))


def bias(shape):
    return tf.Variable(tf.constant(0.1, shape=shape))


W1, b1 = weight([5, 5, 1, 8]), bias([8])
W2, b2 = weight([5, 5, 8, 16]), bias([16])
Wf, bf = weight([7 * 7 * 16, 32]), bias([32])
Wo, bo = weight([32, 10]), bias([10])


def max_pool_2x2(x):
    return tf.nn.max_pool2d(x, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="SAME")


def net(x):
    x = tf.reshape(x, [-1, 28, 28, 1])
    h1 = tf.nn.relu(tf.nn.conv2d(x, W1, strides=[1, 1, 1, 1], padding="SAME") + b1)
    h1 = max_pool_2x2(h1)
    h2 = tf.nn.relu(tf.nn.conv2d(h1, W2, strides=[1, 1, 1, 1], padding="SAME") + b2)
    h2 = max_pool_2x2(h2)
    flat = tf.reshape(h2, [-1, 7 * 7 * 16])
    fc = tf.nn.relu(tf.matmul(flat, Wf) + bf)
    return tf.matmul(fc, Wo) + bo


params = [W1, b1, W2, b2, Wf, bf, Wo, bo]
opt = tf.keras.optimizers.SGD(0.01)
y_onehot = tf.one_hot(y_data, 10)
with tf.GradientTape() as tape:
    logits = net(x_data)
    loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y_onehot, logits=logits))
opt.apply_gradients(zip(tape.gradient(loss, params), params))
# check: logits.shape == (32, 10) and loss.shape == ()
