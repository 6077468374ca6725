import numpy as np
import pandas as pd
from tensorflow.keras.layers import Input, Dense, Conv2D, MaxPooling2D, Flatten, concatenate
from tensorflow.keras.models import Model

# house prices: a photo and a few numbers
df = pd.DataFrame(
    {
        "bedrooms": np.random.randint(1, 5, 16),
        "bathrooms": np.random.randint(1, 3, 16),
        "area": np.random.randint(50, 300, 16),
        "zipcode": np.random.randint(0, 9, 16),
    }
)
price = np.random.rand(16)
images = np.random.rand(16, 32, 32, 3)
attrs = df.values.astype("float32")


def create_mlp(dim):
    i = Input(shape=(dim,))
    x = Dense(8, activation="relu")(i)
    x = Dense(4, activation="relu")(x)
    return Model(i, x)


def create_cnn(height, width, depth, filters=(4, 8)):
    i = Input(shape=(height, width, depth))
    x = i
    for f in filters:
        x = Conv2D(f, (3, 3), padding="same", activation="relu")(x)
        x = MaxPooling2D(pool_size=(2, 2))(x)
    x = Flatten()(x)
    x = Dense(4, activation="relu")(x)
    return Model(i, x)


mlp = create_mlp(attrs.shape[1])
cnn = create_cnn(32, 32, 3)
combined = concatenate([mlp.output, cnn.output])
x = Dense(4, activation="relu")(combined)
x = Dense(1, activation="linear")(x)
model = Model(inputs=[mlp.input, cnn.input], outputs=x)
model.compile(loss="mse", optimizer="adam")
model.fit([attrs, images], price, epochs=1, batch_size=8, verbose=0)
preds = model.predict([attrs[:2], images[:2]], verbose=0)
# check: combined.shape == (None, 8) and model.output_shape == (None, 1) and preds.shape == (2, 1)
