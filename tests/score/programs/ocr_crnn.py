import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

img_width, img_height = 80, 32
characters = list("abcdefghij")
max_length = 5

input_img = layers.Input(shape=(img_width, img_height, 1), name="image")
x = layers.Conv2D(8, (3, 3), activation="relu", padding="same", name="Conv1")(input_img)
x = layers.MaxPooling2D((2, 2), name="pool1")(x)
x = layers.Conv2D(16, (3, 3), activation="relu", padding="same", name="Conv2")(x)
x = layers.MaxPooling2D((2, 2), name="pool2")(x)
# two pools with stride 2: the maps are 4x smaller
new_shape = ((img_width // 4), (img_height // 4) * 16)
x = layers.Reshape(target_shape=new_shape, name="reshape")(x)
x = layers.Dense(16, activation="relu", name="dense1")(x)
x = layers.Bidirectional(layers.LSTM(8, return_sequences=True))(x)
y_pred = layers.Dense(len(characters) + 1, activation="softmax", name="dense2")(x)
ocr = keras.Model(input_img, y_pred)

words = np.random.rand(2, img_width, img_height, 1)
texts = np.random.randint(0, len(characters), (2, max_length))
probs = ocr(words)
input_length = np.full((2,), probs.shape[1])
label_length = np.full((2,), max_length)
ctc = tf.nn.ctc_loss(
    texts.astype("int32"),
    tf.math.log(probs + 1e-6),
    label_length.astype("int32"),
    input_length.astype("int32"),
    logits_time_major=False,
    blank_index=-1,
)
# check: probs.shape == (2, 20, 11) and ctc.shape == (2,) and ocr.input_shape == (None, 80, 32, 1)
