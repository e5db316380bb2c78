"""What the app's pages are made of."""
