import numpy as np
import tensorflow as tf
from tensorflow.keras import layers

PAST, FUTURE, COLS = 24, 12, 3
table = np.random.rand(120, COLS).astype("float32")
target_col = 1

ds = tf.data.Dataset.from_tensor_slices(table)
ds = ds.window(PAST + FUTURE, shift=4, drop_remainder=True)
ds = ds.flat_map(lambda w: w.batch(PAST + FUTURE))
ds = ds.map(lambda w: (w[:PAST], w[PAST:, target_col]))
ds = ds.batch(8)

inputs = layers.Input((PAST, COLS))
x = layers.Conv1D(16, 4, strides=2, padding="same", activation="relu")(inputs)
x = layers.LSTM(16)(x)
x = layers.RepeatVector(FUTURE)(x)
x = layers.LSTM(8, return_sequences=True)(x)
x = layers.TimeDistributed(layers.Dense(1))(x)
outputs = layers.Reshape((FUTURE,))(x)
model = tf.keras.Model(inputs, outputs)
mse = tf.keras.losses.MeanSquaredError()
total = 0.0
for hist_batch, future_batch in ds:
    pred = model(hist_batch)
    total += float(mse(future_batch, pred))
naive = tf.repeat(hist_batch[:, -1:, target_col], FUTURE, axis=1)
gain = tf.reduce_mean(tf.abs(naive - future_batch)) - tf.reduce_mean(tf.abs(pred - future_batch))
# check: model.output_shape == (None, 12) and pred.shape == future_batch.shape and naive.shape == pred.shape
# check: hist_batch.shape[1:] == (24, 3) and model.input_shape == (None, 24, 3)
