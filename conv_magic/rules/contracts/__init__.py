"""Rules about the shapes that comments state."""
