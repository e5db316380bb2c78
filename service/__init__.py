"""What any surface may ask for."""
