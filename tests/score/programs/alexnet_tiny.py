from tensorflow.keras.models import Sequential
from tensorflow.keras.layers import Conv2D, MaxPooling2D, Flatten, Dense, Dropout, BatchNormalization, Input
import numpy as np

NUM_CLASSES = 5


def build_alexnet(input_shape, num_classes):
    model = Sequential(name="alexnet_mini")
    model.add(Input(shape=input_shape))
    # 1st block
    model.add(Conv2D(12, (11, 11), strides=(4, 4), activation="relu"))
    model.add(BatchNormalization())
    model.add(MaxPooling2D((3, 3), strides=(2, 2)))
    # 2nd block
    model.add(Conv2D(24, (5, 5), padding="same", activation="relu"))
    model.add(MaxPooling2D((3, 3), strides=(2, 2)))
    # 3rd block
    model.add(Conv2D(32, (3, 3), padding="same", activation="relu"))
    model.add(Conv2D(24, (3, 3), padding="same", activation="relu"))
    model.add(MaxPooling2D((2, 2)))
    model.add(Flatten())
    model.add(Dense(64, activation="relu"))
    model.add(Dropout(0.5))
    model.add(Dense(num_classes, activation="softmax"))
    return model


X = np.random.rand(20, 99, 99, 3)
labels = np.eye(NUM_CLASSES)[np.random.randint(NUM_CLASSES, size=20)]
X_val = np.random.rand(5, 99, 99, 3)
labels_val = np.eye(NUM_CLASSES)[np.random.randint(NUM_CLASSES, size=5)]

model = build_alexnet((99, 99, 3), NUM_CLASSES)
model.compile(loss="categorical_crossentropy", optimizer="adam")
hist = model.fit(X, labels, validation_data=(X_val, labels_val), epochs=1, batch_size=10, verbose=0)
# check: model.input_shape == (None, 99, 99, 3) and model.output_shape == (None, 5) and "val_loss" in hist.history
