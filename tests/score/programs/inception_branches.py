import numpy as np
import keras
from keras.layers import Conv2D, MaxPooling2D, concatenate, GlobalAveragePooling2D, Dense, Input
from keras.models import Model


def inception_module(x, f1, f3_in, f3, f5_in, f5, pool_proj):
    path1 = Conv2D(f1, (1, 1), padding='same', activation='relu')(x)

    path2 = Conv2D(f3_in, (1, 1), padding='same', activation='relu')(x)
    path2 = Conv2D(f3, (3, 3), padding='same', activation='relu')(path2)

    path3 = Conv2D(f5_in, (1, 1), padding='same', activation='relu')(x)
    path3 = Conv2D(f5, (5, 5), padding='same', activation='relu')(path3)

    path4 = MaxPooling2D((3, 3), strides=(1, 1), padding='same')(x)
    path4 = Conv2D(pool_proj, (1, 1), padding='same', activation='relu')(path4)
    return concatenate([path1, path2, path3, path4], axis=3)


img_input = Input(shape=(48, 48, 3))
x = Conv2D(16, (7, 7), strides=(2, 2), padding='same', activation='relu')(img_input)
x = MaxPooling2D((3, 3), strides=(2, 2), padding='same')(x)
x = inception_module(x, 8, 6, 12, 2, 4, 4)
x = inception_module(x, 12, 8, 16, 3, 8, 8)
inception_out = x
x = GlobalAveragePooling2D()(x)
x = Dense(3, activation='softmax')(x)
model = Model(img_input, x, name='googlenet_mini')

pictures = np.random.rand(4, 48, 48, 3)
answer = model.predict(pictures, verbose=0)
# check: inception_out.shape == (None, 12, 12, 44) and answer.shape == (4, 3)
