import random
from collections import deque
import numpy as np
import tensorflow as tf
from tensorflow.keras.models import Sequential
from tensorflow.keras.layers import Dense, Input

class DQNAgent:
    def __init__(self, state_size, action_size):
        self.state_size = state_size
        self.action_size = action_size
        self.memory = deque(maxlen=200)
        self.gamma = 0.95
        self.model = self._build_model()

    def _build_model(self):
        model = Sequential()
        model.add(Input(shape=(self.state_size,)))
        model.add(Dense(24, activation='relu'))
        model.add(Dense(24, activation='relu'))
        model.add(Dense(self.action_size, activation='linear'))
        model.compile(loss='mse', optimizer='adam')
        return model

    def act(self, state):
        act_values = self.model.predict(state, verbose=0)
        return np.argmax(act_values[0])

    def replay(self, batch_size):
        minibatch = random.sample(self.memory, batch_size)
        states = np.array([m[0][0] for m in minibatch])
        next_states = np.array([m[3][0] for m in minibatch])
        targets = self.model.predict(states, verbose=0)
        next_q = self.model.predict(next_states, verbose=0)
        for i, (state, action, reward, next_state, done) in enumerate(minibatch):
            targets[i][action] = reward if done else reward + self.gamma * np.max(next_q[i])
        self.model.train_on_batch(states, targets)
        return targets

agent = DQNAgent(4, 2)
state = np.random.rand(4)
state = np.reshape(state, [1, 4])
for step in range(6):
    action = agent.act(state) if step == 0 else random.randrange(2)
    next_state = np.reshape(np.random.rand(4), [1, 4])
    agent.memory.append((state, action, 1.0, next_state, step == 5))
    state = next_state
updated = agent.replay(4)
# check: agent.model.input_shape == (None, 4) and agent.model.output_shape == (None, 2)
# check: updated.shape == (4, 2) and state.shape == (1, 4)
