"""Rules about networks that train against each other."""
