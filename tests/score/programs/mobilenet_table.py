import tensorflow as tf
from tensorflow import keras

# (filters, stride) per depthwise separable block
ROWS = [(16, 1), (32, 2), (32, 1), (64, 2)]


class SeparableBlock(keras.layers.Layer):
    def __init__(self, filters, stride, **kwargs):
        super().__init__(**kwargs)
        self.depthwise = keras.layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False)
        self.bn1 = keras.layers.BatchNormalization()
        self.pointwise = keras.layers.Conv2D(filters, 1, use_bias=False)
        self.bn2 = keras.layers.BatchNormalization()

    def call(self, x, training=False):
        x = tf.nn.relu6(self.bn1(self.depthwise(x), training=training))
        return tf.nn.relu6(self.bn2(self.pointwise(x), training=training))


class MobileNet(keras.Model):
    def __init__(self, n_classes):
        super().__init__()
        self.stem = keras.layers.Conv2D(8, 3, strides=2, padding="same")
        self.blocks = [SeparableBlock(f, s) for f, s in ROWS]
        self.pool = keras.layers.GlobalAveragePooling2D()
        self.head = keras.layers.Dense(n_classes)

    def call(self, images, training=False):
        x = self.stem(images)
        for block in self.blocks:
            x = block(x, training=training)
        x = self.pool(x)
        return self.head(x)


photos = tf.random.uniform([6, 64, 64, 3])
model = MobileNet(n_classes=7)
logits = model(photos)
first_map = model.stem(photos)
# check: logits.shape == (6, 7) and first_map.shape == (6, 32, 32, 8)
