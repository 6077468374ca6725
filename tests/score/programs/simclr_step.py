import tensorflow as tf
from tensorflow import keras


class ContrastiveModel(keras.Model):
    def __init__(self, width=16, temperature=0.1):
        super().__init__()
        self.temperature = temperature
        self.encoder = keras.Sequential(
            [
                keras.Input((24, 24, 3)),
                keras.layers.Conv2D(width, 3, strides=2, activation="relu"),
                keras.layers.Conv2D(width, 3, strides=2, activation="relu"),
                keras.layers.Flatten(),
                keras.layers.Dense(width),
            ]
        )
        self.projection_head = keras.Sequential([keras.Input((width,)), keras.layers.Dense(8)])

    def contrastive_loss(self, projections_1, projections_2):
        projections_1 = tf.math.l2_normalize(projections_1, axis=1)
        projections_2 = tf.math.l2_normalize(projections_2, axis=1)
        similarities = tf.matmul(projections_1, projections_2, transpose_b=True) / self.temperature
        batch_size = tf.shape(projections_1)[0]
        contrastive_labels = tf.range(batch_size)
        loss_1 = keras.losses.sparse_categorical_crossentropy(contrastive_labels, similarities, from_logits=True)
        loss_2 = keras.losses.sparse_categorical_crossentropy(
            contrastive_labels, tf.transpose(similarities), from_logits=True
        )
        return (loss_1 + loss_2) / 2

    def train_step(self, images):
        view_1 = tf.image.random_flip_left_right(images)
        view_2 = tf.image.random_brightness(images, 0.2)
        with tf.GradientTape() as tape:
            p1 = self.projection_head(self.encoder(view_1, training=True))
            p2 = self.projection_head(self.encoder(view_2, training=True))
            loss = tf.reduce_mean(self.contrastive_loss(p1, p2))
        variables = self.encoder.trainable_weights + self.projection_head.trainable_weights
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
        return {"c_loss": loss}


unlabeled = tf.data.Dataset.from_tensor_slices(tf.random.uniform((16, 24, 24, 3))).batch(8)
pretrain = ContrastiveModel()
pretrain.compile(optimizer=keras.optimizers.Adam())
history = pretrain.fit(unlabeled, epochs=1, verbose=0)
z = pretrain.encoder(next(iter(unlabeled)))
per_image = pretrain.contrastive_loss(z, z)
# check: z.shape == (8, 16) and per_image.shape == (8,) and "c_loss" in history.history
# check: tuple(unlabeled.element_spec.shape) == (None, 24, 24, 3)
