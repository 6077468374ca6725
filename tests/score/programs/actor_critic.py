import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import layers

num_inputs = 4
num_actions = 3
num_hidden = 32

inputs = layers.Input(shape=(num_inputs,))
common = layers.Dense(num_hidden, activation="relu")(inputs)
action = layers.Dense(num_actions, activation="softmax")(common)
critic = layers.Dense(1)(common)
model = keras.Model(inputs=inputs, outputs=[action, critic])

optimizer = keras.optimizers.Adam(learning_rate=0.01)
huber_loss = keras.losses.Huber()
action_probs_history, critic_value_history, rewards_history = [], [], []

state = np.random.rand(4)
with tf.GradientTape() as tape:
    for timestep in range(5):
        obs = tf.convert_to_tensor(state, dtype=tf.float32)
        obs = tf.expand_dims(obs, 0)
        action_probs, critic_value = model(obs)
        critic_value_history.append(critic_value[0, 0])
        a = np.random.choice(num_actions, p=np.squeeze(action_probs) / np.sum(action_probs))
        action_probs_history.append(tf.math.log(action_probs[0, a]))
        state = np.random.rand(4)
        rewards_history.append(1.0)
    returns = np.cumsum(rewards_history[::-1])[::-1].astype("float32")
    log_probs = tf.stack(action_probs_history)
    values = tf.stack(critic_value_history)
    actor_loss = -tf.reduce_sum(log_probs * (returns - values))
    critic_loss = huber_loss(tf.expand_dims(values, 1), tf.expand_dims(returns, 1))
    loss_value = actor_loss + critic_loss
grads = tape.gradient(loss_value, model.trainable_variables)
optimizer.apply_gradients(zip(grads, model.trainable_variables))
# check: action_probs.shape == (1, 3) and critic_value.shape == (1, 1) and obs.shape == (1, 4)
# check: values.shape == (5,) and loss_value.shape == () and log_probs.shape == (5,)
