"""Training any Keras model: optimizers by layer group, schedules on the device, callbacks, stages, replicas."""
