import numpy as np
from tensorflow import keras
from tensorflow.keras import layers

# fake MNIST, same shapes
x_train = np.random.rand(64, 28, 28).astype("float32")
y_train = np.random.randint(0, 10, size=(64,))

x_train = np.expand_dims(x_train, -1)

model = keras.Sequential(
    [
        keras.Input(shape=(28, 28, 1)),
        layers.Conv2D(6, kernel_size=5, padding="same", activation="tanh"),
        layers.AveragePooling2D(pool_size=2),
        layers.Conv2D(16, kernel_size=5, activation="tanh"),
        layers.AveragePooling2D(pool_size=2),
        layers.Flatten(),
        layers.Dense(120, activation="tanh"),
        layers.Dense(84, activation="tanh"),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, batch_size=32, epochs=1, verbose=0)

img = x_train[0]
probs = model.predict(img[None], verbose=0)
print(probs.argmax())
# check: model.input_shape == (None, 28, 28, 1) and model.output_shape == (None, 10) and probs.shape == (1, 10)
