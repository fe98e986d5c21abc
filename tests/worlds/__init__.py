"""Worlds to show pages with: `empty`, `few`, `many`, `hostile`. They come about by use, so nothing in them could not be."""
