"""From noise to latents: random streams, schedules, guidance, step rules. They know tensors, not models or requests."""
