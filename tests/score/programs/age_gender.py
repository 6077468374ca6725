import numpy as np
import keras
from keras import layers

inp = keras.Input((40, 40, 3), name="face")
trunk = layers.Conv2D(8, 3, activation="relu")(inp)
trunk = layers.MaxPooling2D()(trunk)
trunk = layers.Conv2D(16, 3, activation="relu")(trunk)
trunk = layers.GlobalAveragePooling2D()(trunk)

age = layers.Dense(16, activation="relu")(trunk)
age = layers.Dense(1, name="age")(age)
gender = layers.Dense(16, activation="relu")(trunk)
gender = layers.Dense(2, activation="softmax", name="gender")(gender)
race = layers.Dense(5, activation="softmax", name="race")(trunk)

model = keras.Model(inp, {"age": age, "gender": gender, "race": race})
model.compile(
    optimizer="adam",
    loss={"age": "mse", "gender": "sparse_categorical_crossentropy", "race": "categorical_crossentropy"},
    metrics={"gender": ["accuracy"]},
)

faces = np.random.rand(12, 40, 40, 3).astype("float32")
ages = np.random.uniform(1, 90, (12, 1))
genders = np.random.randint(0, 2, 12)
races = keras.utils.to_categorical(np.random.randint(0, 5, 12), 5)
model.fit(faces, {"age": ages, "gender": genders, "race": races}, batch_size=6, verbose=0)
one_face = faces[3]
guess = model.predict(np.expand_dims(one_face, 0), verbose=0)
# check: guess["age"].shape == (1, 1) and guess["gender"].shape == (1, 2) and guess["race"].shape == (1, 5)
