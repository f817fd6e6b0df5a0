"""One capability of AWS each; they import neither each other nor the configuration."""
