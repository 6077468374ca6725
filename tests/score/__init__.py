"""The benchmark: how often a fault is located and repaired, in injected faults and in given ones."""
