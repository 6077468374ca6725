import numpy as np
from tensorflow import keras
from tensorflow.keras.layers import Input, LSTM, Dense

num_encoder_tokens = 12
num_decoder_tokens = 15
latent_dim = 10
N = 8

encoder_input_data = np.zeros((N, 9, num_encoder_tokens), dtype="float32")
decoder_input_data = np.zeros((N, 11, num_decoder_tokens), dtype="float32")
decoder_target_data = np.zeros((N, 11, num_decoder_tokens), dtype="float32")

# encoder
encoder_inputs = Input(shape=(None, num_encoder_tokens))
encoder = LSTM(latent_dim, return_state=True)
encoder_outputs, state_h, state_c = encoder(encoder_inputs)
encoder_states = [state_h, state_c]

# decoder, starts from the encoder's states
decoder_inputs = Input(shape=(None, num_decoder_tokens))
decoder_lstm = LSTM(latent_dim, return_sequences=True, return_state=True)
decoder_outputs, _, _ = decoder_lstm(decoder_inputs, initial_state=encoder_states)
decoder_dense = Dense(num_decoder_tokens, activation="softmax")
decoder_outputs = decoder_dense(decoder_outputs)

model = keras.Model([encoder_inputs, decoder_inputs], decoder_outputs)
model.compile(optimizer="rmsprop", loss="categorical_crossentropy")
model.train_on_batch([encoder_input_data, decoder_input_data], decoder_target_data)
# check: model.output_shape == (None, None, 15) and state_h.shape == (None, 10)
