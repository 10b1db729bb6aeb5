"""Documents of the outside, read into values: text or JSON in, values out."""
