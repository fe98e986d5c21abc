"""The configuration file: what it may say, what it means, and how it differs from what is in force."""
