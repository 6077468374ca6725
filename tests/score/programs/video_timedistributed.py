import numpy as np
from tensorflow.keras import layers
from tensorflow.keras.models import Model, Sequential

FRAMES = 5
SIZE = 24
N_ACTIONS = 4


def frame_encoder():
    cnn = Sequential(
        [
            layers.Input((SIZE, SIZE, 3)),
            layers.Conv2D(8, 3, strides=2, activation='relu'),
            layers.Conv2D(16, 3, strides=2, activation='relu'),
            layers.GlobalAveragePooling2D(),
        ]
    )
    return cnn


clip = layers.Input((FRAMES, SIZE, SIZE, 3))
encoded = layers.TimeDistributed(frame_encoder())(clip)
x = layers.LSTM(12)(encoded)
x = layers.Dense(16, activation='relu')(x)
action = layers.Dense(N_ACTIONS, activation='softmax')(x)
video_model = Model(clip, action)
video_model.compile(loss='categorical_crossentropy', optimizer='adam')

videos = np.random.rand(6, FRAMES, SIZE, SIZE, 3).astype('float32')
actions = np.eye(N_ACTIONS)[[0, 1, 2, 3, 0, 1]]
video_model.train_on_batch(videos, actions)
# check: encoded.shape == (None, 5, 16) and video_model.output_shape == (None, 4)
