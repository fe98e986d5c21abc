"""Reading, comparing, carrying out and writing configuration files."""
