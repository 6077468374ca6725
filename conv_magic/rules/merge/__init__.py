"""Rules about several tensors made one."""
