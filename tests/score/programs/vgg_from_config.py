import numpy as np
import keras
from keras import layers

CONFIG = {
    "image_size": (32, 32, 3),
    "blocks": [[8, 8], [16, 16], [32, 32, 32]],
    "dense": [64],
    "classes": 4,
}


def make_vgg(cfg):
    inputs = keras.Input(cfg["image_size"])
    x = inputs
    for widths in cfg["blocks"]:
        for w in widths:
            x = layers.Conv2D(w, 3, padding="same", activation="relu")(x)
        x = layers.MaxPool2D(2)(x)
    x = layers.Flatten()(x)
    for units in cfg["dense"]:
        x = layers.Dense(units, activation="relu")(x)
    outputs = layers.Dense(cfg["classes"])(x)
    return keras.Model(inputs, outputs)


net = make_vgg(CONFIG)
net.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
images = np.random.uniform(size=(16, 32, 32, 3)).astype("float32")
targets = np.random.randint(0, 4, 16)
loss = net.train_on_batch(images, targets)
scores = net(images[:1])
# check: net.input_shape == (None, 32, 32, 3) and net.output_shape == (None, 4) and scores.shape == (1, 4)
