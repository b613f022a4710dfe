"""`piragua check`: what keeps Piragua from doing its job, and with --fix its end."""
