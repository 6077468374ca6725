import tensorflow as tf
import numpy as np

n = 50
X = np.random.rand(n, 3).astype('float32')
true_w = np.array([[2.0], [-3.4], [1.1]], dtype='float32')
y = X @ true_w + 0.5
y = y + np.random.normal(scale=0.01, size=y.shape).astype('float32')

w = tf.Variable(tf.zeros((3, 1)))
b = tf.Variable(tf.zeros(1))

def linreg(X, w, b):
    return tf.matmul(X, w) + b

def squared_loss(y_hat, y):
    return (y_hat - y) ** 2 / 2

lr = 0.1
for epoch in range(3):
    with tf.GradientTape() as g:
        y_hat = linreg(X, w, b)
        l = squared_loss(y_hat, y)
        loss = tf.reduce_mean(l)
    dw, db = g.gradient(loss, [w, b])
    w.assign_sub(lr * dw)
    b.assign_sub(lr * db)
residual = tf.squeeze(y_hat) - y.reshape(-1)
r2 = 1 - tf.reduce_sum(residual**2) / tf.reduce_sum((y - y.mean()) ** 2)
# check: l.shape == (50, 1) and y_hat.shape == (50, 1) and residual.shape == (50,) and r2.shape == ()
