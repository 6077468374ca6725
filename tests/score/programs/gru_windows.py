import numpy as np
import tensorflow as tf

# daily temperatures -> windows of two weeks
series = np.sin(np.arange(200) / 10.0).astype("float32")
WINDOW = 14


def make_windows(values, window):
    X, y = [], []
    for i in range(len(values) - window):
        X.append(values[i : i + window])
        y.append(values[i + window])
    return np.array(X), np.array(y)


X, y = make_windows(series, WINDOW)
X = X.reshape(X.shape[0], X.shape[1], 1)
split = 150
X_train, X_test = X[:split], X[split:]
y_train, y_test = y[:split], y[split:]

model = tf.keras.Sequential(
    [
        tf.keras.layers.Input((WINDOW, 1)),
        tf.keras.layers.GRU(8, return_sequences=True),
        tf.keras.layers.GRU(8),
        tf.keras.layers.Dense(1),
    ]
)
model.compile(loss="mse", optimizer="adam")
model.fit(X_train, y_train, epochs=1, batch_size=50, verbose=0)
forecast = model.predict(X_test, verbose=0)
err = np.abs(forecast[:, 0] - y_test).mean()
next_day = model.predict(X_test[-1][np.newaxis], verbose=0)
# check: model.input_shape == (None, 14, 1) and model.output_shape == (None, 1) and forecast.shape == (36, 1)
# check: next_day.shape == (1, 1) and err.shape == ()
