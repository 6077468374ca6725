import numpy as np
import tensorflow as tf
from tensorflow.keras import layers, models

S, B, C = 7, 2, 3  # grid, boxes, classes
IMG = 112


def yolo_net():
    m = models.Sequential([layers.Input((IMG, IMG, 3))])
    for f in [8, 16, 24, 32]:
        m.add(layers.Conv2D(f, 3, padding="same"))
        m.add(layers.LeakyReLU(negative_slope=0.1))
        m.add(layers.MaxPooling2D(2))
    m.add(layers.Flatten())
    m.add(layers.Dense(S * S * (B * 5 + C)))
    m.add(layers.Reshape((S, S, B * 5 + C)))
    return m


def yolo_loss(y_true, y_pred):
    obj = y_true[..., 4:5]
    xy_loss = tf.reduce_sum(obj * tf.square(y_true[..., 0:2] - y_pred[..., 0:2]), axis=[1, 2, 3])
    class_loss = tf.reduce_sum(obj * tf.square(y_true[..., B * 5 :] - y_pred[..., B * 5 :]), axis=[1, 2, 3])
    conf_loss = tf.reduce_sum(tf.square(obj - y_pred[..., 4:5]), axis=[1, 2, 3])
    return 5.0 * xy_loss + class_loss + conf_loss


detector = yolo_net()
detector.compile("adam", loss=yolo_loss)
pics = np.random.rand(4, IMG, IMG, 3).astype("float32")
grid = np.zeros((4, S, S, B * 5 + C), "float32")
grid[:, 3, 3, 4] = 1
loss = detector.train_on_batch(pics, grid)
boxes = detector(pics[:1])[0]
# check: detector.output_shape == (None, 7, 7, 13) and boxes.shape == (7, 7, 13)
