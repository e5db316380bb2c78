"""How the demo model is made; ``data/train_demo_model.py`` runs it."""
