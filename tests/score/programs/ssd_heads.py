import tensorflow as tf
from tensorflow.keras import layers, Model

NUM_ANCHORS = 4
NUM_CLASSES = 5


def head(feature, name):
    cls = layers.Conv2D(NUM_ANCHORS * NUM_CLASSES, 3, padding="same", name=name + "_cls")(feature)
    cls = layers.Reshape((-1, NUM_CLASSES))(cls)
    loc = layers.Conv2D(NUM_ANCHORS * 4, 3, padding="same", name=name + "_loc")(feature)
    loc = layers.Reshape((-1, 4))(loc)
    return cls, loc


image = layers.Input((64, 64, 3))
x = layers.Conv2D(16, 3, strides=2, padding="same", activation="relu")(image)
f1 = layers.Conv2D(32, 3, strides=2, padding="same", activation="relu")(x)
f2 = layers.Conv2D(32, 3, strides=2, padding="same", activation="relu")(f1)
f3 = layers.Conv2D(32, 3, strides=2, padding="same", activation="relu")(f2)

heads = [head(f, f"f{i}") for i, f in enumerate([f1, f2, f3])]
cls_out = layers.Concatenate(axis=1)([c for c, _ in heads])
loc_out = layers.Concatenate(axis=1)([l for _, l in heads])
predictions = layers.Concatenate(axis=-1)([loc_out, layers.Activation("softmax")(cls_out)])
ssd = Model(image, predictions)

# ground truth: one row per anchor
n_boxes = NUM_ANCHORS * (16 * 16 + 8 * 8 + 4 * 4)
truth = tf.zeros((2, n_boxes, 4 + NUM_CLASSES))
out = ssd(tf.random.uniform((2, 64, 64, 3)))
loc_loss = tf.reduce_mean(tf.abs(truth[..., :4] - out[..., :4]), axis=-1)
cls_loss = tf.keras.losses.categorical_crossentropy(truth[..., 4:], out[..., 4:])
loss = tf.reduce_sum(loc_loss + cls_loss, axis=1)
# check: ssd.output_shape == (None, 1344, 9) and truth.shape == (2, 1344, 9) and loss.shape == (2,)
# check: cls_loss.shape == (2, 1344)
