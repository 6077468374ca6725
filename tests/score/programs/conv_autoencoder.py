import numpy as np
from keras.layers import Input, Conv2D, MaxPooling2D, UpSampling2D
from keras.models import Model

input_img = Input(shape=(28, 28, 1))

x = Conv2D(16, (3, 3), activation='relu', padding='same')(input_img)
x = MaxPooling2D((2, 2), padding='same')(x)
x = Conv2D(8, (3, 3), activation='relu', padding='same')(x)
encoded = MaxPooling2D((2, 2), padding='same')(x)
# at this point the representation is (7, 7, 8)

x = Conv2D(8, (3, 3), activation='relu', padding='same')(encoded)
x = UpSampling2D((2, 2))(x)
x = Conv2D(16, (3, 3), activation='relu', padding='same')(x)
x = UpSampling2D((2, 2))(x)
decoded = Conv2D(1, (3, 3), activation='sigmoid', padding='same')(x)

autoencoder = Model(input_img, decoded)
autoencoder.compile(optimizer='adam', loss='binary_crossentropy')

x_train = np.random.randint(0, 256, (32, 28, 28)).astype('float32') / 255.0
x_train = np.reshape(x_train, (len(x_train), 28, 28, 1))
x_train_noisy = x_train + 0.5 * np.random.normal(size=x_train.shape)

history = autoencoder.fit(x_train_noisy, x_train, epochs=1, batch_size=16, verbose=0)
decoded_imgs = autoencoder.predict(x_train_noisy[:5], verbose=0)
# check: encoded.shape == (None, 7, 7, 8) and decoded.shape == (None, 28, 28, 1)
# check: decoded_imgs.shape == (5, 28, 28, 1)
