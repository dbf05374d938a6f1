"""What operators get to see: health, metrics, logs."""
