import numpy as np
import keras
from keras import layers

n_samples, n_frames, width, height = 4, 6, 16, 16
movies = np.random.rand(n_samples, n_frames, width, height, 1)
shifted = np.random.rand(n_samples, n_frames, width, height, 1)

inp = layers.Input(shape=(None, width, height, 1))
x = layers.ConvLSTM2D(filters=6, kernel_size=(3, 3), padding="same", return_sequences=True)(inp)
x = layers.BatchNormalization()(x)
x = layers.ConvLSTM2D(filters=6, kernel_size=(1, 1), padding="same", return_sequences=True)(x)
x = layers.Conv3D(filters=1, kernel_size=(3, 3, 3), activation="sigmoid", padding="same")(x)
model = keras.models.Model(inp, x)
model.compile(loss="binary_crossentropy", optimizer="adam")

# keep some frames of the first movie and predict the next
frames = movies[0][:4]
new_prediction = model.predict(np.expand_dims(frames, axis=0), verbose=0)
new_prediction = np.squeeze(new_prediction, axis=0)
predicted_frame = np.expand_dims(new_prediction[-1, ...], axis=0)
frames = np.concatenate((frames, predicted_frame), axis=0)
test_loss = keras.losses.binary_crossentropy(shifted, model(movies))
# check: model.output_shape[2:] == (16, 16, 1) and frames.shape == (5, 16, 16, 1)
# check: test_loss.shape == (4, 6, 16, 16)
