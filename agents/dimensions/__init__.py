"""The faces of the prism: pure state machines that fold frames and score at ticks."""
