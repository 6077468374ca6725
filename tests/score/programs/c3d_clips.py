import tensorflow as tf
from tensorflow.keras.layers import Conv3D, MaxPool3D, Flatten, Dense, Input
from tensorflow.keras import Sequential

c3d = Sequential(
    [
        Input((16, 32, 32, 3)),
        Conv3D(8, (3, 3, 3), padding='same', activation='relu'),
        MaxPool3D((1, 2, 2)),
        Conv3D(16, (3, 3, 3), padding='same', activation='relu'),
        MaxPool3D((2, 2, 2)),
        Conv3D(16, (3, 3, 3), padding='same', activation='relu'),
        MaxPool3D((2, 2, 2)),
        Flatten(),
        Dense(32, activation='relu'),
        Dense(3, activation='softmax'),
    ]
)
clips = tf.random.normal((2, 16, 32, 32, 3))
probs = c3d(clips)
single = c3d(tf.expand_dims(clips[0], 0))
# check: c3d.input_shape == (None, 16, 32, 32, 3) and probs.shape == (2, 3) and single.shape == (1, 3)
# check: c3d.layers[-3].output.shape == (None, 1024)
