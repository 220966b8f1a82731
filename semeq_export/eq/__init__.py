"""Equalisers as numbers: settings, their exact response, the filter that runs them, and fitting them to a curve."""
