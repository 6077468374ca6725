import numpy as np
import keras
from keras import layers

# ads: two categories and three numbers
N = 30
data = {
    "city": np.random.randint(0, 12, (N,)),
    "device": np.random.randint(0, 4, (N,)),
    "nums": np.random.randn(N, 3),
}
clicked = np.random.randint(0, 2, (N, 1))

inputs, encoded = {}, []
for name, size in [("city", 12), ("device", 4)]:
    inp = keras.Input((1,), name=name, dtype="int32")
    e = layers.Embedding(size, 4)(inp)
    e = layers.Flatten()(e)
    inputs[name] = inp
    encoded.append(e)
nums = keras.Input((3,), name="nums")
inputs["nums"] = nums
encoded.append(layers.Dense(4, activation="relu")(nums))

x = layers.Concatenate()(encoded)
wide = x
deep = layers.Dense(16, activation="relu")(x)
deep = layers.Dense(12)(deep)
x = layers.Add()([wide, deep])
out = layers.Dense(1, activation="sigmoid")(x)
ctr = keras.Model(inputs, out)
ctr.compile("adam", "binary_crossentropy")
data["city"] = data["city"].reshape(-1, 1)
data["device"] = data["device"][:, None]
ctr.train_on_batch(data, clicked)
# check: wide.shape == (None, 12) and ctr.output_shape == (None, 1) and data["city"].shape == (30, 1)
# check: data["nums"].shape == (30, 3)
