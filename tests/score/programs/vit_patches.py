import keras
from keras import layers, ops
import numpy as np

image_size = 32
patch_size = 8
num_patches = (image_size // patch_size) ** 2
projection_dim = 16
num_heads = 4


class Patches(layers.Layer):
    def __init__(self, patch_size):
        super().__init__()
        self.patch_size = patch_size

    def call(self, images):
        batch_size = ops.shape(images)[0]
        patches = keras.ops.image.extract_patches(images, size=self.patch_size)
        patches = ops.reshape(patches, (batch_size, num_patches, self.patch_size * self.patch_size * 3))
        return patches


class PatchEncoder(layers.Layer):
    def __init__(self, num_patches, projection_dim):
        super().__init__()
        self.num_patches = num_patches
        self.projection = layers.Dense(units=projection_dim)
        self.position_embedding = layers.Embedding(input_dim=num_patches, output_dim=projection_dim)

    def call(self, patch):
        positions = ops.expand_dims(ops.arange(0, self.num_patches), axis=0)
        return self.projection(patch) + self.position_embedding(positions)


def mlp(x, hidden_units):
    for units in hidden_units:
        x = layers.Dense(units, activation="gelu")(x)
    return x


inputs = keras.Input(shape=(image_size, image_size, 3))
encoded_patches = PatchEncoder(num_patches, projection_dim)(Patches(patch_size)(inputs))
for _ in range(2):
    x1 = layers.LayerNormalization(epsilon=1e-6)(encoded_patches)
    attention = layers.MultiHeadAttention(num_heads=num_heads, key_dim=projection_dim)(x1, x1)
    x2 = layers.Add()([attention, encoded_patches])
    x3 = layers.LayerNormalization(epsilon=1e-6)(x2)
    x3 = mlp(x3, [projection_dim * 2, projection_dim])
    encoded_patches = layers.Add()([x3, x2])
representation = layers.Flatten()(encoded_patches)
logits = layers.Dense(10)(representation)
vit = keras.Model(inputs, logits)
y_pred = vit(np.random.rand(2, image_size, image_size, 3))
# check: encoded_patches.shape == (None, 16, 16) and y_pred.shape == (2, 10) and vit.output_shape == (None, 10)
