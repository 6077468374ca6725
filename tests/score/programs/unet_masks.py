import numpy as np
import tensorflow as tf
from tensorflow.keras.layers import Input, Conv2D, MaxPooling2D, UpSampling2D, concatenate, Conv2DTranspose
from tensorflow.keras.models import Model

IMG_H, IMG_W = 48, 64

def double_conv(x, n):
    x = Conv2D(n, 3, activation='relu', padding='same')(x)
    x = Conv2D(n, 3, activation='relu', padding='same')(x)
    return x

def get_unet():
    inputs = Input((IMG_H, IMG_W, 1))
    c1 = double_conv(inputs, 8)
    p1 = MaxPooling2D(2)(c1)
    c2 = double_conv(p1, 16)
    p2 = MaxPooling2D(2)(c2)
    c3 = double_conv(p2, 32)
    p3 = MaxPooling2D(2)(c3)

    bottom = double_conv(p3, 64)

    u3 = Conv2DTranspose(32, 2, strides=2, padding='same')(bottom)
    u3 = concatenate([u3, c3], axis=-1)
    c4 = double_conv(u3, 32)
    u2 = Conv2DTranspose(16, 2, strides=2, padding='same')(c4)
    u2 = concatenate([u2, c2], axis=-1)
    c5 = double_conv(u2, 16)
    u1 = UpSampling2D(2)(c5)
    u1 = concatenate([u1, c1], axis=-1)
    c6 = double_conv(u1, 8)
    outputs = Conv2D(1, 1, activation='sigmoid')(c6)
    return Model(inputs, outputs)

unet = get_unet()
unet.compile(optimizer='adam', loss='binary_crossentropy')
scans = np.random.rand(4, IMG_H, IMG_W, 1).astype('float32')
masks = (np.random.rand(4, IMG_H, IMG_W, 1) > 0.5).astype('float32')
unet.train_on_batch(scans, masks)
mask0 = unet.predict(scans[0:1], verbose=0)[0]
# check: unet.output_shape == (None, 48, 64, 1) and unet.input_shape == (None, 48, 64, 1)
# check: mask0.shape == (48, 64, 1)
