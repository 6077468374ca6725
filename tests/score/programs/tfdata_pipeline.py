import numpy as np
import tensorflow as tf
from tensorflow import keras

AUTOTUNE = tf.data.AUTOTUNE
IMG_SIZE = 36
raw_images = np.random.randint(0, 255, (30, 40, 50, 3), dtype=np.uint8)
raw_labels = np.random.randint(0, 3, 30)


def preprocess(image, label):
    image = tf.image.resize(image, (IMG_SIZE, IMG_SIZE))
    image = image / 255.0
    return image, tf.one_hot(label, 3)


def augment(image, label):
    image = tf.image.random_flip_left_right(image)
    image = tf.image.random_crop(image, (32, 32, 3))
    return image, label


train_ds = tf.data.Dataset.from_tensor_slices((raw_images[:24], raw_labels[:24]))
train_ds = train_ds.map(preprocess).map(augment)
train_ds = train_ds.shuffle(24).batch(8).prefetch(AUTOTUNE)

val_ds = tf.data.Dataset.from_tensor_slices((raw_images[24:], raw_labels[24:]))
val_ds = val_ds.map(preprocess)
val_ds = val_ds.map(lambda im, lb: (im[2:34, 2:34], lb)).batch(8)

model = keras.Sequential(
    [
        keras.layers.InputLayer(shape=(32, 32, 3)),
        keras.layers.Conv2D(8, 3, activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Flatten(),
        keras.layers.Dense(3, activation="softmax"),
    ]
)
model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
history = model.fit(train_ds, validation_data=val_ds, epochs=1, verbose=0)
# check: model.output_shape == (None, 3) and tuple(train_ds.element_spec[0].shape[1:]) == (32, 32, 3)
# check: "val_loss" in history.history
