"""What ``acetui doctor`` looks at: the machine, its models, what lies around a session. torch is not loaded for it."""
