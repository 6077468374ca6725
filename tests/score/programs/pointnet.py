import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

NUM_POINTS = 32
NUM_CLASSES = 4


def conv_bn(x, filters):
    x = layers.Conv1D(filters, kernel_size=1, padding="valid")(x)
    x = layers.BatchNormalization(momentum=0.0)(x)
    return layers.Activation("relu")(x)


def dense_bn(x, filters):
    x = layers.Dense(filters)(x)
    x = layers.BatchNormalization(momentum=0.0)(x)
    return layers.Activation("relu")(x)


def tnet(inputs, num_features):
    x = conv_bn(inputs, 8)
    x = conv_bn(x, 16)
    x = layers.GlobalMaxPooling1D()(x)
    x = dense_bn(x, 8)
    x = layers.Dense(num_features * num_features, kernel_initializer="zeros")(x)
    feat_T = layers.Reshape((num_features, num_features))(x)
    return layers.Dot(axes=(2, 1))([inputs, feat_T])


inputs = keras.Input(shape=(NUM_POINTS, 3))
x = tnet(inputs, 3)
x = conv_bn(x, 8)
x = tnet(x, 8)
x = conv_bn(x, 16)
point_features = x
x = layers.GlobalMaxPooling1D()(x)
x = dense_bn(x, 16)
outputs = layers.Dense(NUM_CLASSES, activation="softmax")(x)
pointnet = keras.Model(inputs=inputs, outputs=outputs)

cloud = tf.random.uniform((5, NUM_POINTS, 3))
cloud -= tf.reduce_mean(cloud, axis=1, keepdims=True)
scale = tf.reduce_max(tf.norm(cloud, axis=-1), axis=-1)
cloud = cloud / scale[:, tf.newaxis, tf.newaxis]
shape_probs = pointnet(cloud)
# check: point_features.shape == (None, 32, 16) and cloud.shape == (5, 32, 3) and shape_probs.shape == (5, 4)
# check: scale.shape == (5,)
