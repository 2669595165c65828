"""The parts of the desk. A pane is given values to show and posts messages; none knows the studio."""
