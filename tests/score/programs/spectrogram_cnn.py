import tensorflow as tf
from tensorflow.keras import layers, models


def get_spectrogram(waveform):
    spectrogram = tf.signal.stft(waveform, frame_length=64, frame_step=32)
    spectrogram = tf.abs(spectrogram)
    return spectrogram[..., tf.newaxis]


commands = ['yes', 'no', 'up', 'down']
waveforms = tf.random.uniform((10, 1000), -1, 1)
label_ids = tf.random.uniform((10,), maxval=4, dtype=tf.int32)
specs = get_spectrogram(waveforms)
input_shape = specs.shape[1:]

norm_layer = layers.Normalization()
norm_layer.adapt(specs)
model = models.Sequential(
    [
        layers.Input(shape=input_shape),
        layers.Resizing(16, 16),
        norm_layer,
        layers.Conv2D(8, 3, activation='relu'),
        layers.Conv2D(16, 3, activation='relu'),
        layers.MaxPooling2D(),
        layers.Dropout(0.25),
        layers.Flatten(),
        layers.Dense(32, activation='relu'),
        layers.Dense(len(commands)),
    ]
)
loss_fn = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
loss = loss_fn(label_ids, model(specs))
# one new recording
new_wave = tf.random.uniform((1000,), -1, 1)
new_spec = get_spectrogram(new_wave)
answer = model(new_spec[tf.newaxis, ...])
best = tf.argmax(answer[0])
# check: specs.shape == (10, 30, 33, 1) and model.output_shape == (None, 4) and answer.shape == (1, 4)
# check: loss.shape == ()
