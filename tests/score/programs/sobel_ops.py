import numpy as np
from keras import ops

gray = np.random.rand(2, 20, 30).astype("float32")
imgs = ops.expand_dims(gray, axis=-1)

sobel_x = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], dtype="float32")
sobel_y = sobel_x.T
kernel = np.stack([sobel_x, sobel_y], axis=-1)  # 3, 3, 2
kernel = kernel[:, :, np.newaxis, :]  # 3, 3, 1, 2

edges = ops.conv(imgs, kernel, strides=1, padding="same")
gx, gy = ops.split(edges, 2, axis=-1)
magnitude = ops.sqrt(gx**2 + gy**2)
mx = ops.max(magnitude, axis=(1, 2, 3), keepdims=True)
magnitude = magnitude / (mx + 1e-6)
small = ops.max_pool(magnitude, pool_size=2, strides=2, padding="valid")
hist = ops.mean(ops.reshape(small, (2, -1)), axis=1)
# check: edges.shape == (2, 20, 30, 2) and magnitude.shape == (2, 20, 30, 1) and small.shape == (2, 10, 15, 1)
# check: hist.shape == (2,) and mx.shape == (2, 1, 1, 1)
