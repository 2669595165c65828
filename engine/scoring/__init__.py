"""Judging takes by measuring them: what is broken (``signal``), and what the measured parts come to (``ranking``)."""
