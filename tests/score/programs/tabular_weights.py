import numpy as np
from tensorflow.keras import Sequential
from tensorflow.keras.layers import Dense, Dropout, BatchNormalization, Input

n_features = 8
X = np.random.rand(100, n_features)
y = np.random.randint(0, 2, 100)
n_train = 80
X_train, X_test = X[:n_train], X[n_train:]
y_train, y_test = y[:n_train], y[n_train:]
# the rare class counts more
sample_weights = np.where(y_train == 1, 2.0, 1.0)

model = Sequential()
model.add(Input(shape=(n_features,)))
model.add(Dense(16, activation='relu'))
model.add(BatchNormalization())
model.add(Dropout(0.2))
model.add(Dense(8, activation='relu'))
model.add(Dense(1, activation='sigmoid'))
model.compile(optimizer='adam', loss='binary_crossentropy', metrics=['accuracy'])
h = model.fit(X_train, y_train, sample_weight=sample_weights, validation_data=(X_test, y_test), epochs=1, verbose=0)
customer = X_test[0]
chance = model.predict(customer.reshape(1, -1), verbose=0)[0, 0]
acc = np.mean((model.predict(X_test, verbose=0).ravel() > 0.5) == y_test)
# check: model.output_shape == (None, 1) and np.ndim(chance) == 0 and "val_loss" in h.history
