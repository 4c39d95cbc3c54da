"""From samples to batches: views, reading, memory, transforms, augmentation on the host or the device."""
