import numpy as np
from keras.models import Sequential
from keras.layers import Conv1D, MaxPooling1D, Flatten, Dense, Dropout, Input
from keras.utils import to_categorical


# human activity: 9 inertial signals, 128 steps
def load_group(n):
    loaded = []
    for name in range(9):
        loaded.append(np.random.rand(n, 128))
    return np.dstack(loaded)


trainX = load_group(20)
trainy = to_categorical(np.random.randint(0, 6, 20), 6)
testX = load_group(8)
testy = to_categorical(np.random.randint(0, 6, 8), 6)

n_timesteps, n_features, n_outputs = trainX.shape[1], trainX.shape[2], trainy.shape[1]
model = Sequential()
model.add(Input(shape=(n_timesteps, n_features)))
model.add(Conv1D(filters=16, kernel_size=3, activation='relu'))
model.add(Conv1D(filters=16, kernel_size=3, activation='relu'))
model.add(Dropout(0.5))
model.add(MaxPooling1D(pool_size=2))
model.add(Flatten())
model.add(Dense(20, activation='relu'))
model.add(Dense(n_outputs, activation='softmax'))
model.compile(loss='categorical_crossentropy', optimizer='adam', metrics=['accuracy'])
model.fit(trainX, trainy, epochs=1, batch_size=10, verbose=0)
loss, accuracy = model.evaluate(testX, testy, verbose=0)
# check: model.output_shape == (None, 6) and model.input_shape == (None, 128, 9)
# check: model.layers[-3].output.shape == (None, 992)
