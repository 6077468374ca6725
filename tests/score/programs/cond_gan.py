import numpy as np
from tensorflow.keras.layers import (
    Input,
    Dense,
    Reshape,
    Embedding,
    Concatenate,
    Conv2D,
    Conv2DTranspose,
    Flatten,
    LeakyReLU,
)
from tensorflow.keras.models import Model

n_classes = 10
latent_dim = 50

def define_discriminator(in_shape=(28, 28, 1)):
    in_label = Input(shape=(1,))
    li = Embedding(n_classes, 50)(in_label)
    li = Dense(in_shape[0] * in_shape[1])(li)
    li = Reshape((in_shape[0], in_shape[1], 1))(li)
    in_image = Input(shape=in_shape)
    merge = Concatenate()([in_image, li])
    fe = Conv2D(16, (3, 3), strides=(2, 2), padding='same')(merge)
    fe = LeakyReLU()(fe)
    fe = Conv2D(16, (3, 3), strides=(2, 2), padding='same')(fe)
    fe = Flatten()(fe)
    out_layer = Dense(1, activation='sigmoid')(fe)
    return Model([in_image, in_label], out_layer)

def define_generator(latent_dim):
    in_label = Input(shape=(1,))
    li = Embedding(n_classes, 50)(in_label)
    li = Dense(7*7)(li)
    li = Reshape((7, 7, 1))(li)
    in_lat = Input(shape=(latent_dim,))
    gen = Dense(16 * 7*7)(in_lat)
    gen = Reshape((7, 7, 16))(gen)
    merge = Concatenate()([gen, li])
    gen = Conv2DTranspose(16, (4, 4), strides=(2, 2), padding='same')(merge)
    gen = Conv2DTranspose(16, (4, 4), strides=(2, 2), padding='same')(gen)
    out_layer = Conv2D(1, (7, 7), activation='tanh', padding='same')(gen)
    return Model([in_lat, in_label], out_layer)

d_model = define_discriminator()
g_model = define_generator(latent_dim)
d_model.compile(loss='binary_crossentropy', optimizer='adam')

z_input = np.random.randn(6, latent_dim)
labels = np.random.randint(0, n_classes, (6, 1))
fakes = g_model.predict([z_input, labels], verbose=0)
d_loss = d_model.train_on_batch([fakes, labels], np.zeros((6, 1)))
# check: fakes.shape == (6, 28, 28, 1) and d_model.output_shape == (None, 1)
