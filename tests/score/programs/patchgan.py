import tensorflow as tf
from tensorflow.keras import layers, Model, Input

OUTPUT_CHANNELS = 3


def downsample(filters, size):
    return tf.keras.Sequential(
        [
            layers.Conv2D(filters, size, strides=2, padding='same', use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
        ]
    )


def upsample(filters, size):
    return tf.keras.Sequential(
        [
            layers.Conv2DTranspose(filters, size, strides=2, padding='same', use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
        ]
    )


def Generator():
    inputs = Input(shape=[32, 32, 3])
    down_stack = [downsample(8, 4), downsample(16, 4), downsample(32, 4)]
    up_stack = [upsample(16, 4), upsample(8, 4)]
    last = layers.Conv2DTranspose(OUTPUT_CHANNELS, 4, strides=2, padding='same', activation='tanh')
    x = inputs
    skips = []
    for down in down_stack:
        x = down(x)
        skips.append(x)
    skips = reversed(skips[:-1])
    for up, skip in zip(up_stack, skips):
        x = up(x)
        x = layers.Concatenate()([x, skip])
    x = last(x)
    return Model(inputs=inputs, outputs=x)


def Discriminator():
    inp = Input(shape=[32, 32, 3], name='input_image')
    tar = Input(shape=[32, 32, 3], name='target_image')
    x = layers.concatenate([inp, tar])
    x = downsample(8, 4)(x)
    x = downsample(16, 4)(x)
    x = layers.ZeroPadding2D()(x)
    x = layers.Conv2D(32, 4, strides=1, use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.ZeroPadding2D()(x)
    last = layers.Conv2D(1, 4, strides=1)(x)
    return Model(inputs=[inp, tar], outputs=last)


generator = Generator()
discriminator = Discriminator()
loss_object = tf.keras.losses.BinaryCrossentropy(from_logits=True)
input_image = tf.random.uniform((1, 32, 32, 3))
target = tf.random.uniform((1, 32, 32, 3))
gen_output = generator(input_image, training=True)
disc_real = discriminator([input_image, target])
disc_fake = discriminator([input_image, gen_output])
gan_loss = loss_object(tf.ones_like(disc_fake), disc_fake)
l1_loss = tf.reduce_mean(tf.abs(target - gen_output))
total = gan_loss + 100 * l1_loss
# check: gen_output.shape == (1, 32, 32, 3) and disc_real.shape == (1, 6, 6, 1)
# check: disc_fake.shape == (1, 6, 6, 1) and total.shape == ()
