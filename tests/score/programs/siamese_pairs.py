import numpy as np
import keras
from keras import layers, ops
from keras.models import Model


def euclidean_distance(vects):
    x, y = vects
    sum_square = ops.sum(ops.square(x - y), axis=1, keepdims=True)
    return ops.sqrt(ops.maximum(sum_square, keras.backend.epsilon()))


inp = layers.Input((28, 28, 1))
x = layers.Conv2D(4, (5, 5), activation="tanh")(inp)
x = layers.AveragePooling2D(pool_size=(2, 2))(x)
x = layers.Conv2D(16, (5, 5), activation="tanh")(x)
x = layers.AveragePooling2D(pool_size=(2, 2))(x)
x = layers.Flatten()(x)
x = layers.Dense(10, activation="tanh")(x)
embedding_network = Model(inp, x)

input_1 = layers.Input((28, 28, 1))
input_2 = layers.Input((28, 28, 1))
tower_1 = embedding_network(input_1)
tower_2 = embedding_network(input_2)
merge_layer = layers.Lambda(euclidean_distance, output_shape=(1,))([tower_1, tower_2])
output_layer = layers.Dense(1, activation="sigmoid")(merge_layer)
siamese = Model(inputs=[input_1, input_2], outputs=output_layer)
siamese.compile(loss="binary_crossentropy", optimizer="RMSprop")

left = np.random.rand(10, 28, 28, 1)
right = np.random.rand(10, 28, 28, 1)
same = np.random.randint(0, 2, (10,)).astype("float32")
siamese.fit([left, right], same, batch_size=5, verbose=0)
# check: embedding_network.output_shape == (None, 10) and siamese.output_shape == (None, 1)
# check: merge_layer.shape == (None, 1)
