import keras
from keras import layers
import numpy as np


def conv_norm(x, filters):
    x = layers.Conv3D(filters, 3, padding="same")(x)
    x = layers.GroupNormalization(groups=4)(x)
    return layers.Activation("relu")(x)


volume = keras.Input((16, 24, 16, 2))  # two modalities
e1 = conv_norm(volume, 8)
d1 = layers.MaxPooling3D()(e1)
e2 = conv_norm(d1, 16)
d2 = layers.MaxPooling3D()(e2)
mid = conv_norm(d2, 16)
up2 = layers.Conv3DTranspose(16, 2, strides=2)(mid)
up2 = conv_norm(layers.Concatenate()([up2, e2]), 16)
up1 = layers.UpSampling3D(2)(up2)
up1 = conv_norm(layers.Concatenate()([up1, e1]), 8)
labels = layers.Conv3D(3, 1, activation="softmax")(up1)
brain = keras.Model(volume, labels)

scan = np.random.rand(1, 16, 24, 16, 2).astype("float32")
segmentation = brain(scan)
tumour = np.argmax(segmentation, axis=-1)
# check: brain.output_shape == (None, 16, 24, 16, 3) and segmentation.shape == (1, 16, 24, 16, 3)
# check: tumour.shape == (1, 16, 24, 16)
