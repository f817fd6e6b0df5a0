"""One capability of AWS each; they know neither each other nor the configuration."""
