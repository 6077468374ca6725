import math
import keras
import numpy as np
from keras import layers


class BrightnessSequence(keras.utils.PyDataset):
    def __init__(self, x_set, y_set, batch_size, **kwargs):
        super().__init__(**kwargs)
        self.x, self.y = x_set, y_set
        self.batch_size = batch_size

    def __len__(self):
        return math.ceil(len(self.x) / self.batch_size)

    def __getitem__(self, idx):
        low = idx * self.batch_size
        high = min(low + self.batch_size, len(self.x))
        batch_x = self.x[low:high]
        batch_y = self.y[low:high]
        return np.array([img / 255.0 for img in batch_x]), np.array(batch_y)


pictures = [np.random.randint(0, 255, (20, 20, 3)) for _ in range(12)]
marks = [[float(i % 2)] for i in range(12)]
seq = BrightnessSequence(pictures, marks, 4)

model = keras.Sequential()
model.add(keras.Input((20, 20, 3)))
model.add(layers.Conv2D(4, 3, activation="relu"))
model.add(layers.Flatten())
model.add(layers.Dense(1, activation="sigmoid"))
model.compile(loss="binary_crossentropy", optimizer="sgd")
model.fit(seq, epochs=1, verbose=0)
bx, by = seq[0]
# check: bx.shape == (4, 20, 20, 3) and by.shape == (4, 1) and model.input_shape == (None, 20, 20, 3)
# check: model.output_shape == (None, 1)
