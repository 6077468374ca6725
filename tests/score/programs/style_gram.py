import tensorflow as tf
from tensorflow import keras


def gram_matrix(x):
    x = tf.transpose(x, (2, 0, 1))
    features = tf.reshape(x, (tf.shape(x)[0], -1))
    return tf.matmul(features, tf.transpose(features))


def style_loss(style, combination):
    S = gram_matrix(style)
    C = gram_matrix(combination)
    return tf.reduce_sum(tf.square(S - C)) / 1000.0


def total_variation_loss(x):
    a = tf.square(x[:, :31, :31, :] - x[:, 1:, :31, :])
    b = tf.square(x[:, :31, :31, :] - x[:, :31, 1:, :])
    return tf.reduce_sum(tf.pow(a + b, 1.25))


vgg = keras.Sequential(
    [
        keras.Input((32, 32, 3)),
        keras.layers.Conv2D(6, 3, padding="same", activation="relu", name="block1"),
        keras.layers.MaxPooling2D(),
        keras.layers.Conv2D(12, 3, padding="same", activation="relu", name="block2"),
    ]
)
extractor = keras.Model(vgg.inputs, {l.name: l.output for l in vgg.layers if l.name.startswith("block")})

base = tf.random.uniform((1, 32, 32, 3))
style_ref = tf.random.uniform((1, 32, 32, 3))
combination = tf.Variable(base)
with tf.GradientTape() as tape:
    stacked = tf.concat([base, style_ref, combination], axis=0)
    feats = extractor(stacked)
    loss = tf.zeros(())
    for name in ("block1", "block2"):
        f = feats[name]
        loss += style_loss(f[1], f[2])
    content = tf.reduce_mean(tf.square(feats["block2"][0] - feats["block2"][2]))
    loss += content + 1e-3 * total_variation_loss(combination)
grad = tape.gradient(loss, combination)
G = gram_matrix(feats["block2"][0])
# check: stacked.shape == (3, 32, 32, 3) and grad.shape == (1, 32, 32, 3) and G.shape == (12, 12)
# check: loss.shape == ()
